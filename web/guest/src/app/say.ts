// SPDX-License-Identifier: Apache-2.0
// Short news for the guest: shown for some seconds and spoken by screen readers.

import { said } from "../store";
import type { TextKey } from "../text";

const SHOWN_MS = 6000;
/** More than that hides the meeting. */
const MOST = 3;
let nextId = 1;

export function say(key: TextKey, ...args: string[]): void {
  const id = nextId++;
  said.value = [...said.value, { id, notice: { key, args } }].slice(-MOST);
  window.setTimeout(() => {
    said.value = said.value.filter((s) => s.id !== id);
  }, SHOWN_MS);
}
