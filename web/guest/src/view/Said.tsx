// SPDX-License-Identifier: Apache-2.0
import { said } from "../store";
import { t } from "../text";

/** Always on the page: a live region that comes together with its text is not read. */
export function Said() {
  return (
    <div class="said" role="log" aria-live="polite" aria-relevant="additions">
      {said.value.map(({ id, notice }) => (
        <p key={id}>{t(notice.key, ...(notice.args ?? []))}</p>
      ))}
    </div>
  );
}
