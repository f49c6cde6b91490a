// SPDX-License-Identifier: Apache-2.0
import type { FunctionComponent } from "preact";
import { useEffect } from "preact/hooks";
import { endedBy, login, page, welcome, type Page } from "../store";
import { t } from "../text";
import { CallIdForm } from "./CallIdForm";
import { Ended } from "./Ended";
import { Landing } from "./Landing";
import { Meeting } from "./Meeting";
import { Preview } from "./Preview";

const PAGES: Record<Page, { view: FunctionComponent; title: () => string }> = {
  landing: {
    view: Landing,
    title: () => t(welcome.value?.joinAvailable === false ? "titleUnavailable" : "welcome"),
  },
  callId: { view: CallIdForm, title: () => t("enterCallId") },
  preview: { view: Preview, title: () => t("titlePreview", login.value?.spaceName ?? "") },
  meeting: { view: Meeting, title: () => t("titleMeeting", login.value?.spaceName ?? "") },
  ended: { view: Ended, title: () => t(endedBy.value) },
};

export function App() {
  const { view: View, title } = PAGES[page.value];
  const words = title();
  useEffect(() => {
    document.title = words === "" ? t("product") : `${words} – ${t("product")}`;
  }, [words]);
  return <View />;
}
