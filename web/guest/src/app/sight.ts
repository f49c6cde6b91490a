// SPDX-License-Identifier: Apache-2.0
// How large each slot is really shown: measured where the pictures stand, told to the callbridge,
// which sends no more than that.

import { effect } from "@preact/signals";
import { FIRST_VIDEO_LINE, SCREEN_LINE } from "../media/peer";
import { page, pinned, slots } from "../store";
import { VIDEO_SLOTS } from "../wire/messages";
import { session } from "./session";

const shown = new Map<number, HTMLVideoElement>();
/** Whether an element is within the window; one not judged yet counts as seen. */
const seen = new Map<Element, boolean>();
const heights = new Map<number, number>();
/** What an empty slot counts as: whoever comes into it is seen before the page has told its size. */
const EMPTY_HEIGHT = 180;
/** A tile is there so long after its participant at the latest. */
const TILE_MS = 300;
let planned = 0;

const grown = new ResizeObserver(plan);
const scrolled = new IntersectionObserver((entries) => {
  for (const e of entries) seen.set(e.target, e.isIntersecting);
  plan();
});

/** The picture of an m-line stands in `element` until the returned function is called. */
export function watchSlot(line: number, element: HTMLVideoElement): () => void {
  shown.set(line, element);
  grown.observe(element);
  scrolled.observe(element);
  plan();
  return () => {
    if (shown.get(line) === element) shown.delete(line);
    grown.unobserve(element);
    scrolled.unobserve(element);
    seen.delete(element);
    plan();
  };
}

/** Device pixels of height in which a line is shown; 0: it is not. */
export const shownHeight = (line: number): number => heights.get(line) ?? 0;

const isEmpty = (line: number): boolean =>
  line === SCREEN_LINE
    ? slots.value.screen === 0
    : slots.value.video[line - FIRST_VIDEO_LINE] === 0;

function heightOf(line: number): number {
  const element = shown.get(line);
  if (document.hidden) return 0;
  if (element === undefined) return isEmpty(line) ? EMPTY_HEIGHT : 0;
  if (seen.get(element) === false) return 0;
  let { height } = element.getBoundingClientRect();
  // A picture that is fitted into its box whole: the dark beside it needs no pixels.
  if (element.videoWidth > 0 && getComputedStyle(element).objectFit === "contain") {
    height = Math.min(height, (element.clientWidth * element.videoHeight) / element.videoWidth);
  }
  return Math.round(height * window.devicePixelRatio);
}

function plan(): void {
  if (planned !== 0) return;
  // Not by animation frame: a hidden page has none, and is what has to be told.
  planned = window.setTimeout(() => {
    planned = 0;
    measure();
  }, 0);
}

function measure(): void {
  if (page.value !== "meeting") return;
  for (let line = FIRST_VIDEO_LINE; line <= SCREEN_LINE; line++) heights.set(line, heightOf(line));
  session.view({
    heights: Array.from({ length: VIDEO_SLOTS }, (_, i) => shownHeight(FIRST_VIDEO_LINE + i)),
    screenHeight: shownHeight(SCREEN_LINE),
    pinned: pinned.value,
  });
}

export function startSight(): void {
  document.addEventListener("visibilitychange", plan);
  window.addEventListener("resize", plan); // also zoom and a move to another screen
  effect(() => {
    void pinned.value;
    void page.value;
    plan();
  });
  // Somebody may have come into a slot that the page shows nowhere.
  effect(() => {
    void slots.value;
    window.setTimeout(plan, TILE_MS);
  });
}
