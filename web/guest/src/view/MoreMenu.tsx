// SPDX-License-Identifier: Apache-2.0
// What is not needed every minute: layout, own picture, full screen, settings, connection, keys.

import { useEffect, useRef, useState } from "preact/hooks";
import { setSelfHidden } from "../app/prefs";
import { dialog, selfHidden, type DialogName } from "../store";
import { t, type TextKey } from "../text";
import { canFullScreen, toggleFullScreen, useFullScreen } from "./fullscreen";
import { Icon, type IconName } from "./Icon";
import { LayoutChoice } from "./LayoutChoice";

interface Entry {
  icon: IconName;
  words: TextKey;
  act: () => void;
}

function useEntries(): Entry[] {
  const full = useFullScreen();
  const show = (name: DialogName) => (): void => {
    dialog.value = name;
  };
  const own = selfHidden.value;
  return [
    {
      icon: own ? "eye" : "eyeOff",
      words: own ? "showSelf" : "hideSelf",
      act: () => setSelfHidden(!own),
    },
    ...(canFullScreen()
      ? [
          {
            icon: "full" as const,
            words: full ? ("leaveFullScreen" as const) : ("fullScreen" as const),
            act: toggleFullScreen,
          },
        ]
      : []),
    { icon: "settings", words: "settings", act: show("settings") },
    { icon: "signal", words: "quality", act: show("quality") },
    { icon: "keyboard", words: "help", act: show("help") },
  ];
}

export function MoreMenu() {
  const [shown, setShown] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const entries = useEntries();
  useEffect(() => {
    if (!shown) return;
    box.current?.querySelector<HTMLElement>("input:checked, .menu button")?.focus();
    const outside = (e: Event): void => {
      if (!box.current?.contains(e.target as Node)) setShown(false);
    };
    document.addEventListener("pointerdown", outside);
    document.addEventListener("focusin", outside);
    return () => {
      document.removeEventListener("pointerdown", outside);
      document.removeEventListener("focusin", outside);
    };
  }, [shown]);
  const close = (): void => {
    setShown(false);
    button.current?.focus();
  };
  return (
    <div
      class="more"
      ref={box}
      onKeyDown={(e) => {
        if (e.key === "Escape" && shown) close();
      }}
    >
      <button
        ref={button}
        type="button"
        data-more
        class={shown ? "control is-on" : "control"}
        aria-expanded={shown}
        onClick={() => setShown(!shown)}
      >
        <Icon name="more" />
        <span>{t("more")}</span>
      </button>
      {shown && (
        <div class="menu" role="group" aria-label={t("more")}>
          <LayoutChoice />
          {entries.map(({ icon, words, act }) => (
            <button
              key={words}
              type="button"
              onClick={() => {
                close();
                act();
              }}
            >
              <Icon name={icon} />
              {t(words)}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
