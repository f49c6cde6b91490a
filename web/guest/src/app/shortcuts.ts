// SPDX-License-Identifier: Apache-2.0
// The keys M, V, H, space and ?. Switched off by the guest (WCAG 2.1.4), while typing, beside Ctrl,
// Alt and Meta, and while a dialog is open.

import { dialog, muted, page, shortcutsOn, talking } from "../store";
import { raiseHand } from "./call";
import { setMuted, toggleCamera, toggleMic } from "./local";

const TYPING = "input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]";
/** What space does something to by itself. */
const PRESSED = "button, a, summary, input, select, [role=button]";

const actions: Record<string, () => void> = {
  m: () => toggleMic(),
  v: () => toggleCamera(),
  h: () => raiseHand(),
  "?": () => {
    dialog.value = "help";
  },
};

const within = (e: KeyboardEvent, selector: string): Element | null =>
  e.target instanceof Element ? e.target.closest(selector) : null;

/** Space belongs to a button that was reached by keyboard; one that was clicked gives it up. */
const spaceIsTaken = (e: KeyboardEvent): boolean =>
  within(e, PRESSED)?.matches(":focus-visible") === true;

function onKeyDown(e: KeyboardEvent): void {
  if (!shortcutsOn.value || page.value !== "meeting" || dialog.value !== null) return;
  if (e.ctrlKey || e.altKey || e.metaKey || within(e, TYPING) !== null) return;
  if (e.key === " ") {
    if (!talking.value && spaceIsTaken(e)) return;
    e.preventDefault();
    if (!e.repeat && muted.value) startTalking();
    return;
  }
  const action = e.repeat ? undefined : actions[e.key.toLowerCase()];
  if (action === undefined) return;
  e.preventDefault();
  action();
}

function startTalking(): void {
  talking.value = true;
  void setMuted(false);
}

function stopTalking(): void {
  if (!talking.value) return;
  talking.value = false;
  void setMuted(true);
}

export function startShortcuts(): void {
  document.addEventListener("keydown", onKeyDown);
  document.addEventListener("keyup", (e) => {
    if (e.key !== " " || !talking.value) return;
    e.preventDefault(); // the button below must not take it for a press
    stopTalking();
  });
  // The key may come up where we do not see it.
  window.addEventListener("blur", stopTalking);
}
