// SPDX-License-Identifier: Apache-2.0
import { joinAgain } from "../app/call";
import { backToLanding } from "../app/entry";
import { canJoinAgain, endedBy, login } from "../store";
import { t } from "../text";
import { Shell } from "./Shell";

export function Ended() {
  return (
    <Shell title={t(endedBy.value)}>
      {login.value !== null && <p class="lead">{login.value.spaceName}</p>}
      <div class="actions">
        <button
          type="button"
          class={canJoinAgain.value ? "quiet" : "primary"}
          onClick={backToLanding}
        >
          {t("backToStart")}
        </button>
        {canJoinAgain.value && (
          <button type="button" class="primary" onClick={joinAgain}>
            {t("joinAgain")}
          </button>
        )}
      </div>
    </Shell>
  );
}
