// SPDX-License-Identifier: Apache-2.0
// How loud the own microphone is.

import { useEffect, useState } from "preact/hooks";
import { measureLevel, METER_MS } from "../media/level";
import { micTrack, muted } from "../store";
import { t } from "../text";

const BARS = 12;

export function LevelMeter() {
  const [level, setLevel] = useState(0);
  const track = micTrack.value;
  const silent = muted.value;
  useEffect(() => {
    setLevel(0);
    if (track === null || silent) return;
    return measureLevel(track, METER_MS, (l) => setLevel(Math.round(l.level * BARS)));
  }, [track, silent]);
  return (
    <div
      class="level"
      role="meter"
      aria-label={t("level")}
      aria-valuemin={0}
      aria-valuemax={BARS}
      aria-valuenow={level}
    >
      {Array.from({ length: BARS }, (_, i) => (
        <span key={i} class={i < level ? "lit" : ""} />
      ))}
    </div>
  );
}
