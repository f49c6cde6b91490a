// SPDX-License-Identifier: Apache-2.0
// Notices that the device slept, by a clock that jumps between two ticks.

/** Background pages tick late, but not by that much. */
export const JUMP_MS = 20000;

export class SleepClock {
  private last: number;

  constructor(now: number) {
    this.last = now;
  }

  /** How long the device slept since the last call, by the wall clock; 0: it did not. */
  tick(now: number): number {
    const gap = now - this.last;
    this.last = now;
    return gap >= JUMP_MS ? gap : 0;
  }
}
