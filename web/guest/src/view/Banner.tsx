// SPDX-License-Identifier: Apache-2.0
// What is wrong right now, in plain words; one thing at a time, the most basic one first.

import { restartNow } from "../app/connection";
import { media, online, rejoining, soundBlocked, type MediaPhase } from "../store";
import { t, type TextKey } from "../text";
import { Icon } from "./Icon";
import { playSound } from "./Sounds";

const WORDS: Partial<Record<MediaPhase, TextKey>> = {
  trouble: "mediaTrouble",
  failing: "mediaFailing",
  failed: "mediaFailed",
  stalled: "mediaStalled",
  relay: "mediaRelay",
};

function MediaBanner({ words }: { words: TextKey }) {
  const { phase, cause } = media.value;
  return (
    <div class="banner banner-warning">
      <Icon name="warning" />
      <p>
        {t(words)}
        {cause !== "" && <small>{t("cause", cause)}</small>}
      </p>
      {phase === "failed" && (
        <button type="button" class="small-text" onClick={restartNow}>
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
}

function SoundBanner() {
  return (
    <div class="banner">
      <Icon name="sound" />
      <p>{t("playSound")}</p>
      <button type="button" class="small-text" onClick={playSound}>
        {t("playSoundButton")}
      </button>
    </div>
  );
}

export function Banner() {
  const words = WORDS[media.value.phase];
  return (
    <div class="banners" role="status">
      {rejoining.value ? (
        <div class="banner banner-warning">
          <p>{t("rejoining")}</p>
        </div>
      ) : !online.value ? (
        <div class="banner banner-warning">
          <p>{t("signalLost")}</p>
        </div>
      ) : words !== undefined ? (
        <MediaBanner words={words} />
      ) : null}
      {soundBlocked.value && <SoundBanner />}
    </div>
  );
}
