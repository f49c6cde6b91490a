// SPDX-License-Identifier: Apache-2.0
// Two soft notes on the chosen speaker.

import { playTestSound } from "../media/test-sound";
import { chosen } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";

export function TestSound() {
  return (
    <button
      type="button"
      class="quiet small-text"
      onClick={() => void playTestSound(chosen.audiooutput.value)}
    >
      <Icon name="sound" />
      {t("testSound")}
    </button>
  );
}
