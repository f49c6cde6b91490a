// SPDX-License-Identifier: Apache-2.0
// The bar at the bottom of a meeting.

import { useLayoutEffect, useRef } from "preact/hooks";
import { leave, raiseHand, shareScreen } from "../app/call";
import { handRaised, others, peopleShown, screenTrack } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";
import { MoreMenu } from "./MoreMenu";
import { OwnButtons } from "./OwnButtons";

const canShare = (): boolean => navigator.mediaDevices?.getDisplayMedia !== undefined;

function PeopleButton() {
  const button = useRef<HTMLButtonElement>(null);
  const shown = peopleShown.value;
  const was = useRef(shown);
  // The closed list gives the focus back to where it was opened: before anything is painted, or a
  // key in between would go nowhere.
  useLayoutEffect(() => {
    if (was.current && !shown) button.current?.focus();
    was.current = shown;
  }, [shown]);
  return (
    <button
      ref={button}
      type="button"
      class={shown ? "control is-on" : "control"}
      aria-expanded={shown}
      onClick={() => {
        peopleShown.value = !shown;
      }}
    >
      <Icon name="people" />
      <span>{t("participants")}</span>
      <b class="count" aria-hidden="true">
        {others.value.length + 1}
      </b>
    </button>
  );
}

export function Controls() {
  const sharing = screenTrack.value !== null;
  const hand = handRaised.value;
  return (
    <section class="controls" aria-label={t("controls")}>
      <OwnButtons />
      {canShare() && (
        <button
          type="button"
          class={sharing ? "control is-on" : "control"}
          onClick={() => void shareScreen()}
        >
          <Icon name="screen" />
          <span>{t(sharing ? "stopSharing" : "shareScreen")}</span>
        </button>
      )}
      <button type="button" class={hand ? "control is-on" : "control"} onClick={raiseHand}>
        <Icon name="hand" />
        <span>{t(hand ? "lowerHand" : "raiseHand")}</span>
      </button>
      <PeopleButton />
      <MoreMenu />
      <button type="button" class="control leave" onClick={leave}>
        <Icon name="leave" />
        <span>{t("leave")}</span>
      </button>
    </section>
  );
}
