// SPDX-License-Identifier: Apache-2.0
// Reads the connection's figures every second and hands them to the watchdog and to whoever shows
// them.

import { FIRST_AUDIO_LINE, type Peer } from "./peer";
import { readStats, type Stats } from "./stats";
import { TROUBLE_MS, Watchdog, type Finding, type Sample } from "./watchdog";

const PERIOD_MS = 1000;

export interface WatchEvents {
  onFinding(finding: Finding): void;
  onStats(stats: Stats, now: number): void;
  /** Lines on which a picture is due now. */
  due(): number[];
}

export class Watch {
  private timer = 0;
  private early = 0;
  private dog = new Watchdog(performance.now());

  constructor(
    private readonly peer: Peer,
    private readonly events: WatchEvents,
  ) {}

  /** What is tried since then: a join, another connection, an ICE restart. */
  start(since: number): void {
    this.stop();
    this.dog = new Watchdog(since);
    this.timer = window.setInterval(() => void this.look(), PERIOD_MS);
    const due = since + TROUBLE_MS - performance.now();
    this.early = window.setTimeout(() => void this.look(), Math.max(due, 0));
  }

  stop(): void {
    window.clearInterval(this.timer);
    window.clearTimeout(this.early);
  }

  /** The callbridge says that it hears us. */
  connected(): void {
    this.dog.connected();
  }

  private async look(): Promise<void> {
    if (this.peer.connection.signalingState === "closed") return this.stop();
    const stats = await readStats(this.peer);
    const now = performance.now();
    for (const f of this.dog.look(this.sample(stats), now)) this.events.onFinding(f);
    this.events.onStats(stats, now);
  }

  private sample(stats: Stats): Sample {
    const due = this.events.due();
    return {
      life: (stats.pair?.bytesReceived ?? 0) + (stats.pair?.checksAnswered ?? 0),
      decoded: stats.slots.some(
        (s) => s.framesDecoded > 0 || (s.kind === "audio" && s.packets > 0),
      ),
      frames:
        due.length === 0
          ? -1
          : due.reduce((n, l) => n + (stats.slots[l - FIRST_AUDIO_LINE]?.framesDecoded ?? 0), 0),
    };
  }
}
