// SPDX-License-Identifier: Apache-2.0
// How loud a microphone is, 0 to 1, about 15 times a second.

const PERIOD_MS = 66;
/** The quietest level the meter shows. */
const FLOOR_DB = -60;

/** Measures until the returned function is called. */
export function measureLevel(
  track: MediaStreamTrack,
  onLevel: (level: number) => void,
): () => void {
  const context = new AudioContext();
  const analyser = context.createAnalyser();
  analyser.fftSize = 1024;
  context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = window.setInterval(() => {
    // Without a gesture on the page yet the context sleeps; trying again costs nothing.
    if (context.state === "suspended") void context.resume().catch(() => {});
    analyser.getFloatTimeDomainData(samples);
    let sum = 0;
    for (const s of samples) sum += s * s;
    const db = 10 * Math.log10(sum / samples.length + 1e-12);
    onLevel(Math.min(1, Math.max(0, 1 - db / FLOOR_DB)));
  }, PERIOD_MS);
  return () => {
    window.clearInterval(timer);
    void context.close().catch(() => {});
  };
}
