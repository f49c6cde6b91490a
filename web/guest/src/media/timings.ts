// SPDX-License-Identifier: Apache-2.0
// When each step of a join happened, in ms of performance.now(); also as marks `stoa:<step>`.

export type Step =
  | "joinClick"
  | "joinAnswer"
  | "offerSent"
  | "answer"
  | "connected"
  | "firstFrame"
  /** The guest was told that there is no path. */
  | "trouble";

export const timings: Partial<Record<Step, number>> = {};

/** A new join begins: the steps of the one before are forgotten. */
export function resetTimings(): void {
  for (const step of Object.keys(timings) as Step[]) {
    delete timings[step];
    performance.clearMarks(`stoa:${step}`);
  }
}

/** Notes a step the first time it happens. */
export function mark(step: Step): void {
  if (timings[step] !== undefined) return;
  timings[step] = performance.mark(`stoa:${step}`).startTime;
}
