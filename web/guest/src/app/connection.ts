// SPDX-License-Identifier: Apache-2.0
// Brings the session's signalling and the peer connection together: offer and answer, candidates,
// ICE restarts, and what the guest is told when media does not flow.

import { effect } from "@preact/signals";
import { Peer } from "../media/peer";
import { mark } from "../media/timings";
import { Watch } from "../media/watch";
import { cameraTrack, media, micTrack, peer, screenTrack, type MediaPhase } from "../store";
import { Refusal, type IceServer, type Joined } from "../wire/messages";
import { screenSound } from "./local";
import { hooks, session } from "./session";

/** Pause before the page tries another ICE restart by itself. */
const RESTART_PAUSE_MS = 5000;
/** Pause before an offer is repeated that the callbridge could not take for the moment. */
const OFFER_PAUSE_MS = 1000;
/** Pause before a callbridge that is away is asked again whether it knows us. */
const ASK_PAUSE_MS = 1000;

let watch: Watch | null = null;
let servers: IceServer[] = [];
/** A relay server refused us; told when it turns out that there is no other way. */
let relayRefused = "";
let restartTimer = 0;
let asking = false;
let reported = new Set<string>();

const policy = (): RTCIceTransportPolicy =>
  new URLSearchParams(window.location.search).get("ice") === "relay" ? "relay" : "all";

const phase = (p: MediaPhase, cause = ""): void => {
  media.value = { phase: p, cause };
};

/** Each thing once per connection: a report is a line in the server's log. */
function report(what: string, text: string): void {
  if (reported.has(what + text)) return;
  reported.add(what + text);
  session.report(what, text);
}

/** Makes the connection and its first offer ahead of the click. */
export function preparePeer(): void {
  dropPeer();
  phase("connecting");
  const mine = new Peer(
    {
      onCandidate: (candidate, ufrag) => session.candidate(candidate, ufrag),
      onCandidateError: (code, text) => {
        // 701 is any address that cannot be reached, normal with several networks.
        if (code === 401 || code === 431) relayRefused = text;
        if (code !== 701) report("ice-candidate-error", text);
      },
      onState: (state) => onState(mine, state),
    },
    policy(),
  );
  peer.value = mine;
}

export function dropPeer(): void {
  watch?.stop();
  watch = null;
  window.clearTimeout(restartTimer);
  peer.value?.close();
  peer.value = null;
  relayRefused = "";
  reported = new Set();
}

export async function connect(joined: Joined): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = joined.iceServers;
  watch = makeWatch(mine);
  await exchange(mine, await mine.offer(servers, joined.videoCodec));
}

/** After a resume: whatever the dead WebSocket may have swallowed is said again. */
export async function reconnect(joined: Joined): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = joined.iceServers;
  if (mine.unanswered !== "") await exchange(mine, mine.unanswered);
  const state = mine.connection.connectionState;
  if (state === "failed") await restart(servers);
  else if (state !== "connected") mine.repeatCandidates();
}

/** Offers until there is an answer, another offer, or a reason to stop. */
async function exchange(mine: Peer, sdp: string): Promise<void> {
  const overtaken = (): boolean => peer.value !== mine || mine.unanswered !== sdp;
  for (;;) {
    try {
      mark("offerSent");
      const answer = await session.offer(sdp);
      if (overtaken()) return;
      mark("answer");
      await mine.answer(answer);
      watch?.start();
      return;
    } catch (e) {
      // A lost WebSocket or participant is taken up again by the session, which brings us back
      // here.
      if (overtaken() || !session.isUp || !(e instanceof Refusal) || e.code === "NOT_FOUND")
        throw e;
      if (!e.retry) {
        phase("failed", e.message);
        throw e;
      }
      await new Promise((done) => window.setTimeout(done, OFFER_PAUSE_MS));
      if (overtaken() || !session.isUp) return;
    }
  }
}

async function restart(fresh: IceServer[]): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = fresh;
  relayRefused = "";
  await exchange(mine, await mine.restart(servers));
}

/** For event handlers: what fails here is retried by the next resume or restart. */
export function attempt(work: Promise<void>): void {
  work.catch((e: unknown) => report("offer-failed", e instanceof Error ? e.message : String(e)));
}

export function restartNow(): void {
  if (session.inside) attempt(restart(servers));
}

function onState(mine: Peer, state: RTCPeerConnectionState): void {
  if (state === "connected") {
    mark("connected");
    phase("connected");
    window.clearTimeout(restartTimer);
  } else if (state === "disconnected") {
    phase("stalled");
    void ask(mine);
  } else if (state === "failed") {
    report("ice-failed", relayRefused || "connection failed");
    phase(relayRefused === "" ? "stalled" : "relay", relayRefused);
    restartNow();
    window.clearTimeout(restartTimer);
    restartTimer = window.setTimeout(() => {
      if (peer.value === mine && mine.connection.connectionState === "failed")
        onState(mine, "failed");
    }, RESTART_PAUSE_MS);
  }
}

/** Does the callbridge still know us? If not the session joins again by itself. */
async function ask(mine: Peer): Promise<void> {
  if (asking) return;
  asking = true;
  while (peer.value === mine && media.value.phase === "stalled" && session.inside && session.isUp) {
    try {
      await session.probe();
      break;
    } catch (e) {
      // Away for the moment, perhaps restarting: its successor will not know us.
      if (!(e instanceof Refusal) || e.code !== "UNAVAILABLE") break;
      await new Promise((done) => window.setTimeout(done, ASK_PAUSE_MS));
    }
  }
  asking = false;
}

function makeWatch(mine: Peer): Watch {
  return new Watch(mine, {
    onTrouble: () => {
      if (media.value.phase !== "connecting") return; // the callbridge told more already
      phase(relayRefused === "" ? "trouble" : "relay", relayRefused);
      report(
        "no-media",
        relayRefused || `no frame and no word, ICE ${mine.connection.iceConnectionState}`,
      );
    },
    onFlow: () => phase("connected"),
    onStall: () => {
      phase("stalled");
      void ask(mine);
    },
  });
}

export function startConnection(): void {
  effect(() => void peer.value?.send("mic", micTrack.value));
  effect(() => void peer.value?.send("camera", cameraTrack.value));
  effect(() => void peer.value?.send("screen", screenTrack.value));
  effect(() => void peer.value?.send("screenAudio", screenSound.value));

  hooks.events.candidate = (c) => peer.value?.addCandidate(c);
  hooks.events.restart = (fresh) => attempt(restart(fresh));
  hooks.events.media = ({ state, cause }) => {
    if (state === "connected") watch?.connected();
    // Our own refusal names the culprit better than "creation timeout" does.
    if ((state === "failing" || state === "failed") && relayRefused !== "") phase("relay", cause);
    else phase(state, cause);
  };

  // Another network: neither WebSocket nor media will notice soon by themselves.
  window.addEventListener("online", () => {
    if (!session.inside) return;
    session.renew();
  });
}
