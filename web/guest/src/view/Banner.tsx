// SPDX-License-Identifier: Apache-2.0
// What is wrong right now, in plain words: of the connection one thing at a time, the most basic
// first; then of the own devices.

import { restartNow } from "../app/connection";
import type { Cause } from "../media/watchdog";
import {
  cameraTrouble,
  dialog,
  media,
  micSilent,
  micTrouble,
  online,
  rejoining,
  screenTrack,
  soundBlocked,
  type MediaPhase,
} from "../store";
import { screenSound } from "../app/local";
import { t, type TextKey } from "../text";
import { Icon, type IconName } from "./Icon";
import { playSound } from "./Sounds";

const WORDS: Partial<Record<MediaPhase, TextKey>> = {
  trouble: "mediaTrouble",
  failed: "mediaFailed",
  stalled: "mediaStalled",
  frozen: "mediaFrozen",
};

const WHY: Record<Cause, TextKey> = {
  offline: "whyOffline",
  relay: "whyRelay",
  noPath: "whyNoPath",
  blocked: "whyBlocked",
  noSecurity: "whyNoSecurity",
  silent: "whySilent",
};

function MediaBanner({ words }: { words: TextKey }) {
  const { phase, why, cause, trying } = media.value;
  return (
    <div class={phase === "failed" ? "banner banner-error" : "banner banner-warning"}>
      <Icon name="warning" />
      <p>
        <strong>{t(words)}</strong>
        {why !== null && ` ${t(WHY[why])}`}
        {trying !== null && <small>{t(trying)}</small>}
        {cause !== "" && <small>{t("cause", cause)}</small>}
      </p>
      {(phase === "failed" || phase === "frozen") && (
        <button type="button" class="small-text" onClick={restartNow}>
          {t("tryAgain")}
        </button>
      )}
    </div>
  );
}

function Line({
  icon,
  words,
  warning = true,
  button,
  act,
}: {
  icon: IconName;
  words: TextKey;
  warning?: boolean;
  button?: TextKey;
  act?: () => void;
}) {
  return (
    <div class={warning ? "banner banner-warning" : "banner"}>
      <Icon name={icon} />
      <p>{t(words)}</p>
      {button !== undefined && (
        <button type="button" class="small-text" onClick={act}>
          {t(button)}
        </button>
      )}
    </div>
  );
}

const openSettings = (): void => {
  dialog.value = "settings";
};

export function Banner() {
  const words = WORDS[media.value.phase];
  return (
    <div class="banners" role="status">
      {rejoining.value ? (
        <Line icon="warning" words="rejoining" />
      ) : !online.value ? (
        <Line icon="warning" words="signalLost" />
      ) : words !== undefined ? (
        <MediaBanner words={words} />
      ) : null}
      {micTrouble.value !== null && <Line icon="micOff" words="micSystem" />}
      {micSilent.value && (
        <Line icon="micOff" words="micSilent" button="chooseDevice" act={openSettings} />
      )}
      {cameraTrouble.value !== null && <Line icon="cameraOff" words="cameraSystem" />}
      {soundBlocked.value && (
        <Line
          icon="sound"
          words="playSound"
          warning={false}
          button="playSoundButton"
          act={playSound}
        />
      )}
      {screenTrack.value !== null && (
        <Line
          icon="screen"
          words={screenSound.value === null ? "sharingNow" : "sharingWithSound"}
          warning={false}
        />
      )}
    </div>
  );
}
