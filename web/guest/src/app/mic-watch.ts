// SPDX-License-Identifier: Apache-2.0
// Watches whether the own microphone delivers anything while the guest believes to be heard.

import { effect } from "@preact/signals";
import { measureLevel } from "../media/level";
import { SilenceJudge } from "../media/silence";
import { micSilent, micTrack, muted, page } from "../store";

const PERIOD_MS = 250;

export function startMicWatch(): void {
  effect(() => {
    const track = micTrack.value;
    const listening = page.value === "preview" || page.value === "meeting";
    micSilent.value = false;
    if (track === null || muted.value || !listening) return;
    const judge = new SilenceJudge();
    return measureLevel(track, PERIOD_MS, ({ peak }) => {
      // While the system mutes it there is another word for it.
      if (track.muted) judge.pause();
      micSilent.value = !track.muted && judge.add(peak, performance.now());
    });
  });
}
