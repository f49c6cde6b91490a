// SPDX-License-Identifier: Apache-2.0
// The page's words in the guest's language: `?lang=`, else the browser's, else English.

import { de } from "./de";
import { en, type TextKey } from "./en";

const tables: Record<string, Record<TextKey, string>> = { en, de };

function choose(): string {
  const asked = new URLSearchParams(window.location.search).get("lang");
  for (const wish of [asked ?? "", ...navigator.languages]) {
    const short = wish.toLowerCase().split("-")[0] ?? "";
    if (Object.hasOwn(tables, short)) return short;
  }
  return "en";
}

export const language = choose();
const table = tables[language] ?? en;

export function t(key: TextKey, ...args: (string | number)[]): string {
  return table[key].replace(/\{(\d)\}/g, (_, i: string) => String(args[Number(i)] ?? ""));
}

export type { TextKey };
