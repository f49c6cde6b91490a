// SPDX-License-Identifier: Apache-2.0
// Looks every second whether media really arrives. iceConnectionState is not trusted: with refused
// TURN it stays `new` for ever, and after a cut it says so only 5-7 s later.

import type { Peer } from "./peer";
import { readStats, type Stats } from "./stats";

const PERIOD_MS = 1000;
/** After the answer: neither a frame nor word from the callbridge by then means trouble. */
const TROUBLE_MS = 5000;
/** Media, RTCP or the answer to a connectivity check (every 2.5 s) arrives while the path lives. */
const STALL_MS = 4000;

export interface WatchEvents {
  /** Once: nothing arrived in time. */
  onTrouble(): void;
  /** The first media, or media again after trouble. */
  onFlow(): void;
  /** Nothing arrives any more; repeated every four seconds until something does. */
  onStall(): void;
}

export class Watch {
  private timer = 0;
  private startedAt = 0;
  private life = 0;
  private grewAt = 0;
  private told = false;
  private phase: "waiting" | "flowing" | "stalled" = "waiting";
  private troubled = false;

  constructor(
    private readonly peer: Peer,
    private readonly events: WatchEvents,
  ) {}

  /** From the answer on; again after an ICE restart. */
  start(): void {
    this.stop();
    this.startedAt = performance.now();
    this.grewAt = this.startedAt;
    this.told = false;
    this.phase = "waiting";
    this.troubled = false;
    this.timer = window.setInterval(() => void this.look(), PERIOD_MS);
  }

  stop(): void {
    window.clearInterval(this.timer);
  }

  /** The callbridge says that it hears us. */
  connected(): void {
    this.told = true;
  }

  private async look(): Promise<void> {
    if (this.peer.connection.signalingState === "closed") return this.stop();
    this.judge(await readStats(this.peer), performance.now());
  }

  private judge(stats: Stats, now: number): void {
    const life = (stats.pair?.bytesReceived ?? 0) + (stats.pair?.checksAnswered ?? 0);
    // Less than before: the path moved to another pair, which counts as life too.
    const grew = life !== this.life;
    this.life = life;
    if (grew) this.grewAt = now;
    const decoded = stats.slots.some(
      (s) => s.framesDecoded > 0 || (s.kind === "audio" && s.packets > 0),
    );
    if (grew && this.phase !== "flowing" && (decoded || this.told || this.phase === "stalled")) {
      this.phase = "flowing";
      this.events.onFlow();
    } else if ((this.phase !== "waiting" || this.told) && now - this.grewAt >= STALL_MS) {
      this.phase = "stalled";
      this.grewAt = now;
      this.events.onStall();
    } else if (
      this.phase === "waiting" &&
      !this.told &&
      !this.troubled &&
      now - this.startedAt >= TROUBLE_MS
    ) {
      this.troubled = true;
      this.events.onTrouble();
    }
  }
}
