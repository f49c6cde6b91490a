// SPDX-License-Identifier: Apache-2.0
// The page's words in the guest's language: `?lang=`, else what was chosen before, else the
// browser's, else English. The language may change while the page is shown.

import { signal } from "@preact/signals";
import { de } from "./de";
import { en, type TextKey } from "./en";
import { pseudo } from "./pseudo";

/** Each language by its own name: whoever looks for it can read it. */
export const LANGUAGES: Readonly<Record<string, string>> = { en: "English", de: "Deutsch" };

const tables: Record<string, Record<TextKey, string>> = { en, de };

function choose(saved: string): string {
  const asked = new URLSearchParams(window.location.search).get("lang") ?? "";
  if (asked === "x-long") {
    tables[asked] = pseudo(en);
    return asked;
  }
  for (const wish of [asked, saved, ...navigator.languages]) {
    const short = wish.toLowerCase().split("-")[0] ?? "";
    if (Object.hasOwn(tables, short)) return short;
  }
  return "en";
}

export const language = signal("en");

export function startLanguage(saved: string): void {
  language.value = choose(saved);
}

/** For sorting names. */
export const locale = (): string =>
  Object.hasOwn(LANGUAGES, language.value) ? language.value : "en";

export function t(key: TextKey, ...args: (string | number)[]): string {
  const words = (tables[language.value] ?? en)[key];
  return words.replace(/\{(\d)\}/g, (_, i: string) => String(args[Number(i)] ?? ""));
}

export type { TextKey };
