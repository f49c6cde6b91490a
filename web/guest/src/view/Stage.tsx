// SPDX-License-Identifier: Apache-2.0
// Everybody in a grid, as large as the space allows; beside a shared screen in a strip.

import { useEffect, useRef, useState } from "preact/hooks";
import { FIRST_VIDEO_LINE, SCREEN_LINE } from "../media/peer";
import {
  audioMuted,
  handRaised,
  name,
  nameOf,
  others,
  peer,
  screenTrack,
  self,
  slots,
  videoMuted,
} from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Tile } from "./Tile";
import { Video } from "./Video";

const RATIO = 16 / 9;
const GAP = 12;
/** Smaller tiles are no use: the grid scrolls instead. */
const MIN_WIDTH = 150;

/** The number of columns that makes `n` tiles of 16:9 largest in a box. */
export function columns(n: number, width: number, height: number): number {
  let best = 1;
  let bestWidth = 0;
  for (let c = 1; c <= n; c++) {
    const rows = Math.ceil(n / c);
    const byWidth = (width - (c - 1) * GAP) / c;
    const byHeight = ((height - (rows - 1) * GAP) / rows) * RATIO;
    const tile = Math.min(byWidth, byHeight);
    if (tile > bestWidth && (c === 1 || byWidth >= MIN_WIDTH)) [best, bestWidth] = [c, tile];
  }
  return best;
}

function tileWidth(n: number, c: number, width: number, height: number): number {
  const rows = Math.ceil(n / c);
  const byWidth = (width - (c - 1) * GAP) / c;
  const byHeight = ((height - (rows - 1) * GAP) / rows) * RATIO;
  return Math.max(Math.min(byWidth, byHeight), Math.min(MIN_WIDTH, byWidth));
}

/** Ourselves as the others see us, but at once. */
function ownTile(): Participant {
  return {
    participant: self.value,
    name: name.value.trim(),
    audioMuted: audioMuted.value,
    videoMuted: videoMuted.value,
    screen: screenTrack.value !== null,
    hand: handRaised.value,
    media: true,
  };
}

function lineOf(participant: number): number {
  const slot = slots.value.video.indexOf(participant);
  return slot < 0 ? 0 : FIRST_VIDEO_LINE + slot;
}

function Screen() {
  const whose = nameOf(slots.value.screen);
  return (
    <div class="screen" role="group" aria-label={t("screenOf", whose)}>
      <Video stream={peer.value?.stream(SCREEN_LINE)} />
      <span class="caption">{t("screenOf", whose)}</span>
    </div>
  );
}

export function Stage() {
  const grid = useRef<HTMLUListElement>(null);
  const [box, setBox] = useState({ width: 0, height: 0 });
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined)
        setBox({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(grid.current!);
    return () => observer.disconnect();
  }, []);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const g = grid.current!;
    setScrolls(g.scrollHeight > g.clientHeight + 1 || g.scrollWidth > g.clientWidth + 1);
  });
  const rest = others.value;
  const n = rest.length + 1;
  const shared = slots.value.screen !== 0 && slots.value.screen !== self.value;
  const c = columns(n, box.width, box.height);
  const style =
    shared || box.width === 0
      ? {}
      : { "--tile-width": `${Math.floor(tileWidth(n, c, box.width, box.height))}px` };
  return (
    <div class={shared ? "stage with-screen" : "stage"}>
      {shared && <Screen />}
      <ul
        class="grid"
        ref={grid}
        style={style}
        aria-label={t("participants")}
        tabIndex={scrolls ? 0 : -1}
      >
        {rest.map((p) => (
          <Tile key={p.participant} p={p} line={lineOf(p.participant)} own={false} />
        ))}
        <Tile key={self.value} p={ownTile()} line={0} own />
      </ul>
      {rest.length === 0 && <p class="alone">{t("alone")}</p>}
    </div>
  );
}
