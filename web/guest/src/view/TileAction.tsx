// SPDX-License-Identifier: Apache-2.0
// The one button of a tile: keep somebody large, or put the own picture away.

import { pin } from "../app/people";
import { setSelfHidden } from "../app/prefs";
import { pinned } from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon } from "./Icon";

export function TileAction({ p, own }: { p: Participant; own: boolean }) {
  const isPinned = pinned.value === p.participant;
  const words = own ? t("hideSelf") : t(isPinned ? "unpin" : "pin", p.name);
  return (
    <button
      type="button"
      class="tile-action"
      aria-label={words}
      title={words}
      onClick={() => (own ? setSelfHidden(true) : pin(p.participant))}
    >
      <Icon name={own ? "eyeOff" : isPinned ? "unpin" : "pin"} />
    </button>
  );
}
