// SPDX-License-Identifier: Apache-2.0
// Three bars: how good the connection is. Opens the figures.

import { dialog, media, online, quality } from "../store";
import type { Level } from "../media/quality";
import { t, type TextKey } from "../text";

export const LEVEL_WORDS: Record<Level, TextKey> = {
  0: "quality0",
  1: "quality1",
  2: "quality2",
  3: "quality3",
};

const BARS = ["M5 19v-4", "M12 19v-8.5", "M19 19V5"];

export const levelNow = (): Level =>
  !online.value || media.value.phase !== "connected" ? 0 : quality.value.level;

export function Bars({ level }: { level: Level }) {
  return (
    <svg class={`icon bars bars-${level}`} viewBox="0 0 24 24" aria-hidden="true" focusable="false">
      {BARS.map((d, i) => (
        <path key={d} d={d} class={i < level ? "lit" : ""} />
      ))}
    </svg>
  );
}

export function QualityButton() {
  const level = levelNow();
  const words = t("qualityIs", t(LEVEL_WORDS[level]));
  return (
    <button
      type="button"
      class="small head-button"
      aria-label={words}
      title={words}
      onClick={() => {
        dialog.value = "quality";
      }}
    >
      <Bars level={level} />
    </button>
  );
}
