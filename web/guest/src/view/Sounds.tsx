// SPDX-License-Identifier: Apache-2.0
// One audio element per sound slot. A browser that holds sound back gets it released by the next
// gesture.

import { useEffect, useRef } from "preact/hooks";
import { FIRST_AUDIO_LINE, SCREEN_AUDIO_LINE } from "../media/peer";
import { chosen, peer, soundBlocked } from "../store";

const LINES = [FIRST_AUDIO_LINE, FIRST_AUDIO_LINE + 1, FIRST_AUDIO_LINE + 2, SCREEN_AUDIO_LINE];

async function start(audio: HTMLAudioElement): Promise<void> {
  try {
    await audio.play();
  } catch (e) {
    if (e instanceof DOMException && e.name === "NotAllowedError") soundBlocked.value = true;
  }
}

export function playSound(): void {
  soundBlocked.value = false;
  for (const audio of document.querySelectorAll("audio")) void start(audio);
}

function Sound({ line }: { line: number }) {
  const element = useRef<HTMLAudioElement>(null);
  const stream = peer.value?.stream(line);
  const speaker = chosen.audiooutput.value;
  useEffect(() => {
    const audio = element.current!;
    audio.srcObject = stream ?? null;
    if (stream !== undefined) void start(audio);
    return () => {
      audio.srcObject = null;
    };
  }, [stream]);
  useEffect(() => {
    const audio = element.current as HTMLAudioElement & {
      setSinkId?: (id: string) => Promise<void>;
    };
    // A remembered speaker that is gone: the sound stays on the default one.
    if (speaker !== "") audio.setSinkId?.(speaker).catch(() => {});
  }, [speaker]);
  return <audio ref={element} autoplay />;
}

export function Sounds() {
  const blocked = soundBlocked.value;
  useEffect(() => {
    if (!blocked) return;
    document.addEventListener("pointerdown", playSound, { once: true });
    document.addEventListener("keydown", playSound, { once: true });
    return () => {
      document.removeEventListener("pointerdown", playSound);
      document.removeEventListener("keydown", playSound);
    };
  }, [blocked]);
  return (
    <div hidden>
      {LINES.map((line) => (
        <Sound key={line} line={line} />
      ))}
    </div>
  );
}
