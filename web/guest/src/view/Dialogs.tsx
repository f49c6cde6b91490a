// SPDX-License-Identifier: Apache-2.0
// The dialog that is open now, if one is.

import type { FunctionComponent } from "preact";
import { dialog, type DialogName } from "../store";
import { HelpDialog } from "./HelpDialog";
import { QualityDialog } from "./QualityDialog";
import { RemoveDialog } from "./RemoveDialog";
import { SettingsDialog } from "./SettingsDialog";

const ALL: Record<DialogName, FunctionComponent> = {
  settings: SettingsDialog,
  help: HelpDialog,
  quality: QualityDialog,
  remove: RemoveDialog,
};

export function Dialogs() {
  if (dialog.value === null) return null;
  const Open = ALL[dialog.value];
  return <Open key={dialog.value} />;
}
