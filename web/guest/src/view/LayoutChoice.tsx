// SPDX-License-Identifier: Apache-2.0
import { setLayout } from "../app/prefs";
import { layout } from "../store";
import { t, type TextKey } from "../text";
import { Icon, type IconName } from "./Icon";
import type { Layout } from "./layout";

const CHOICES: { value: Layout; words: TextKey; icon: IconName }[] = [
  { value: "auto", words: "layoutAuto", icon: "auto" },
  { value: "grid", words: "layoutGrid", icon: "grid" },
  { value: "speaker", words: "layoutSpeaker", icon: "speakerView" },
];

export function LayoutChoice() {
  return (
    <fieldset class="choice">
      <legend>{t("layout")}</legend>
      {CHOICES.map(({ value, words, icon }) => (
        <label key={value}>
          <input
            type="radio"
            name="layout"
            checked={layout.value === value}
            onChange={() => setLayout(value)}
          />
          <Icon name={icon} />
          <span>{t(words)}</span>
        </label>
      ))}
    </fieldset>
  );
}
