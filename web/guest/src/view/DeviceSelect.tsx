// SPDX-License-Identifier: Apache-2.0
import { choose } from "../app/local";
import { cameraTrack, chosen, devices, micTrack } from "../store";
import { t, type TextKey } from "../text";

const LABELS: Record<keyof typeof chosen, TextKey> = {
  videoinput: "camera",
  audioinput: "microphone",
  audiooutput: "speaker",
};

export function DeviceSelect({ kind }: { kind: keyof typeof chosen }) {
  const list = devices.value[kind];
  // Browsers that cannot choose a speaker name none.
  if (kind === "audiooutput" && list.length === 0) return null;
  const track =
    kind === "audioinput" ? micTrack.value : kind === "videoinput" ? cameraTrack.value : null;
  const current = chosen[kind].value || (track?.getSettings().deviceId ?? "");
  const known = list.some((d) => d.deviceId === current);
  return (
    <label class="field field-small">
      <span>{t(LABELS[kind])}</span>
      <select
        disabled={list.length === 0}
        value={known ? current : ""}
        onChange={(e) => void choose(kind, e.currentTarget.value)}
      >
        {list.length === 0 && <option value="">{t("noDevice")}</option>}
        {list.length > 0 && !known && <option value="">{t("defaultDevice")}</option>}
        {list.map((d) => (
          <option key={d.deviceId} value={d.deviceId}>
            {d.label}
          </option>
        ))}
      </select>
    </label>
  );
}
