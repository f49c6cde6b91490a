// SPDX-License-Identifier: Apache-2.0
// Chromium for tests: starts Debian's browser with fake devices, joins calls as a guest would
// (controls are found by their accessible names alone) and reads what window.stoa tells.
//
//   const browser = await launch();
//   const page = await openGuest(browser, "https://localhost:8443/");
//   await joinAs(page, { name: "Ada", callId: "100101", passcode: "" });
//   await until(async () => (await videoFrames(page)) > 10, "frames of the other guest");
//   await browser.close();
import { createRequire } from "node:module";

// The npm packages of the tests are those of the guest page; run web/build --deps first.
const require = createRequire(new URL("../../../web/guest/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** Flags of every browser; see launch(). */
const FLAGS = [
  "--disable-gpu",
  "--disable-dev-shm-usage",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--use-fake-device-for-media-stream",
  "--use-fake-ui-for-media-stream",
  "--autoplay-policy=no-user-gesture-required",
  "--mute-audio",
];

/**
 * Starts a browser. Options, all optional:
 *   executable  default $STOA_CHROMIUM or /usr/bin/chromium; a wrapper script may enter a
 *               network namespace
 *   flags       more command line flags, e.g. --host-resolver-rules=...,
 *               --allow-loopback-in-peer-connection
 *   env         environment, e.g. HOME with its own certificate store
 *   devices     false: no camera and no microphone
 *   ask         true: the permission question is not answered by itself
 */
export function launch({ executable, flags = [], env, devices = true, ask = false } = {}) {
  const own = FLAGS.filter(
    (f) =>
      (devices || f !== "--use-fake-device-for-media-stream") &&
      (!ask || f !== "--use-fake-ui-for-media-stream"),
  );
  return chromium.launch({
    executablePath: executable ?? process.env.STOA_CHROMIUM ?? "/usr/bin/chromium",
    headless: true,
    chromiumSandbox: false,
    args: [...own, ...flags],
    ...(env === undefined ? {} : { env: { ...process.env, ...env } }),
  });
}

/**
 * The browsers of a test file, one per guest, which the file's next test uses again: a start costs more
 * than a page.
 */
export function newBrowsers() {
  const all = []; // promises: two guests may come at once
  let special = [];
  let taken = 0;

  /** One that no other guest of this test has; with options as of launch(), for this test alone. */
  function take(options) {
    if (options !== undefined) return special[special.push(launch(options)) - 1];
    all[taken] ??= launch();
    return all[taken++];
  }

  const closeThese = async (list) =>
    void (await Promise.all((await Promise.all(list)).map((b) => b.close())));

  /** Everybody leaves, and the next test may take all. */
  async function free() {
    const contexts = (await Promise.all([...all, ...special])).flatMap((b) => b.contexts());
    for (const page of contexts.flatMap((c) => c.pages())) await leave(page);
    await Promise.all(contexts.map((c) => c.close()));
    await closeThese(special);
    special = [];
    taken = 0;
  }

  return { take, free, close: () => closeThese(all) };
}

/**
 * Opens the page as a guest of its own (own storage, own window: background tabs are throttled).
 * `context` takes playwright's context options: colorScheme, viewport, locale, reducedMotion,
 * ignoreHTTPSErrors. What the page logs as an error is collected in page.problems. `prepare` gets
 * the context before anything is loaded.
 */
export async function openGuest(browser, url, context = {}, prepare = async () => {}) {
  const own = await browser.newContext({
    locale: "en-US",
    viewport: { width: 1280, height: 800 },
    ...context,
  });
  await prepare(own);
  const page = await own.newPage();
  page.problems = [];
  page.on("pageerror", (e) => page.problems.push(String(e)));
  page.on("console", (m) => {
    if (m.type() === "error") page.problems.push(m.text());
  });
  await page.goto(url);
  return page;
}

const button = (page, name) => page.getByRole("button", { name, exact: true });

/** From the landing page to the preview. */
export async function enterCall(page, { callId, passcode = "" }) {
  await button(page, "Join call").click();
  await page.getByLabel("Call ID", { exact: true }).fill(callId);
  await page.getByLabel("Passcode (if required)", { exact: true }).fill(passcode);
  await button(page, "Continue").click();
  await page.getByLabel("Your name", { exact: true }).waitFor();
}

/** From the preview into the meeting. */
export async function enterMeeting(page, { name }) {
  await page.getByLabel("Your name", { exact: true }).fill(name);
  await button(page, "Join call").click();
  await button(page, "Leave").waitFor();
}

/** From the landing page into the meeting, as the guide describes it. */
export async function joinAs(page, { name, callId, passcode = "" }) {
  await enterCall(page, { callId, passcode });
  await enterMeeting(page, { name });
}

/** Out of the meeting as people leave: a browser that is killed stays in the call for 30 s. */
export async function leave(page) {
  if ((await button(page, "Leave").count()) === 0) return;
  await button(page, "Leave").click();
  await button(page, "Leave").waitFor({ state: "detached" });
}

/** The names of everybody whose tile is shown; the own one ends with " (you)". */
export async function tileNames(page) {
  const tiles = page.getByRole("list", { name: "Participants" }).getByRole("listitem");
  // All at one moment: asked one by one, a tile that goes meanwhile would be waited for.
  const labels = await tiles.evaluateAll((all) => all.map((t) => t.getAttribute("aria-label")));
  return labels.map((l) => l.replace(/, speaking$/, ""));
}

/** window.stoa.stats(); null outside a call. */
export const stats = (page) => page.evaluate(() => window.stoa.stats());

/** Steps of the last join in ms, relative to the click on Join call. */
export async function timings(page) {
  const all = await page.evaluate(() => window.stoa.timings);
  return Object.fromEntries(
    Object.entries(all).map(([k, v]) => [k, Math.round(v - all.joinClick)]),
  );
}

/** Frames decoded on all video slots together. */
export async function videoFrames(page) {
  const s = await stats(page);
  return s === null ? 0 : s.slots.reduce((sum, slot) => sum + slot.framesDecoded, 0);
}

/** Sound received on all audio slots together; grows while somebody is heard. */
export async function audioEnergy(page) {
  const s = await stats(page);
  return s === null ? 0 : s.slots.reduce((sum, slot) => sum + slot.totalAudioEnergy, 0);
}

/** Types of the selected pair as "host/prflx udp"; empty while there is none. */
export async function pairTypes(page) {
  const pair = (await stats(page))?.pair;
  return pair ? `${pair.local}/${pair.remote} ${pair.protocol}` : "";
}

/** Polls until `condition` is true; fails with `what` (text, or a function that gives it) after `ms`. */
export async function until(condition, what, ms = 15000) {
  const end = Date.now() + ms;
  for (;;) {
    if (await condition()) return;
    if (Date.now() > end) {
      throw new Error(`not within ${ms} ms: ${typeof what === "function" ? await what() : what}`);
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

/** axe's findings as short lines; empty when there are none. `rules`: of these alone. */
export async function axe(page, rules = []) {
  const runOnly =
    rules.length > 0
      ? { type: "rule", values: rules }
      : ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
  // By the debugger, so the page's CSP does not matter.
  if (!(await page.evaluate(() => "axe" in window))) {
    await page.evaluate(require("axe-core").source);
  }
  const result = await page.evaluate((only) => window.axe.run(document, { runOnly: only }), runOnly);
  return result.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" | ")}`);
}
