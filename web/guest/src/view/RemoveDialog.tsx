// SPDX-License-Identifier: Apache-2.0
// Asks before somebody is put out.

import { control } from "../app/call";
import { asked, nameOf, participants } from "../store";
import { t } from "../text";
import { closeDialog, Dialog } from "./Dialog";

export function RemoveDialog() {
  const who = asked.value;
  const name = nameOf(who);
  const gone = !participants.value.has(who);
  return (
    <Dialog title={t("removeTitle", name)} narrow alert>
      <p>{t("removeText", name)}</p>
      <div class="actions">
        <button type="button" class="quiet" onClick={closeDialog}>
          {t("cancel")}
        </button>
        <button
          type="button"
          class="danger"
          disabled={gone}
          onClick={() => {
            closeDialog();
            void control(who, { remove: true });
          }}
        >
          {t("remove")}
        </button>
      </div>
    </Dialog>
  );
}
