// SPDX-License-Identifier: Apache-2.0
import { setShortcuts } from "../app/prefs";
import { shortcutsOn } from "../store";
import { t } from "../text";
import { Switch } from "./Switch";

export function ShortcutSwitch() {
  return <Switch label={t("shortcutsOn")} on={shortcutsOn.value} onChange={setShortcuts} />;
}
