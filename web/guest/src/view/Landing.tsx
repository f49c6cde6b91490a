// SPDX-License-Identifier: Apache-2.0
// The first page. No Join call while nobody could take the call.

import { useEffect, useState } from "preact/hooks";
import { returnToCall } from "../app/call";
import { showCallId } from "../app/entry";
import { busy, error, hasLink, interrupted, online, welcome } from "../store";
import { t } from "../text";
import { Shell } from "./Shell";

/** A connection that takes longer than this is worth a word. */
const SLOW_MS = 3000;

function Waiting() {
  const [slow, setSlow] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setSlow(true), SLOW_MS);
    return () => window.clearTimeout(timer);
  }, []);
  return (
    <p class="note" role="status">
      {slow ? t("noServer") : t("connecting")}
    </p>
  );
}

function Unavailable({ reason }: { reason: string }) {
  return (
    <div class="note note-warning" role="status">
      <p>
        <strong>{t("joinUnavailable")}</strong>
      </p>
      {reason !== "" && <p>{reason}</p>}
      <p>{t("joinUnavailableWait")}</p>
    </div>
  );
}

/** The page was loaded anew in a call. */
function Return() {
  const call = interrupted.value;
  if (call === null) return null;
  return (
    <div class="note return">
      <p>{t("returnTo", call.login.spaceName)}</p>
      <button
        type="button"
        class="primary"
        disabled={!online.value}
        aria-disabled={busy.value}
        onClick={() => void returnToCall()}
      >
        {busy.value ? t("joining") : t("returnNow")}
      </button>
    </div>
  );
}

export function Landing() {
  const w = welcome.value;
  const wrong = error.value;
  return (
    <Shell title={t("welcome")}>
      <p class="lead">{t("tagline")}</p>
      {wrong !== null && (
        <p role="alert" class="note note-error">
          {t(wrong)}
        </p>
      )}
      {w !== null && <Return />}
      {w === null ? (
        <Waiting />
      ) : !w.joinAvailable ? (
        <Unavailable reason={w.reason} />
      ) : !w.idAndPasscode && !hasLink.value ? (
        <p class="note">{t("linkOnly")}</p>
      ) : (
        <button
          type="button"
          class={interrupted.value === null ? "primary big" : "quiet big"}
          disabled={!online.value}
          onClick={showCallId}
        >
          {t("joinCall")}
        </button>
      )}
    </Shell>
  );
}
