// SPDX-License-Identifier: Apache-2.0
// The connection's figures as rows of words, for the panel and for copying.

import type { Quality } from "../media/quality";
import type { LineStats, SentStats, Stats } from "../media/stats";
import { t } from "../text";

export type Row = [label: string, value: string];

const kbps = (bps: number): string =>
  bps >= 1_000_000 ? `${(bps / 1_000_000).toFixed(1)} Mbit/s` : `${Math.round(bps / 1000)} kbit/s`;
const percent = (part: number): string => `${(part * 100).toFixed(1)} %`;

const picture = (p: { codec: string; frameWidth: number; frameHeight: number; fps: number }) =>
  [`${p.frameWidth} × ${p.frameHeight}`, `${Math.round(p.fps)} fps`, p.codec]
    .filter((x) => x !== "")
    .join(", ");

function path(s: Stats): string {
  const pair = s.pair;
  if (pair === null) return "–";
  const relayed = pair.local === "relay" || pair.remote === "relay";
  const protocol = (pair.relayProtocol || pair.protocol).toUpperCase();
  const types = `${pair.local}/${pair.remote}`;
  return `${t(relayed ? "pathRelay" : "pathDirect")}, ${protocol} (${types})`;
}

const sending = (s: SentStats): boolean => s.kind === "video" && s.frameHeight > 0;

function sentRow(s: SentStats): Row {
  const limit = s.limitedBy === "" || s.limitedBy === "none" ? "" : ` (${s.limitedBy})`;
  return [t(s.line === 1 ? "rowSent" : "rowScreen"), `${picture(s)}${limit}`];
}

/** `whose` names who stands in a line; empty: nobody, and the line is left out. */
export function rows(s: Stats, q: Quality, whose: (line: number) => string): Row[] {
  const got = (l: LineStats): Row[] => {
    const name = whose(l.line);
    return l.kind !== "video" || name === "" || l.frameHeight === 0
      ? []
      : [[t("rowGot", name), picture(l)]];
  };
  const sound = s.slots.find((l) => l.kind === "audio" && l.packets > 0);
  return [
    [t("rowPath"), path(s)],
    [t("rowRtt"), `${Math.round(q.rttMs)} ms`],
    [t("rowLossIn"), percent(q.lossIn)],
    [t("rowLossOut"), percent(q.lossOut)],
    [t("rowIn"), kbps(q.inBps)],
    [t("rowOut"), kbps(q.outBps)],
    ...s.sent.filter(sending).map(sentRow),
    ...s.slots.flatMap(got),
    ...(sound === undefined
      ? []
      : [[t("rowSound"), `${sound.codec}, ±${Math.round(sound.jitterMs)} ms`] as Row]),
  ];
}

export const asText = (title: string, all: readonly Row[]): string =>
  [title, ...all.map(([label, value]) => `${label}: ${value}`)].join("\n");
