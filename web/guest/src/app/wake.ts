// SPDX-License-Identifier: Apache-2.0
// Runs the sleep clock.

import { SleepClock } from "./sleep";

const TICK_MS = 1000;

/** `onWake` takes the time slept in ms. */
export function startSleepClock(onWake: (sleptMs: number) => void): void {
  const clock = new SleepClock(Date.now());
  window.setInterval(() => {
    const slept = clock.tick(Date.now());
    if (slept > 0) onWake(slept);
  }, TICK_MS);
}
