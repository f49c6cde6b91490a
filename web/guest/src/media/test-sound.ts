// SPDX-License-Identifier: Apache-2.0
// Two soft notes for a guest who wants to know whether the speaker works.

const NOTES = [523.25, 783.99]; // C5, G5
const NOTE_S = 0.35;

type Sinkable = HTMLAudioElement & { setSinkId?: (id: string) => Promise<void> };

export async function playTestSound(speaker: string): Promise<void> {
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  NOTES.forEach((frequency, i) => {
    const note = new OscillatorNode(context, { frequency });
    const gain = new GainNode(context, { gain: 0 });
    const start = context.currentTime + 0.05 + i * NOTE_S;
    gain.gain.setValueAtTime(0, start);
    gain.gain.linearRampToValueAtTime(0.25, start + 0.03);
    gain.gain.exponentialRampToValueAtTime(0.001, start + NOTE_S);
    note.connect(gain).connect(out);
    note.start(start);
    note.stop(start + NOTE_S);
  });
  const audio: Sinkable = new Audio();
  audio.srcObject = out.stream;
  if (speaker !== "") await audio.setSinkId?.(speaker).catch(() => {});
  await audio.play().catch(() => {});
  window.setTimeout(() => void context.close(), (NOTES.length + 1) * NOTE_S * 1000);
}
