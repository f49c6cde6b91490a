// SPDX-License-Identifier: Apache-2.0
// One participant: picture or initials, name, marks.

import { useEffect, useState } from "preact/hooks";
import { mark } from "../media/timings";
import { FIRST_VIDEO_LINE } from "../media/peer";
import { cameraTrack, hands, peer, pinned, self, slots, speaker } from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon, type IconName } from "./Icon";
import { OwnVideo } from "./OwnVideo";
import { TileAction } from "./TileAction";
import { Video } from "./Video";

/**
 * Packets name their sender; one that names nobody for so long comes from a server that does not
 * say.
 */
const TRUST_AFTER_MS = 3000;

export function initials(name: string): string {
  const words = name.trim().split(/\s+/);
  const letters = [words[0], words.length > 1 ? words[words.length - 1] : ""];
  return letters
    .map((w) => [...(w ?? "")][0] ?? "")
    .join("")
    .toUpperCase();
}

const HUES = 6;

/** The same name has the same colour everywhere. */
export function hueOf(name: string): number {
  let sum = 0;
  for (const c of name) sum = (sum * 31 + (c.codePointAt(0) ?? 0)) % 9973;
  return sum % HUES;
}

/** The picture of a slot, shown from the first frame that is really of this participant. */
function SlotVideo({
  line,
  participant,
  paused,
  onShown,
}: {
  line: number;
  participant: number;
  /** Still laid out, so that the callbridge knows its size, but the frozen picture is hidden. */
  paused: boolean;
  onShown: (shown: boolean) => void;
}) {
  const [shown, setShown] = useState(false);
  const [since] = useState(() => performance.now());
  const p = peer.value;
  useEffect(() => {
    onShown(shown);
    return () => onShown(false);
  }, [shown]);
  const onFrame = (): void => {
    mark("firstFrame");
    if (shown) return;
    const from = p?.contributor(line) ?? 0;
    if (from === participant || from === 0 || performance.now() - since > TRUST_AFTER_MS)
      setShown(true);
  };
  return (
    <Video
      stream={p?.stream(line)}
      line={line}
      onFrame={onFrame}
      class={shown && !paused ? "" : "not-yet"}
    />
  );
}

function Mark({ icon, words, text = "" }: { icon: IconName; words: string; text?: string }) {
  return (
    <span class={`mark mark-${icon}`} role="img" aria-label={words} title={words}>
      <Icon name={icon} />
      {text}
    </span>
  );
}

export function Marks({ p, listed = false }: { p: Participant; listed?: boolean }) {
  const place = hands.value.indexOf(p.participant) + 1;
  const counts = place > 0 && hands.value.length > 1;
  return (
    <>
      {pinned.value === p.participant && <Mark icon="pin" words={t("pinned")} />}
      {listed && p.screen && <Mark icon="screen" words={t("sharing")} />}
      {p.hand && (
        <Mark
          icon="hand"
          words={counts ? t("handNumber", place) : t("handRaised")}
          text={counts ? String(place) : ""}
        />
      )}
      {listed && speaker.value === p.participant && !p.audioMuted && (
        <Mark icon="sound" words={t("speaking")} />
      )}
      {p.audioMuted && <Mark icon="micOff" words={t("muted")} />}
    </>
  );
}

/** Longer than any slot takes to begin with its first picture, which is no slow connection. */
const PAUSE_MS = 1200;

function Paused() {
  const [lasting, setLasting] = useState(false);
  useEffect(() => {
    const timer = window.setTimeout(() => setLasting(true), PAUSE_MS);
    return () => window.clearTimeout(timer);
  }, []);
  if (!lasting) return null;
  return (
    <span class="paused">
      <Icon name="pause" />
      <span class="paused-long">{t("paused")}</span>
      <span class="paused-short">{t("pausedShort")}</span>
    </span>
  );
}

export type Place = "normal" | "featured" | "floating";

export function Tile({
  p,
  line,
  own,
  place = "normal",
  alone = false,
}: {
  p: Participant;
  line: number;
  own: boolean;
  place?: Place;
  /** The only tile: there is nothing to arrange. */
  alone?: boolean;
}) {
  const [shown, setShown] = useState(false);
  const speaks = speaker.value === p.participant && !p.audioMuted;
  // A callbridge in its test mode sends guests their own picture back: that is shown, then.
  const mirror = own && line === 0;
  const withVideo = mirror ? cameraTrack.value !== null : line > 0 && !p.videoMuted;
  const paused = withVideo && slots.value.videoPaused[line - FIRST_VIDEO_LINE] === true;
  const label = own ? t("nameYou", p.name) : p.name;
  const pictured = mirror ? withVideo : shown && !paused;
  return (
    <li
      class={`tile tile-${place}${speaks ? " speaks" : ""}${paused ? " tile-paused" : ""}`}
      aria-label={speaks ? `${label}, ${t("speaking")}` : label}
    >
      {!pictured && (
        <span class={`initials hue-${hueOf(p.name)}`} aria-hidden="true">
          {initials(p.name)}
        </span>
      )}
      {withVideo && mirror && <OwnVideo />}
      {withVideo && !mirror && (
        <SlotVideo
          key={`${line}/${p.participant}`}
          line={line}
          participant={p.participant}
          paused={paused}
          onShown={setShown}
        />
      )}
      {paused && <Paused />}
      <span class="caption">
        <span class="caption-name">{p.participant === self.value ? label : p.name}</span>
        {!own && !p.media && <span class="caption-state">{t("tileConnecting")}</span>}
        <Marks p={p} />
      </span>
      {!alone && <TileAction p={p} own={own} />}
    </li>
  );
}
