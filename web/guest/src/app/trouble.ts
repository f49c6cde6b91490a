// SPDX-License-Identifier: Apache-2.0
// What the guest is told when media does not flow: since when, why as far as anybody knows, and
// what is being tried.

import type { Peer } from "../media/peer";
import { mark } from "../media/timings";
import { causeOf, type Cause } from "../media/watchdog";
import { media, NO_TROUBLE, type MediaTrouble } from "../store";
import type { TextKey } from "../text";
import type { MediaPhase } from "../wire/messages";

export class Trouble {
  /** What a relay server answered; told when it turns out that there is no other way. */
  private relay = "";

  constructor(private readonly report: (what: string, text: string) => void) {}

  reset(): void {
    this.relay = "";
    media.value = NO_TROUBLE;
  }

  relayRefused(text: string): void {
    this.relay = text;
  }

  flow(): void {
    media.value = { ...NO_TROUBLE, phase: "connected" };
  }

  /** Nothing arrived in time; `final`: that long that it will hardly come any more. */
  late(peer: Peer, final: boolean): void {
    const { phase } = media.value;
    if (phase !== "connecting" && phase !== "trouble" && phase !== "failed") return;
    const why = this.why(peer);
    this.set({ phase: final ? "failed" : "trouble", why, trying: final ? null : "tryingPaths" });
    const ice = `ICE ${peer.connection.iceConnectionState}`;
    this.report(final ? "no-media-final" : "no-media", this.relay || `${why}, ${ice}`);
  }

  stall(peer: Peer): void {
    if (media.value.phase === "failed") return;
    this.set({ phase: "stalled", why: this.why(peer) === "offline" ? "offline" : null });
  }

  failed(peer: Peer): void {
    this.report("ice-failed", this.relay || "connection failed");
    // Whoever had media once knows that the network lets it through.
    if (media.value.phase === "connected" || media.value.phase === "stalled") this.stall(peer);
    else this.late(peer, false);
  }

  /** The path lives, and no picture that should come does. */
  frozen(is: boolean): void {
    const { phase } = media.value;
    if (is && phase === "connected") this.set({ phase: "frozen", trying: null });
    else if (!is && phase === "frozen") this.flow();
  }

  /** The callbridge would not have our offer, now or later. */
  refused(cause: string): void {
    this.set({ phase: "failed", why: null, cause, trying: null });
  }

  restarting(): void {
    this.relay = "";
    this.trying("tryingPaths");
  }

  trying(what: TextKey): void {
    if (media.value.phase === "stalled" || media.value.phase === "trouble")
      this.set({ trying: what });
  }

  again(): void {
    if (media.value.phase !== "connected")
      media.value = { ...NO_TROUBLE, phase: "trouble", trying: "tryingPaths" };
  }

  told(state: MediaPhase, cause: string): void {
    if (state === "connected") this.flow();
    else if (state === "connecting") this.reset();
    else {
      // Our own refusal names the culprit better than "creation timeout" does.
      const refused = this.relay !== "" || /unauthori[sz]ed/i.test(cause);
      const why: Cause = refused ? "relay" : "blocked";
      const { phase } = media.value;
      const had = phase === "connected" || phase === "stalled" || phase === "frozen";
      if (state === "failed") this.set({ phase: "failed", why, cause, trying: null });
      else if (had) this.set({ phase: "stalled", why: null, cause, trying: "tryingPaths" });
      else this.set({ phase: "trouble", why, cause, trying: "tryingPaths" });
    }
  }

  private why(peer: Peer): Cause {
    return causeOf({
      offline: !navigator.onLine,
      relayRefused: this.relay,
      candidates: peer.candidates,
      ice: peer.connection.iceConnectionState,
      connection: peer.connection.connectionState,
    });
  }

  private set(members: Partial<MediaTrouble>): void {
    media.value = { ...media.value, ...members };
    if (members.phase === "trouble" || members.phase === "failed") mark("trouble");
  }
}
