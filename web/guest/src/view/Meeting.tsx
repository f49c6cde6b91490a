// SPDX-License-Identifier: Apache-2.0
// The meeting.

import { useEffect, useRef } from "preact/hooks";
import { locked, login, media, online, peopleShown, talking } from "../store";
import { t } from "../text";
import { Banner } from "./Banner";
import { Controls } from "./Controls";
import { Dialogs } from "./Dialogs";
import { Icon } from "./Icon";
import { Logo } from "./Logo";
import { People } from "./People";
import { QualityButton } from "./QualityButton";
import { Said } from "./Said";
import { Sounds } from "./Sounds";
import { Stage } from "./Stage";

/** Only while there is something to wait for; how good it is then, the bars say. */
function ConnectionMark() {
  const phase = media.value.phase;
  const words = !online.value
    ? t("connecting")
    : phase === "connecting"
      ? t("mediaConnecting")
      : "";
  return (
    <span class="connection" role="status">
      {words}
    </span>
  );
}

export function Meeting() {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => heading.current?.focus(), []);
  return (
    <div class="meeting">
      <header class="meeting-head">
        <Logo />
        <h1 ref={heading} tabIndex={-1}>
          {login.value?.spaceName}
        </h1>
        {locked.value && (
          <span class="mark" role="img" aria-label={t("locked")} title={t("locked")}>
            <Icon name="lock" />
          </span>
        )}
        <ConnectionMark />
        <QualityButton />
      </header>
      <Banner />
      <main class={peopleShown.value ? "meeting-main with-people" : "meeting-main"}>
        <Stage />
        {peopleShown.value && <People />}
      </main>
      <Controls />
      {talking.value && (
        <p class="talking" role="status">
          <Icon name="mic" />
          {t("talking")}
        </p>
      )}
      <Said />
      <Sounds />
      <Dialogs />
    </div>
  );
}
