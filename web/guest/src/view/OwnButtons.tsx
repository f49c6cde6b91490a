// SPDX-License-Identifier: Apache-2.0
// Microphone and camera, the same two buttons in the preview and in the meeting.

import { toggleCamera, toggleMic } from "../app/local";
import { audioMuted, talking, videoMuted } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";

export function OwnButtons() {
  const silent = audioMuted.value;
  const dark = videoMuted.value;
  const mic = talking.value ? "control is-talking" : silent ? "control is-off" : "control";
  return (
    <>
      <button type="button" class={mic} onClick={toggleMic}>
        <Icon name={silent ? "micOff" : "mic"} />
        <span>{t(silent ? "unmute" : "mute")}</span>
      </button>
      <button type="button" class={dark ? "control is-off" : "control"} onClick={toggleCamera}>
        <Icon name={dark ? "cameraOff" : "camera"} />
        <span>{t(dark ? "cameraOn" : "cameraOff")}</span>
      </button>
    </>
  );
}
