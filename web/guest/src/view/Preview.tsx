// SPDX-License-Identifier: Apache-2.0
// The space's name, camera and microphone check, the guest's name.

import { useEffect, useRef } from "preact/hooks";
import { join } from "../app/call";
import { backToCallId } from "../app/entry";
import {
  busy,
  cameraState,
  error,
  login,
  micSilent,
  micState,
  micTrouble,
  name,
  videoMuted,
} from "../store";
import { t } from "../text";
import { DeviceNote } from "./DeviceNote";
import { DeviceSelect } from "./DeviceSelect";
import { Icon } from "./Icon";
import { LevelMeter } from "./LevelMeter";
import { OwnButtons } from "./OwnButtons";
import { OwnVideo } from "./OwnVideo";
import { Shell } from "./Shell";
import { TestSound } from "./TestSound";

function Mirror() {
  return (
    <div class="mirror" role="group" aria-label={t("preview")}>
      <OwnVideo />
      {videoMuted.value && (
        <p class="mirror-empty">
          <Icon name="cameraOff" />
          {t("cameraIsOff")}
        </p>
      )}
      <div class="mirror-controls">
        <OwnButtons />
      </div>
    </div>
  );
}

function NameForm() {
  const field = useRef<HTMLInputElement>(null);
  const wrong = error.value;
  useEffect(() => {
    if (wrong === "errNameEmpty") field.current?.focus();
  }, [wrong]);
  return (
    <form
      noValidate
      onSubmit={(e) => {
        e.preventDefault();
        void join();
      }}
    >
      <label class="field">
        <span>{t("yourName")}</span>
        <input
          ref={field}
          type="text"
          autocomplete="name"
          maxLength={64}
          value={name.value}
          aria-invalid={wrong === "errNameEmpty"}
          {...(wrong === null ? {} : { "aria-describedby": "join-error" })}
          onInput={(e) => {
            name.value = e.currentTarget.value;
          }}
        />
      </label>
      {wrong !== null && (
        <p id="join-error" role="alert" class="note note-error">
          {t(wrong)}
        </p>
      )}
      <div class="actions">
        <button type="button" class="quiet" onClick={backToCallId}>
          <Icon name="back" />
          {t("back")}
        </button>
        <button type="submit" class="primary" aria-disabled={busy.value}>
          {busy.value ? t("joining") : t("joinCall")}
        </button>
      </div>
    </form>
  );
}

export function Preview() {
  return (
    <Shell title={login.value?.spaceName || t("preview")} above={t("joiningSpace")} wide>
      <div class="preview">
        <div class="preview-picture">
          <Mirror />
          <DeviceNote kind="video" state={cameraState.value} />
          <DeviceNote kind="audio" state={micState.value} />
          {(micSilent.value || micTrouble.value !== null) && (
            <p class="note note-warning" role="status">
              {t(micSilent.value ? "micSilent" : "micSystem")}
            </p>
          )}
        </div>
        <div class="preview-side">
          <NameForm />
          <div class="devices">
            <DeviceSelect kind="audioinput" />
            <LevelMeter />
            <DeviceSelect kind="videoinput" />
            <DeviceSelect kind="audiooutput" />
            <TestSound />
          </div>
        </div>
      </div>
    </Shell>
  );
}
