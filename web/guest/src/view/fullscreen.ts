// SPDX-License-Identifier: Apache-2.0
// The whole page on the whole screen, where the browser can.

import { useEffect, useState } from "preact/hooks";

export const canFullScreen = (): boolean => document.fullscreenEnabled === true;

export function toggleFullScreen(): void {
  const done =
    document.fullscreenElement === null
      ? document.documentElement.requestFullscreen()
      : document.exitFullscreen();
  done.catch(() => {}); // refused: everything stays as it is, and is seen to
}

export function useFullScreen(): boolean {
  const [full, setFull] = useState(document.fullscreenElement !== null);
  useEffect(() => {
    const changed = (): void => setFull(document.fullscreenElement !== null);
    document.addEventListener("fullscreenchange", changed);
    return () => document.removeEventListener("fullscreenchange", changed);
  }, []);
  return full;
}
