// SPDX-License-Identifier: Apache-2.0
// The frame of every page but the meeting: background, logo, one card.

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { online, welcome } from "../store";
import { t } from "../text";
import { LanguageSelect } from "./LanguageSelect";
import { Logo, pictureUrl } from "./Logo";

/** The address once its picture is there; one that is broken leaves the page as it is. */
function useLoaded(url: string): string {
  const [loaded, setLoaded] = useState("");
  useEffect(() => {
    if (url === "") return;
    const image = new Image();
    image.onload = () => setLoaded(url);
    image.src = url;
    return () => {
      image.onload = null;
    };
  }, [url]);
  return loaded === url ? url : "";
}

export function Shell({
  title,
  above = "",
  wide = false,
  children,
}: {
  title: string;
  above?: string;
  wide?: boolean;
  children: ComponentChildren;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  // A new page is read from its heading; without this the focus would stay on a button that is
  // gone.
  useEffect(() => {
    if (document.activeElement === document.body) heading.current?.focus();
  }, []);
  const picture = useLoaded(pictureUrl(welcome.value?.backgroundImage ?? ""));
  return (
    <div
      class={picture === "" ? "shell" : "shell with-picture"}
      style={picture === "" ? {} : { backgroundImage: `url("${picture}")` }}
    >
      <header class="shell-head">
        <Logo />
      </header>
      <main class={wide ? "card card-wide" : "card"}>
        {above !== "" && <p class="above-title">{above}</p>}
        <h1 ref={heading} tabIndex={-1}>
          {title}
        </h1>
        {children}
      </main>
      <footer class="shell-foot">
        <p role="status">{!online.value && welcome.value !== null ? t("noServer") : ""}</p>
        <LanguageSelect />
      </footer>
    </div>
  );
}
