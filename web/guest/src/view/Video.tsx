// SPDX-License-Identifier: Apache-2.0
// A picture without sound. Sound has its own elements (Sounds.tsx), so that muting a picture or
// taking it off the page never cuts a voice.

import { useEffect, useRef } from "preact/hooks";
import { watchSlot } from "../app/sight";

export function Video({
  stream,
  mirrored = false,
  line = 0,
  onFrame,
  class: name = "",
}: {
  stream: MediaStream | undefined;
  mirrored?: boolean;
  /** The m-line whose picture it is; the callbridge is told how large it stands here. */
  line?: number;
  onFrame?: () => void;
  class?: string;
}) {
  const element = useRef<HTMLVideoElement>(null);
  const callback = useRef(onFrame);
  callback.current = onFrame;
  useEffect(() => {
    const video = element.current!;
    video.srcObject = stream ?? null;
    // Muted pictures may always play; a refusal means that it was replaced.
    video.play().catch(() => {});
    let handle = 0;
    const next = (): void => {
      if (video.requestVideoFrameCallback === undefined) {
        callback.current?.(); // no way to know; shown as soon as the element has data
        return;
      }
      handle = video.requestVideoFrameCallback(() => {
        callback.current?.();
        next();
      });
    };
    if (callback.current !== undefined) next();
    return () => {
      if (handle !== 0) video.cancelVideoFrameCallback(handle);
      video.srcObject = null;
    };
  }, [stream]);
  useEffect(() => (line === 0 ? undefined : watchSlot(line, element.current!)), [line]);
  return (
    <video
      ref={element}
      class={mirrored ? `mirrored ${name}` : name}
      autoplay
      playsInline
      muted
      aria-hidden="true"
      disablePictureInPicture
    />
  );
}
