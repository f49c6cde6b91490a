// SPDX-License-Identifier: Apache-2.0
import { shortcutsOn } from "../store";
import { t, type TextKey } from "../text";
import { Dialog } from "./Dialog";
import { ShortcutSwitch } from "./ShortcutSwitch";

const KEYS: [string | null, TextKey][] = [
  ["M", "keyMute"],
  ["V", "keyCamera"],
  ["H", "keyHand"],
  [null, "keyTalk"],
  ["?", "keyHelp"],
];

export function HelpDialog() {
  return (
    <Dialog title={t("help")} narrow>
      <dl class={shortcutsOn.value ? "keys" : "keys keys-off"}>
        {KEYS.map(([key, what]) => (
          <div key={what}>
            <dt>
              <kbd>{key ?? t("keySpace")}</kbd>
            </dt>
            <dd>{t(what)}</dd>
          </div>
        ))}
      </dl>
      <p class="soft">{t(shortcutsOn.value ? "helpTyping" : "helpOff")}</p>
      <ShortcutSwitch />
    </Dialog>
  );
}
