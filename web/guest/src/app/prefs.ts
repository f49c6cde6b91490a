// SPDX-License-Identifier: Apache-2.0
// How the guest wants the page: language, layout, own picture, shortcuts. Remembered.

import { effect } from "@preact/signals";
import { layout, selfHidden, shortcutsOn } from "../store";
import { language, locale, startLanguage } from "../text";
import type { Layout } from "../view/layout";
import { load, save } from "./saved";

const LAYOUTS: readonly string[] = ["auto", "grid", "speaker"];

export function startPrefs(): void {
  startLanguage(load("language"));
  const saved = load("layout");
  if (LAYOUTS.includes(saved)) layout.value = saved as Layout;
  selfHidden.value = load("selfHidden") === "yes";
  shortcutsOn.value = load("shortcuts") !== "no";
  effect(() => {
    document.documentElement.lang = locale();
  });
}

export function setLanguage(value: string): void {
  language.value = value;
  save("language", value);
}

export function setLayout(value: Layout): void {
  layout.value = value;
  save("layout", value);
}

export function setSelfHidden(value: boolean): void {
  selfHidden.value = value;
  save("selfHidden", value ? "yes" : "no");
}

export function setShortcuts(value: boolean): void {
  shortcutsOn.value = value;
  save("shortcuts", value ? "yes" : "no");
}
