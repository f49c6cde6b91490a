// SPDX-License-Identifier: Apache-2.0
// Who is in the call, and what one may do to them.

import { useLayoutEffect, useRef } from "preact/hooks";
import { control } from "../app/call";
import {
  asked,
  dialog,
  hands,
  locked,
  participants,
  peopleShown,
  rights,
  self,
} from "../store";
import { locale, t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon } from "./Icon";
import { hueOf, initials, Marks } from "./Tile";

function Person({ p }: { p: Participant }) {
  const own = p.participant === self.value;
  const { muteOthers, removeOthers } = rights.value;
  return (
    <li class="person">
      <span class={`person-initials hue-${hueOf(p.name)}`} aria-hidden="true">
        {initials(p.name)}
      </span>
      <span class="person-name">{own ? t("nameYou", p.name) : p.name}</span>
      <Marks p={p} listed />
      <span class="person-actions">
        {!own && muteOthers && !p.audioMuted && (
          <button
            type="button"
            class="small"
            aria-label={t("muteOther", p.name)}
            title={t("muteOther", p.name)}
            onClick={() => void control(p.participant, { muteAudio: true })}
          >
            <Icon name="mic" />
          </button>
        )}
        {!own && muteOthers && !p.videoMuted && (
          <button
            type="button"
            class="small"
            aria-label={t("darkenOther", p.name)}
            title={t("darkenOther", p.name)}
            onClick={() => void control(p.participant, { muteVideo: true })}
          >
            <Icon name="camera" />
          </button>
        )}
        {!own && removeOthers && (
          <button
            type="button"
            class="small"
            aria-label={t("removeOther", p.name)}
            title={t("removeOther", p.name)}
            onClick={() => {
              asked.value = p.participant;
              dialog.value = "remove";
            }}
          >
            <Icon name="remove" />
          </button>
        )}
      </span>
    </li>
  );
}

export function People() {
  const heading = useRef<HTMLHeadingElement>(null);
  useLayoutEffect(() => heading.current?.focus(), []);
  const hand = (p: Participant): number => {
    const place = hands.value.indexOf(p.participant);
    return place < 0 ? Infinity : place;
  };
  // Whoever waits to speak first, in the order of the hands; then by name.
  const all = [...participants.value.values()].sort(
    (a, b) => Math.sign(hand(a) - hand(b)) || a.name.localeCompare(b.name, locale()),
  );
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
