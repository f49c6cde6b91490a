// SPDX-License-Identifier: Apache-2.0
// A language nobody speaks (`?lang=x-long`): every text half as long again and marked, so that a
// layout that breaks with long words and a text that is not in the tables are both seen.

import type { TextKey } from "./en";

export function pseudo(table: Record<TextKey, string>): Record<TextKey, string> {
  const long = Object.entries(table).map(([key, words]) => {
    const more = "ëxpändëd ".repeat(Math.ceil(words.length / 18));
    return [key, `⟦${words} ${more.trim()}⟧`];
  });
  return Object.fromEntries(long) as Record<TextKey, string>;
}
