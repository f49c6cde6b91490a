// SPDX-License-Identifier: Apache-2.0
// What the browser remembers for the next visit: name, devices, how
// the page looks; nothing about calls. And, for this tab alone, the call a reload interrupts.

import { object, readLogin, type Login } from "../wire/messages";

const PREFIX = "stoa.";

export type SavedKey =
  | "name"
  | "audioinput"
  | "videoinput"
  | "audiooutput"
  | "layout"
  | "selfHidden"
  | "shortcuts"
  | "language";

export function load(key: SavedKey): string {
  try {
    return window.localStorage.getItem(PREFIX + key) ?? "";
  } catch {
    return ""; // storage is switched off
  }
}

export function save(key: SavedKey, value: string): void {
  try {
    window.localStorage.setItem(PREFIX + key, value);
  } catch {
    // not remembered, then
  }
}

/** A page loaded anew within that time offers the way back. */
const RETURN_MS = 2 * 60 * 60000;

export interface Interrupted {
  login: Login;
  name: string;
  muted: boolean;
  cameraOff: boolean;
}

/** The ticket of the present call, never its passcode; null: there is none. */
export function saveCall(call: Interrupted | null): void {
  try {
    if (call === null) window.sessionStorage.removeItem(`${PREFIX}call`);
    else
      window.sessionStorage.setItem(`${PREFIX}call`, JSON.stringify({ ...call, at: Date.now() }));
  } catch {
    // a reload will ask again, then
  }
}

export function loadCall(): Interrupted | null {
  try {
    const saved = object(JSON.parse(window.sessionStorage.getItem(`${PREFIX}call`) ?? "null"));
    const login = readLogin(object(saved["login"]));
    const age = Date.now() - Number(saved["at"]);
    if (login.ticket === "" || !(age >= 0 && age < RETURN_MS)) return null;
    return {
      login,
      name: String(saved["name"] ?? ""),
      muted: saved["muted"] === true,
      cameraOff: saved["cameraOff"] === true,
    };
  } catch {
    return null;
  }
}
