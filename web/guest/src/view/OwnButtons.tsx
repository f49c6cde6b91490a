// SPDX-License-Identifier: Apache-2.0
// Microphone and camera, the same two buttons in the preview and in the meeting.

import { setCameraOff, setMuted } from "../app/local";
import { audioMuted, videoMuted } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";

export function OwnButtons() {
  const silent = audioMuted.value;
  const dark = videoMuted.value;
  return (
    <>
      <button
        type="button"
        class={silent ? "control is-off" : "control"}
        onClick={() => void setMuted(!silent)}
      >
        <Icon name={silent ? "micOff" : "mic"} />
        <span>{t(silent ? "unmute" : "mute")}</span>
      </button>
      <button
        type="button"
        class={dark ? "control is-off" : "control"}
        onClick={() => void setCameraOff(!dark)}
      >
        <Icon name={dark ? "cameraOff" : "camera"} />
        <span>{t(dark ? "cameraOn" : "cameraOff")}</span>
      </button>
    </>
  );
}
