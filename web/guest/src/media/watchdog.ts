// SPDX-License-Identifier: Apache-2.0
// Judges once a second whether media really arrives, from figures alone: no clock, no browser.
// iceConnectionState is not trusted: with refused TURN it stays `new` for ever, and after a cut it
// says so only 5-7 s later.

/** From the click: no path to the callbridge by then means trouble; both ends say so within 3 s. */
export const TROUBLE_MS = 2500;
/** There is a path, but neither a frame nor word from the callbridge. */
export const SILENT_MS = 5000;
/** The verdict is said; trying goes on. */
export const VERDICT_MS = 12000;
/** Media, RTCP or the answer to a connectivity check (every 2.5 s) arrives while the path lives. */
export const STALL_MS = 4000;
/** Somebody's picture should come, the path lives, and still no frame. */
export const FROZEN_MS = 6000;

export interface Sample {
  /** Bytes received and checks answered: grows while the path lives. */
  life: number;
  /** Sound or a picture has arrived since the connection was made. */
  decoded: boolean;
  /** Frames decoded on all video slots in which a picture is due; -1: none is due. */
  frames: number;
}

/** What changed: `trouble` and `verdict` once each, `stall` again every four seconds. */
export type Finding = "trouble" | "verdict" | "flow" | "stall" | "frozen" | "thawed";

export class Watchdog {
  private phase: "waiting" | "flowing" | "stalled" = "waiting";
  private told = false;
  private troubled = false;
  private judged = false;
  private frozen = false;
  private life = 0;
  private frames = -1;
  private grewAt: number;
  private frameAt: number;

  constructor(private readonly startedAt: number) {
    this.grewAt = this.frameAt = startedAt;
  }

  /** The callbridge says that it hears us. */
  connected(): void {
    this.told = true;
  }

  look(sample: Sample, now: number): Finding[] {
    // Less than before: the path moved to another pair, which counts as life too.
    const grew = sample.life !== this.life;
    this.life = sample.life;
    if (grew) this.grewAt = now;
    const findings = this.judgePath(grew, sample.decoded, now);
    if (this.phase === "flowing") findings.push(...this.judgeFrames(sample.frames, now));
    else this.frameAt = now;
    return findings;
  }

  private judgePath(grew: boolean, decoded: boolean, now: number): Finding[] {
    if (grew && this.phase !== "flowing" && (decoded || this.told || this.phase === "stalled")) {
      this.phase = "flowing";
      return ["flow"];
    }
    if ((this.phase !== "waiting" || this.told) && now - this.grewAt >= STALL_MS) {
      this.phase = "stalled";
      this.grewAt = now;
      return ["stall"];
    }
    if (this.phase !== "waiting" || this.told) return [];
    const waited = now - this.startedAt;
    if (!this.troubled && waited >= (this.life > 0 ? SILENT_MS : TROUBLE_MS)) {
      this.troubled = true;
      return ["trouble"];
    }
    if (!this.judged && waited >= VERDICT_MS) {
      this.judged = true;
      return ["verdict"];
    }
    return [];
  }

  private judgeFrames(frames: number, now: number): Finding[] {
    const moves = frames < 0 || frames !== this.frames;
    this.frames = frames;
    if (moves) {
      this.frameAt = now;
      if (!this.frozen) return [];
      this.frozen = false;
      return ["thawed"];
    }
    if (this.frozen || now - this.frameAt < FROZEN_MS) return [];
    this.frozen = true;
    return ["frozen"];
  }
}

// --- why -----------------------------------------------------------------------------------------

export interface Circumstances {
  /** The device itself says that it has no network. */
  offline: boolean;
  /** What a relay server answered when it refused us. */
  relayRefused: string;
  /** Own addresses found by the browser. */
  candidates: number;
  ice: string; // RTCIceConnectionState
  connection: string; // RTCPeerConnectionState
}

export type Cause = "offline" | "relay" | "noPath" | "blocked" | "noSecurity" | "silent";

/** The most likely cause, from the most certain to the least. */
export function causeOf(c: Circumstances): Cause {
  if (c.offline) return "offline";
  if (c.relayRefused !== "") return "relay";
  if (c.connection === "connected") return "silent"; // a path, and nothing comes on it
  if (c.ice === "connected" || c.ice === "completed") return "noSecurity"; // a path, but no DTLS
  return c.candidates === 0 ? "noPath" : "blocked";
}
