// SPDX-License-Identifier: Apache-2.0
// Where tiles go: pure geometry and choice, no DOM.

export const RATIO = 16 / 9;
export const GAP = 12;
/** Smaller tiles are no use: the grid scrolls instead. */
const MIN_WIDTH = 150;
/** More than that get no picture anyhow; a large one of who speaks says more. */
const GRID_MOST = 9;
/** Narrower, more than four tiles are stamps. */
const NARROW = 560;
const NARROW_MOST = 4;

/** What the guest asks for. */
export type Layout = "auto" | "grid" | "speaker";

/**
 * What is shown: equal tiles; one large beside a strip; one large with the own picture in its
 * corner.
 */
export type Shape = "grid" | "speaker" | "pair";

export interface Scene {
  layout: Layout;
  /** Tiles of others. */
  others: number;
  /** A shared screen takes the stage. */
  screen: boolean;
  pinned: boolean;
  width: number;
}

export function shapeOf(s: Scene): Shape {
  if (s.screen || s.others === 0) return "grid"; // beside a screen the tiles are the strip
  if (s.layout === "grid" && !s.pinned) return "grid";
  if (s.others === 1) return "pair";
  if (s.layout === "speaker" || s.pinned) return "speaker";
  if (s.others > GRID_MOST) return "speaker";
  return s.width > 0 && s.width < NARROW && s.others > NARROW_MOST ? "speaker" : "grid";
}

export interface Candidate {
  participant: number;
  /** A picture of theirs can be shown now. */
  picture: boolean;
}

/** Who is large: whom the guest pinned, who speaks, who was large before, who has a picture. */
export function featuredOf(
  others: readonly Candidate[],
  pinned: number,
  speaker: number,
  before: number,
): number {
  for (const wish of [pinned, speaker, before]) {
    if (wish !== 0 && others.some((o) => o.participant === wish)) return wish;
  }
  return (others.find((o) => o.picture) ?? others[0])?.participant ?? 0;
}

export interface Box {
  width: number;
  height: number;
}

function fit(n: number, columns: number, box: Box): { byWidth: number; tile: number } {
  const rows = Math.ceil(n / columns);
  const byWidth = (box.width - (columns - 1) * GAP) / columns;
  const byHeight = ((box.height - (rows - 1) * GAP) / rows) * RATIO;
  return { byWidth, tile: Math.min(byWidth, byHeight) };
}

/** The number of columns that makes `n` tiles of 16:9 largest in a box. */
export function columns(n: number, box: Box): number {
  let best = 1;
  let bestWidth = 0;
  for (let c = 1; c <= n; c++) {
    const { byWidth, tile } = fit(n, c, box);
    if (tile > bestWidth && (c === 1 || byWidth >= MIN_WIDTH)) [best, bestWidth] = [c, tile];
  }
  return best;
}

/** The width of each of `n` equal tiles; never so small that nobody is recognised. */
export function tileWidth(n: number, box: Box): number {
  const { byWidth, tile } = fit(n, columns(n, box), box);
  return Math.floor(Math.max(tile, Math.min(MIN_WIDTH, byWidth)));
}
