// SPDX-License-Identifier: Apache-2.0
// The meeting.

import { useEffect, useRef } from "preact/hooks";
import { locked, login, media, online, peopleShown } from "../store";
import { t } from "../text";
import { Banner } from "./Banner";
import { Controls } from "./Controls";
import { Icon } from "./Icon";
import { Logo } from "./Logo";
import { People } from "./People";
import { Said } from "./Said";
import { Sounds } from "./Sounds";
import { Stage } from "./Stage";

function ConnectionMark() {
  const phase = media.value.phase;
  const good = online.value && phase === "connected";
  return (
    <span class={good ? "connection good" : "connection"} role="status">
      {good ? t("mediaConnected") : phase === "connecting" ? t("mediaConnecting") : t("connecting")}
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
          <span class="mark" role="img" aria-label={t("locked")}>
            <Icon name="lock" />
          </span>
        )}
        <ConnectionMark />
      </header>
      <Banner />
      <main class={peopleShown.value ? "meeting-main with-people" : "meeting-main"}>
        <Stage />
        {peopleShown.value && <People />}
      </main>
      <Controls />
      <Said />
      <Sounds />
    </div>
  );
}
