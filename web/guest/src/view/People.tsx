// SPDX-License-Identifier: Apache-2.0
// Who is in the call, and what one may do to them.

import { useEffect, useRef } from "preact/hooks";
import { control } from "../app/call";
import { locked, participants, peopleShown, rights, self } from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon } from "./Icon";
import { initials, Marks } from "./Tile";

function Person({ p }: { p: Participant }) {
  const own = p.participant === self.value;
  const { muteOthers, removeOthers } = rights.value;
  return (
    <li class="person">
      <span class="person-initials" aria-hidden="true">
        {initials(p.name)}
      </span>
      <span class="person-name">{own ? t("nameYou", p.name) : p.name}</span>
      {p.screen && (
        <span class="mark" role="img" aria-label={t("sharing")}>
          <Icon name="screen" />
        </span>
      )}
      <Marks p={p} />
      {!own && muteOthers && !p.audioMuted && (
        <button
          type="button"
          class="small"
          aria-label={t("muteOther", p.name)}
          onClick={() => void control(p.participant, { muteAudio: true })}
        >
          <Icon name="mic" />
        </button>
      )}
      {!own && removeOthers && (
        <button
          type="button"
          class="small"
          aria-label={t("removeOther", p.name)}
          onClick={() => void control(p.participant, { remove: true })}
        >
          <Icon name="remove" />
        </button>
      )}
    </li>
  );
}

export function People() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  const all = [...participants.value.values()].sort((a, b) => a.name.localeCompare(b.name));
  return (
    <aside
      class="people"
      aria-labelledby="people-title"
      onKeyDown={(e) => {
        if (e.key === "Escape") peopleShown.value = false;
      }}
    >
      <header>
        <h2 id="people-title" ref={heading} tabIndex={-1}>
          {t("participantsCount", all.length)}
        </h2>
        <button
          type="button"
          class="small"
          aria-label={t("close")}
          onClick={() => {
            peopleShown.value = false;
          }}
        >
          <Icon name="close" />
        </button>
      </header>
      <ul>
        {all.map((p) => (
          <Person key={p.participant} p={p} />
        ))}
      </ul>
      {rights.value.lock && (
        <button
          type="button"
          class="quiet"
          onClick={() => void control(0, { lock: !locked.value })}
        >
          <Icon name="lock" />
          {t(locked.value ? "unlockCall" : "lockCall")}
        </button>
      )}
    </aside>
  );
}
