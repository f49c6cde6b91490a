// SPDX-License-Identifier: Apache-2.0
// What the browser remembers for the next visit: name and devices, nothing about calls.

const PREFIX = "stoa.";

export type SavedKey = "name" | "audioinput" | "videoinput" | "audiooutput";

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
