// SPDX-License-Identifier: Apache-2.0
// How good the connection is and the figures behind it, to be read or sent to whoever helps.

import { useRef, useState } from "preact/hooks";
import type { Level } from "../media/quality";
import { FIRST_VIDEO_LINE, SCREEN_LINE } from "../media/peer";
import { nameOf, quality, slots, stats } from "../store";
import { t, type TextKey } from "../text";
import { asText, rows } from "./details";
import { Dialog } from "./Dialog";
import { Icon } from "./Icon";
import { Bars, LEVEL_WORDS, levelNow } from "./QualityButton";

const HELP: Record<Level, TextKey> = {
  0: "qualityHelp0",
  1: "qualityHelp1",
  2: "qualityHelp2",
  3: "qualityHelp3",
};

function whose(line: number): string {
  if (line === SCREEN_LINE) {
    const name = nameOf(slots.value.screen);
    return name === "" ? "" : t("screenOf", name);
  }
  return nameOf(slots.value.video[line - FIRST_VIDEO_LINE] ?? 0);
}

function CopyButton({ text }: { text: string }) {
  const [state, setState] = useState<"ready" | "copied" | "failed">("ready");
  const area = useRef<HTMLTextAreaElement>(null);
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      setState("copied");
    } catch {
      setState("failed"); // not allowed here: the guest can do it by hand
      window.setTimeout(() => area.current?.select(), 0);
    }
  };
  return (
    <>
      <div class="actions">
        <p role="status">
          {state === "ready" ? "" : t(state === "copied" ? "copied" : "copyFailed")}
        </p>
        <button type="button" class="quiet" onClick={() => void copy()}>
          <Icon name="copy" />
          {t("copyDetails")}
        </button>
      </div>
      {state === "failed" && (
        <textarea ref={area} readOnly rows={6} aria-label={t("detailsText")} value={text} />
      )}
    </>
  );
}

export function QualityDialog() {
  const level = levelNow();
  const all = stats.value === null ? [] : rows(stats.value, quality.value, whose);
  const title = t("qualityIs", t(LEVEL_WORDS[level]));
  return (
    <Dialog title={t("quality")} narrow>
      <p class="verdict">
        <Bars level={level} />
        <strong>{t(LEVEL_WORDS[level])}</strong>
      </p>
      <p class="soft">{t(HELP[level])}</p>
      {all.length > 0 && (
        <>
          <dl class="figures">
            {all.map(([label, value], i) => (
              <div key={i}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
          <CopyButton text={asText(title, all)} />
        </>
      )}
    </Dialog>
  );
}
