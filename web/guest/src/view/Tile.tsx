// SPDX-License-Identifier: Apache-2.0
// One participant: picture or initials, name, marks.

import { useEffect, useState } from "preact/hooks";
import { mark } from "../media/timings";
import { cameraTrack, peer, self, speaker } from "../store";
import { t } from "../text";
import type { Participant } from "../wire/messages";
import { Icon } from "./Icon";
import { OwnVideo } from "./OwnVideo";
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

/** The picture of a slot, shown from the first frame that is really of this participant. */
function SlotVideo({
  line,
  participant,
  onShown,
}: {
  line: number;
  participant: number;
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
  return <Video stream={p?.stream(line)} onFrame={onFrame} class={shown ? "" : "not-yet"} />;
}

export function Marks({ p }: { p: Participant }) {
  return (
    <>
      {p.hand && (
        <span class="mark mark-hand" role="img" aria-label={t("handRaised")}>
          <Icon name="hand" />
        </span>
      )}
      {p.audioMuted && (
        <span class="mark" role="img" aria-label={t("muted")}>
          <Icon name="micOff" />
        </span>
      )}
    </>
  );
}

export function Tile({ p, line, own }: { p: Participant; line: number; own: boolean }) {
  const [shown, setShown] = useState(false);
  const speaks = speaker.value === p.participant && !p.audioMuted;
  const withVideo = own ? cameraTrack.value !== null : line > 0 && !p.videoMuted;
  const label = own ? t("nameYou", p.name) : p.name;
  return (
    <li
      class={speaks ? "tile speaks" : "tile"}
      aria-label={speaks ? `${label}, ${t("speaking")}` : label}
    >
      {!((own && withVideo) || shown) && (
        <span class="initials" aria-hidden="true">
          {initials(p.name)}
        </span>
      )}
      {withVideo && own && <OwnVideo />}
      {withVideo && !own && (
        <SlotVideo
          key={`${line}/${p.participant}`}
          line={line}
          participant={p.participant}
          onShown={setShown}
        />
      )}
      <span class="caption">
        <span class="caption-name">{p.participant === self.value ? label : p.name}</span>
        {!own && !p.media && <span class="caption-state">{t("tileConnecting")}</span>}
        <Marks p={p} />
      </span>
    </li>
  );
}
