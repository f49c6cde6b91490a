// SPDX-License-Identifier: Apache-2.0
// `window.stoa`: what tests and support may read (README.md, "window.stoa"). Nothing can be changed
// by it.

import { readStats, type Stats } from "./media/stats";
import { timings } from "./media/timings";
import { media, page, peer, self } from "./store";

export interface Debug {
  stats(): Promise<Stats | null>;
  readonly timings: Readonly<typeof timings>;
  readonly state: { page: string; media: string; participant: number };
}

declare global {
  interface Window {
    readonly stoa: Debug;
  }
}

export function exposeDebug(): void {
  const debug: Debug = Object.freeze({
    stats: async () => (peer.value === null ? null : readStats(peer.value)),
    get timings() {
      return { ...timings };
    },
    get state() {
      return { page: page.value, media: media.value.phase, participant: self.value };
    },
  });
  Object.defineProperty(window, "stoa", { value: debug, enumerable: true });
}
