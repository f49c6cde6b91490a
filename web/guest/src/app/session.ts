// SPDX-License-Identifier: Apache-2.0
// The one session of the page. Who handles its events says so in `hooks`, so that the handlers may
// use the session without importing each other in a circle.

import { browser } from "../platform";
import type { Events } from "../wire/messages";
import { Session, type SessionEvents } from "../wire/session";

type Handlers = { [K in keyof Events]?: (body: Events[K]) => void };

export const hooks: Omit<SessionEvents, "onEvent"> & { events: Handlers } = {
  onUp: () => {},
  onDown: () => {},
  onBack: () => {},
  onOut: () => {},
  events: {},
};

export const session = new Session(browser, {
  onUp: () => hooks.onUp(),
  onDown: () => hooks.onDown(),
  onBack: (joined, sameMedia) => hooks.onBack(joined, sameMedia),
  onOut: (reason) => hooks.onOut(reason),
  onEvent: (type, body) => hooks.events[type]?.(body),
});
