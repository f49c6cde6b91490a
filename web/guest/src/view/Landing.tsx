// SPDX-License-Identifier: Apache-2.0
// The first page. No Join call while nobody could take the call.

import { useEffect, useState } from "preact/hooks";
import { showCallId } from "../app/entry";
import { online, welcome } from "../store";
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

export function Landing() {
  const w = welcome.value;
  return (
    <Shell title={t("welcome")}>
      <p class="lead">{t("tagline")}</p>
      {w === null ? (
        <Waiting />
      ) : !w.joinAvailable ? (
        <Unavailable reason={w.reason} />
      ) : !w.idAndPasscode ? (
        <p class="note">{t("linkOnly")}</p>
      ) : (
        <button type="button" class="primary big" disabled={!online.value} onClick={showCallId}>
          {t("joinCall")}
        </button>
      )}
    </Shell>
  );
}
