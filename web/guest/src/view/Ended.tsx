// SPDX-License-Identifier: Apache-2.0
import { joinAgain } from "../app/call";
import { backToLanding } from "../app/entry";
import { busy, canJoinAgain, endedBy, error, login } from "../store";
import { t } from "../text";
import { Shell } from "./Shell";

export function Ended() {
  return (
    <Shell title={t(endedBy.value)}>
      {login.value !== null && <p class="lead">{login.value.spaceName}</p>}
      {error.value !== null && (
        <p role="alert" class="note note-error">
          {t(error.value)}
        </p>
      )}
      <div class="actions">
        <button
          type="button"
          class={canJoinAgain.value ? "quiet" : "primary"}
          onClick={backToLanding}
        >
          {t("backToStart")}
        </button>
        {canJoinAgain.value && (
          <button
            type="button"
            class="primary"
            aria-disabled={busy.value}
            onClick={joinAgain}
          >
            {busy.value ? t("joining") : t("joinAgain")}
          </button>
        )}
      </div>
    </Shell>
  );
}
