// SPDX-License-Identifier: Apache-2.0
// How good the connection is, in three levels a guest understands, from the difference of two
// samples. A level gets worse at once and better only after some quiet seconds: a mark that
// flickers is no help.

/** 0: not known or no connection; 1 poor, 2 fair, 3 good. */
export type Level = 0 | 1 | 2 | 3;

/** Sums since the connection began. */
export interface Sample {
  received: number; // packets
  lost: number; // packets, as the receiver counts them
  bytesIn: number;
  bytesOut: number;
  /** What the far side lost of ours in its last report, 0 to 1. */
  lossOut: number;
  rttMs: number;
  /** A slot is held back because this guest's link is too slow. */
  paused: boolean;
  /** The sender sends less than it would for lack of bandwidth. */
  limited: boolean;
  connected: boolean;
}

export interface Quality {
  level: Level;
  lossIn: number; // 0 to 1
  lossOut: number;
  rttMs: number;
  inBps: number;
  outBps: number;
}

export const NO_QUALITY: Quality = {
  level: 0,
  lossIn: 0,
  lossOut: 0,
  rttMs: 0,
  inBps: 0,
  outBps: 0,
};

const GOOD = { loss: 0.02, rttMs: 250 };
const FAIR = { loss: 0.08, rttMs: 600 };
/** The better level must hold for so many samples. */
const PATIENCE = 4;
/** Loss of a single second says little with few packets: this much of the past is kept. */
const MEMORY = 0.6;
/** Every sender begins small and is limited for some seconds; only longer it means something. */
const LIMITED_FOR = 12;

export function levelOf(q: Omit<Quality, "level">, limited: boolean): Level {
  const loss = Math.max(q.lossIn, q.lossOut);
  if (loss > FAIR.loss || q.rttMs > FAIR.rttMs) return 1;
  return limited || loss > GOOD.loss || q.rttMs > GOOD.rttMs ? 2 : 3;
}

export class QualityMeter {
  private before: { sample: Sample; at: number } | null = null;
  private quality: Quality = NO_QUALITY;
  private better = 0;
  private limitedFor = 0;

  add(sample: Sample, now: number): Quality {
    const before = this.before;
    this.before = { sample, at: now };
    if (!sample.connected) {
      this.better = 0;
      return (this.quality = NO_QUALITY);
    }
    if (before === null || now <= before.at) return this.quality;
    this.limitedFor = sample.limited ? this.limitedFor + 1 : 0;
    const limited = sample.paused || this.limitedFor >= LIMITED_FOR;
    const seconds = (now - before.at) / 1000;
    // Counters of a replaced connection start anew: no difference is below zero.
    const grown = (a: number, b: number): number => Math.max(0, a - b);
    const received = grown(sample.received, before.sample.received);
    const lost = grown(sample.lost, before.sample.lost);
    const lossNow = received + lost === 0 ? 0 : lost / (received + lost);
    const last = this.quality;
    const smooth = (was: number, is: number): number =>
      last.level === 0 ? is : was * MEMORY + is * (1 - MEMORY);
    const fresh = {
      lossIn: smooth(last.lossIn, lossNow),
      lossOut: smooth(last.lossOut, sample.lossOut),
      rttMs: sample.rttMs,
      inBps: (grown(sample.bytesIn, before.sample.bytesIn) * 8) / seconds,
      outBps: (grown(sample.bytesOut, before.sample.bytesOut) * 8) / seconds,
    };
    return (this.quality = { ...fresh, level: this.settle(levelOf(fresh, limited)) });
  }

  private settle(now: Level): Level {
    const shown = this.quality.level;
    if (shown === 0 || now <= shown) {
      this.better = 0;
      return now;
    }
    if (++this.better < PATIENCE) return shown;
    this.better = 0;
    return now;
  }
}
