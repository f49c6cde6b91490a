// SPDX-License-Identifier: Apache-2.0
// From the figures of each second to the guest's quality mark, and which pictures are due.

import { FIRST_VIDEO_LINE } from "../media/peer";
import { NO_QUALITY, QualityMeter } from "../media/quality";
import type { Stats } from "../media/stats";
import { participants, quality, slots, stats } from "../store";
import { shownHeight } from "./sight";

let meter = new QualityMeter();

export function resetQuality(): void {
  meter = new QualityMeter();
  quality.value = NO_QUALITY;
  stats.value = null;
}

const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);

export function takeStats(s: Stats, now: number): void {
  const paused = slots.value.videoPaused.includes(true) || slots.value.screenPaused;
  stats.value = s;
  quality.value = meter.add(
    {
      received: sum(s.slots.map((l) => l.packets)),
      lost: sum(s.slots.map((l) => l.packetsLost)),
      bytesIn: s.pair?.bytesReceived ?? 0,
      bytesOut: s.pair?.bytesSent ?? 0,
      lossOut: Math.max(0, ...s.sent.map((l) => l.lossOut)),
      rttMs: s.pair?.rttMs ?? 0,
      paused,
      limited: s.sent.some((l) => l.limitedBy === "bandwidth"),
      connected: s.connectionState === "connected",
    },
    now,
  );
}

/** Lines on which frames should come now: somebody's camera is on, nothing holds it back. */
export function due(): number[] {
  return slots.value.video.flatMap((who, slot) => {
    const p = participants.value.get(who);
    const line = FIRST_VIDEO_LINE + slot;
    const comes =
      p !== undefined &&
      p.media &&
      !p.videoMuted &&
      slots.value.videoPaused[slot] !== true &&
      shownHeight(line) > 0;
    return comes ? [line] : [];
  });
}
