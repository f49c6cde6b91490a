// SPDX-License-Identifier: Apache-2.0
// The wordmark: a colonnade. Or the operator's own logo.

import { useState } from "preact/hooks";
import { welcome } from "../store";
import { t } from "../text";

/** Only what a page may load as a picture; a `javascript:` or `data:` address is none of ours. */
export function pictureUrl(value: string): string {
  if (value === "") return "";
  try {
    const url = new URL(value, window.location.href);
    return url.protocol === "https:" || url.protocol === "http:" ? url.href : "";
  } catch {
    return "";
  }
}

function Colonnade() {
  return (
    <svg class="colonnade" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
      <path
        d="M3 6.5h26v3.5H3z M6 11.5h3v12H6z M11.7 11.5h3v12h-3z M17.3 11.5h3v12h-3z
        M23 11.5h3v12h-3z M4.5 25h23v2h-23z M2 28h28v2H2z"
      />
    </svg>
  );
}

export function Logo() {
  const own = pictureUrl(welcome.value?.logo ?? "");
  const [broken, setBroken] = useState("");
  if (own !== "" && own !== broken) {
    return <img class="own-logo" src={own} alt={t("product")} onError={() => setBroken(own)} />;
  }
  return (
    <span class="wordmark">
      <Colonnade />
      {t("product")}
    </span>
  );
}
