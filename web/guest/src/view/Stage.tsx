// SPDX-License-Identifier: Apache-2.0
// Everybody in a grid, as large as the space allows; or one of them, or a shared screen, large and
// the rest in a strip. Tiles never move in the document, so a picture is not cut by another layout.

import { useEffect, useRef, useState } from "preact/hooks";
import { FIRST_VIDEO_LINE, SCREEN_LINE } from "../media/peer";
import {
  audioMuted,
  handRaised,
  layout,
  name,
  nameOf,
  others,
  peer,
  pinned,
  screenTrack,
  self,
  selfHidden,
  slots,
  speaker,
  videoMuted,
} from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon } from "./Icon";
import { featuredOf, shapeOf, tileWidth, type Box } from "./layout";
import { Tile } from "./Tile";
import { Video } from "./Video";

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
  const whose = t("screenOf", nameOf(slots.value.screen));
  const paused = slots.value.screenPaused;
  return (
    <div class="screen" role="group" aria-label={whose}>
      <Video
        stream={peer.value?.stream(SCREEN_LINE)}
        line={SCREEN_LINE}
        class={paused ? "not-yet" : ""}
      />
      {paused && (
        <p class="paused">
          <Icon name="pause" />
          <span>{t("paused")}</span>
        </p>
      )}
      <span class="caption">
        <span class="caption-name">{whose}</span>
      </span>
    </div>
  );
}

/** The size of the stage, and whether its list has to be scrolled. */
function useMeasure() {
  const stage = useRef<HTMLDivElement>(null);
  const list = useRef<HTMLUListElement>(null);
  const [box, setBox] = useState<Box>({ width: 0, height: 0 });
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => {
      if (entry !== undefined)
        setBox({ width: entry.contentRect.width, height: entry.contentRect.height });
    });
    observer.observe(stage.current!);
    return () => observer.disconnect();
  }, []);
  useEffect(() => {
    const l = list.current;
    setScrolls(
      l !== null && (l.scrollHeight > l.clientHeight + 1 || l.scrollWidth > l.clientWidth + 1),
    );
  });
  return { stage, list, box, scrolls };
}

export function Stage() {
  const { stage, list, box, scrolls } = useMeasure();
  const featuredBefore = useRef(0);
  const rest = others.value;
  const shared = slots.value.screen !== 0 && slots.value.screen !== self.value;
  const alone = rest.length === 0;
  const shape = shapeOf({
    layout: layout.value,
    others: rest.length,
    screen: shared,
    pinned: pinned.value !== 0,
    width: box.width,
  });
  const featured =
    shape === "grid"
      ? 0
      : featuredOf(
          rest.map((p) => ({ participant: p.participant, picture: !p.videoMuted })),
          pinned.value,
          speaker.value,
          featuredBefore.current,
        );
  featuredBefore.current = featured;
  const n = rest.length + (selfHidden.value ? 0 : 1);
  const strip = shared || shape === "speaker";
  const style =
    strip || shape === "pair" || box.width === 0 || n === 0
      ? {}
      : { "--tile-width": `${tileWidth(n, box)}px` };
  return (
    <div class={`stage shape-${shape}${strip ? " with-strip" : ""}`} ref={stage}>
      {shared && <Screen />}
      <ul
        class="grid"
        ref={list}
        style={style}
        aria-label={t("participants")}
        tabIndex={scrolls ? 0 : -1}
      >
        {rest.map((p) => (
          <Tile
            key={p.participant}
            p={p}
            line={lineOf(p.participant)}
            own={false}
            place={p.participant === featured ? "featured" : "normal"}
          />
        ))}
        {!selfHidden.value && (
          <Tile
            key={self.value}
            p={ownTile()}
            line={lineOf(self.value)}
            own
            place={shape === "pair" ? "floating" : "normal"}
            alone={alone}
          />
        )}
      </ul>
      {alone && <p class="alone">{t("alone")}</p>}
    </div>
  );
}
