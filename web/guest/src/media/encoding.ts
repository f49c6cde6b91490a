// SPDX-License-Identifier: Apache-2.0
// From the size somebody looks at to what is encoded. Steps, not the exact height: a window that
// is being resized must not restart the encoder with every pixel.

const STEPS = [
  { height: 90, bps: 60_000 },
  { height: 180, bps: 200_000 },
  { height: 360, bps: 600_000 },
  { height: 540, bps: 1_000_000 },
  { height: 720, bps: 1_700_000 },
  { height: 1080, bps: 2_500_000 },
] as const;

/** Nobody looks: enough to be there at once when somebody does. */
const IDLE_FPS = 5;
/** The most a larger picture than any step takes. */
const MOST_BPS = 4_000_000;

export interface Encoding {
  scaleResolutionDownBy: number;
  maxBitrate: number;
  maxFramerate: number;
}

/**
 * Shape: `track` the real height of what is captured, above 0; `wanted` the height somebody looks
 * at, 0 nobody, Infinity not known.
 */
export function encodingFor(track: number, wanted: number, fps: number): Encoding {
  const step = STEPS.find((s) => s.height >= wanted);
  const target = Math.min(track, step?.height ?? track);
  const rate = STEPS.find((s) => s.height >= target);
  return {
    scaleResolutionDownBy: Math.max(1, Math.round((track / target) * 1000) / 1000),
    maxBitrate: rate?.bps ?? MOST_BPS,
    maxFramerate: wanted === 0 ? Math.min(IDLE_FPS, fps) : fps,
  };
}
