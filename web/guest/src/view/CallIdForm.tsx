// SPDX-License-Identifier: Apache-2.0
// Call ID and passcode.

import { useEffect, useRef } from "preact/hooks";
import { backToLanding, submitCallId } from "../app/entry";
import { busy, callId, error, passcode } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";
import { Shell } from "./Shell";

export function CallIdForm() {
  const idField = useRef<HTMLInputElement>(null);
  const passcodeField = useRef<HTMLInputElement>(null);
  const wrong = error.value;
  useEffect(() => {
    const field = wrong === "needPasscode" ? passcodeField : idField;
    field.current?.focus();
  }, [wrong]);
  const hint = wrong === "needPasscode"; // a request, not a mistake
  return (
    <Shell title={t("enterCallId")}>
      <form
        noValidate
        onSubmit={(e) => {
          e.preventDefault();
          void submitCallId();
        }}
      >
        {wrong !== null && (
          <p id="callid-error" role="alert" class={hint ? "note" : "note note-error"}>
            {t(wrong)}
          </p>
        )}
        <label class="field">
          <span>{t("callId")}</span>
          <input
            ref={idField}
            type="text"
            inputMode="numeric"
            autocomplete="off"
            spellcheck={false}
            maxLength={64}
            value={callId.value}
            aria-invalid={wrong !== null && !hint}
            {...(wrong === null ? {} : { "aria-describedby": "callid-error" })}
            onInput={(e) => {
              callId.value = e.currentTarget.value;
            }}
          />
        </label>
        <label class="field">
          <span>{t("passcode")}</span>
          <input
            ref={passcodeField}
            type="password"
            autocomplete="off"
            maxLength={256}
            value={passcode.value}
            onInput={(e) => {
              passcode.value = e.currentTarget.value;
            }}
          />
        </label>
        <div class="actions">
          <button type="button" class="quiet" onClick={backToLanding}>
            <Icon name="back" />
            {t("back")}
          </button>
          <button type="submit" class="primary" aria-disabled={busy.value}>
            {busy.value ? t("checking") : t("continue")}
          </button>
        </div>
      </form>
    </Shell>
  );
}
