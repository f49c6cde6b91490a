// SPDX-License-Identifier: Apache-2.0
// Tells a microphone that delivers nothing from a quiet room: a working one always hisses a little.
// Hardware mute switches, a wrong input and a dead cable give (nearly) only zeros.

/** Peaks below are no sound of a working microphone: -80 dB of full scale. */
const DEAD_PEAK = 1e-4;
/** Peaks above prove that it works. */
const ALIVE_PEAK = 1e-3;
export const SILENT_AFTER_MS = 8000;

export class SilenceJudge {
  private since: number | null = null;
  private silent = false;

  /** `peak`: the largest sample since the last call, 0 to 1. True: nothing comes from it. */
  add(peak: number, now: number): boolean {
    if (peak >= DEAD_PEAK) this.since = null;
    else this.since ??= now;
    if (peak >= ALIVE_PEAK) this.silent = false;
    if (this.since !== null && now - this.since >= SILENT_AFTER_MS) this.silent = true;
    return this.silent;
  }

  /** Muted by the guest: what comes now says nothing. */
  pause(): void {
    this.since = null;
    this.silent = false;
  }
}
