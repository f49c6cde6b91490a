// SPDX-License-Identifier: Apache-2.0
// Why there is no camera or microphone, and what to do.

import { retry } from "../app/local";
import type { DeviceState, Kind } from "../media/devices";
import { t, type TextKey } from "../text";

const WORDS: Record<Kind, Partial<Record<DeviceState, TextKey>>> = {
  video: {
    asking: "cameraAsking",
    denied: "cameraDenied",
    missing: "cameraMissing",
    busy: "cameraBusy",
    insecure: "cameraInsecure",
    failed: "cameraFailed",
  },
  audio: {
    asking: "micAsking",
    denied: "micDenied",
    missing: "micMissing",
    busy: "micBusy",
    insecure: "micInsecure",
    failed: "micFailed",
  },
};

export function DeviceNote({ kind, state }: { kind: Kind; state: DeviceState }) {
  const key = WORDS[kind][state];
  if (key === undefined) return null;
  const asking = state === "asking";
  return (
    <div class={asking ? "note" : "note note-warning"} role="status">
      <p>{t(key)}</p>
      {!asking && state !== "insecure" && (
        <button
          type="button"
          class="link"
          aria-label={`${t("tryAgain")}: ${t(kind === "audio" ? "microphone" : "camera")}`}
          onClick={() => void retry(kind)}
        >
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
}
