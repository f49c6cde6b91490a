// SPDX-License-Identifier: Apache-2.0
// What the tests of the guest page share: one browser per file, one fake webbridge and one page per
// test. Screenshots of every state go to build/screenshots.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it as declare } from "node:test";
import { fileURLToPath } from "node:url";
import { axe, launch, openGuest } from "../e2e/lib/browser.mjs";
import { FakeServer } from "./fake-server.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
mkdirSync(shots, { recursive: true });

/** Of the running test. */
export let browser;
export let server;
export let page;

/** Every test ends by a deadline of its own: a multiple of what it takes on an idle machine. */
export const it = (name, body) => declare(name, { timeout: 240000 }, body);

export function suite(name, body) {
  describe(name, () => {
    before(async () => {
      browser = await launch({
        flags: ["--allow-loopback-in-peer-connection", "--use-fake-device-for-media-stream=fps=10"],
      });
    });
    after(async () => {
      await browser?.close();
    });
    beforeEach(async () => {
      server = await new FakeServer().start();
    });
    afterEach(async () => {
      for (const context of browser.contexts()) await context.close();
      server.stop();
    });
    body();
  });
}

/** Opens the page; `from` another browser than the file's own. */
export async function open(path = "/", context = {}, from = browser) {
  page = await openGuest(from, server.origin + path, { reducedMotion: "reduce", ...context });
  return page;
}

/** Ends a test: nothing may have gone wrong unseen. */
export function nothingWrong(expected = /WebSocket|ERR_CONNECTION/) {
  assert.deepEqual(server.mistakes, []);
  assert.deepEqual(
    page.problems.filter((p) => !expected.test(p)),
    [],
  );
}

export const button = (name) => page.getByRole("button", { name, exact: true });

/** The dialog that is open. */
export const dialog = () => page.getByRole("dialog");

/** The name of the control that has the focus. */
export const focused = () =>
  page.evaluate(() => {
    const e = document.activeElement;
    return e.getAttribute("aria-label") ?? e.querySelector("span")?.textContent ?? e.textContent;
  });

/** Opens the entry of the menu, which leads to a dialog. */
export async function openMenu(entry) {
  await button("More").click();
  await button(entry).click();
}

/** A picture of the state. */
export const shoot = (name) => page.screenshot({ path: `${shots}${name}.png` });

/** A picture of the state, and axe's verdict on it; `rules`: on these alone. */
export async function look(name, rules = []) {
  await shoot(name);
  assert.deepEqual(await axe(page, rules), [], `axe on ${name}`);
}

/** No text or control makes the page wider than the window. */
export async function notTooWide(what) {
  const over = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  );
  assert.ok(over <= 0, `${what}: ${over} px too wide`);
}

export const mediaPhase = () => page.evaluate(() => window.stoa.state.media);
