// SPDX-License-Identifier: Apache-2.0
// A native modal dialog. It gives the focus back to whatever had it.

import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef } from "preact/hooks";
import { dialog } from "../store";
import { t } from "../text";
import { Icon } from "./Icon";

export const closeDialog = (): void => {
  dialog.value = null;
};

export function Dialog({
  title,
  narrow = false,
  alert = false,
  children,
}: {
  title: string;
  narrow?: boolean;
  /** Asks before something that cannot be undone. */
  alert?: boolean;
  children: ComponentChildren;
}) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useLayoutEffect(() => {
    const before = document.activeElement;
    const shown = element.current!;
    shown.showModal();
    return () => {
      shown.close();
      // A menu that opened it may be gone; its button is next to where the guest was.
      const back =
        before instanceof HTMLElement && before.isConnected && before !== document.body
          ? before
          : document.querySelector<HTMLElement>("[data-more]");
      back?.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      class={narrow ? "dialog dialog-narrow" : "dialog"}
      aria-labelledby={id}
      {...(alert ? { role: "alertdialog" } : {})}
      onClose={closeDialog}
      onClick={(e) => {
        if (e.target === e.currentTarget) closeDialog(); // beside it
      }}
    >
      <div class="dialog-body">
        <header>
          <h2 id={id}>{title}</h2>
          {!alert && (
            <button type="button" class="small" aria-label={t("close")} onClick={closeDialog}>
              <Icon name="close" />
            </button>
          )}
        </header>
        {children}
      </div>
    </dialog>
  );
}
