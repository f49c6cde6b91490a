// SPDX-License-Identifier: Apache-2.0
// How loud a microphone is.

/** For a meter that moves with the voice. */
export const METER_MS = 66;
/** The quietest level the meter shows. */
const FLOOR_DB = -60;

export interface Loudness {
  /** 0 to 1, evenly by ear. */
  level: number;
  /** The largest sample, 0 to 1. */
  peak: number;
}

/** Measures every `periodMs` until the returned function is called. */
export function measureLevel(
  track: MediaStreamTrack,
  periodMs: number,
  onLevel: (loudness: Loudness) => void,
): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 2048;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = window.setInterval(() => {
    // Without a gesture on the page yet the context sleeps; trying again costs nothing.
    if (context.state !== "running") {
      void context.resume().catch(() => {});
      return;
    }
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    let peak = 0;
    for (const s of samples) {
      sum += s * s;
      peak = Math.max(peak, Math.abs(s));
    }
    const db = 10 * Math.log10(sum / samples.length + 1e-12);
    onLevel({ level: Math.min(1, Math.max(0, 1 - db / FLOOR_DB)), peak });
  }, periodMs);
  return () => {
    window.clearInterval(timer);
    void context.close().catch(() => {});
  };
}
