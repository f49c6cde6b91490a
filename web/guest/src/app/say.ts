// SPDX-License-Identifier: Apache-2.0
// Short news for the guest: shown for some seconds and spoken by screen readers.

import { said } from "../store";
import type { TextKey } from "../text";
import { Gatherer } from "./gather";

const SHOWN_MS = 6000;
/** More than that hides the meeting. */
const MOST = 3;
let nextId = 1;

export function say(key: TextKey, ...args: string[]): void {
  const last = said.value[said.value.length - 1]?.notice;
  if (last?.key === key && last.args?.join() === args.join()) return; // stands there already
  const id = nextId++;
  said.value = [...said.value, { id, notice: { key, args } }].slice(-MOST);
  window.setTimeout(() => {
    said.value = said.value.filter((s) => s.id !== id);
  }, SHOWN_MS);
}

/** Who comes and goes; many at once are one sentence. */
export const comings = new Gatherer(
  (ms, fn) => window.setTimeout(fn, ms),
  ({ kind, names: [name], count }) => {
    if (name !== undefined) say(kind === "joined" ? "saidJoined" : "saidLeft", name);
    else say(kind === "joined" ? "saidManyJoined" : "saidManyLeft", String(count));
  },
);
