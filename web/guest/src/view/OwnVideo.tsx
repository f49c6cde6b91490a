// SPDX-License-Identifier: Apache-2.0
// What the own camera sees, as in a mirror.

import { useMemo } from "preact/hooks";
import { cameraTrack } from "../store";
import { Video } from "./Video";

export function OwnVideo() {
  const track = cameraTrack.value;
  const stream = useMemo(() => (track === null ? undefined : new MediaStream([track])), [track]);
  return stream === undefined ? null : <Video stream={stream} mirrored />;
}
