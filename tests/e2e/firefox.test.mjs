// SPDX-License-Identifier: Apache-2.0
// A meeting of Firefox and Chromium, both ways. Needs firefox-esr (deploy/packages/long); what
// differs between the two is written down in docs/browsers.md.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  audioEnergy, joinAs, launch, leave, openGuest, stats, tileNames, until, videoFrames,
} from "./lib/browser.mjs";
import { launchFirefox } from "./lib/firefox.mjs";
import { leadThrough, startRelay } from "./lib/relay.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const SCREEN_LINE = 16;
const HOLDS_MS = 12000; // the page would say that nothing arrives after 4 s
const FRAMES_MS = 30000; // software encoders of two browsers share the CPU
const GIVES_UP_MS = 60000; // Firefox needs 25 to 30 s until it says that ICE failed
let site;
let relay = null;
let pages = [];
let browsers = [];

const button = (page, name) => page.getByRole("button", { name, exact: true });
const media = (page) => page.evaluate(() => window.stoa.state.media);

async function meet(prepare) {
  const [fox, chromium] = await Promise.all([
    launchFirefox({ trust: join(site.state, "inside/pki/ca.crt") }), launch(),
  ]);
  browsers = [fox, chromium];
  const ada = await openGuest(chromium, site.url, { ignoreHTTPSErrors: true });
  pages.push(ada);
  const eve = await openGuest(fox, site.url, {}, prepare); // the certificate is really validated
  pages.push(eve);
  await joinAs(ada, { name: "Ada", callId: "100101" });
  await joinAs(eve, { name: "Eve", callId: "100101" });
  return { ada, eve };
}

async function assertReceives(page, who) {
  const frames = await videoFrames(page);
  const energy = await audioEnergy(page);
  const more = async () => await videoFrames(page) > frames + 10;
  await until(more, `${who} decodes pictures`, FRAMES_MS);
  await until(async () => await audioEnergy(page) > energy, `${who} hears something`);
}

/** Waits until a figure stands still for 0.7 s. */
const stops = (figure, what) => until(async () => {
  const before = await figure();
  await new Promise((done) => setTimeout(done, 700));
  return await figure() === before;
}, what);

const screenFrames = async (page) =>
  (await stats(page)).slots.find((s) => s.line === SCREEN_LINE).framesDecoded;

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite();
});

afterEach(async () => {
  for (const page of pages) await leave(page);
  await Promise.all(browsers.map((b) => b.close()));
  pages = [];
  browsers = [];
  if (relay !== null) assert.equal(await relay.stop(), 0);
  relay = null;
});

after(async () => {
  if (site) assert.equal(await site.stop(), 0);
});

test("Firefox and Chromium see and hear each other, mute, share a screen and leave", async () => {
  const { ada, eve } = await meet();
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(eve, "Eve")]);
  assert.deepEqual((await tileNames(eve)).sort(), ["Ada", "Eve (you)"]);
  await eve.screenshot({ path: `${shots}firefox.png` });
  await ada.screenshot({ path: `${shots}firefox-seen.png` });

  const end = Date.now() + HOLDS_MS;
  await until(async () => {
    assert.equal(await media(eve), "connected");
    return Date.now() > end;
  }, "the page never says that nothing arrives", HOLDS_MS + 5000);
  assert.ok((await stats(eve)).pair.bytesReceived > 0);

  await button(eve, "Mute").click();
  await button(eve, "Unmute").waitFor();
  await stops(() => audioEnergy(ada), "Ada hears Eve no more");
  await button(eve, "Unmute").click();
  await button(ada, "Mute").click();
  await stops(() => audioEnergy(eve), "Eve hears Ada no more");
  await button(ada, "Unmute").click();
  await button(eve, "Camera off").click();
  await stops(() => videoFrames(ada), "Eve's picture stops at Ada");
  await button(eve, "Camera on").click();
  await Promise.all([assertReceives(ada, "Ada again"), assertReceives(eve, "Eve again")]);

  await button(ada, "Share screen").click();
  await until(async () => await screenFrames(eve) > 10, "Eve sees Ada's screen", FRAMES_MS);
  await eve.getByText("Screen of Ada").waitFor();
  await eve.screenshot({ path: `${shots}firefox-screen.png` });

  const [call] = JSON.parse(await site.stoa("calls", "--json"));
  const ciphers = call.participants.map((p) => p.cipher);
  assert.deepEqual(ciphers, ["AEAD_AES_128_GCM", "AEAD_AES_128_GCM"]);

  await leave(eve);
  await until(async () => (await tileNames(ada)).length === 1, "Eve's tile goes");
});

test("after a dead network Firefox is seen and heard again, and need not join anew", async () => {
  relay = await startRelay({ seed: 5 });
  const { ada, eve } = await meet((context) => leadThrough(context, relay));
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(eve, "Eve")]);
  const number = () => eve.evaluate(() => window.stoa.state.participant);
  const before = await number();
  await relay.move();
  await until(() => relay.ports().length > 0, "Firefox looks for another path", GIVES_UP_MS);
  const connected = async () => (await stats(eve)).connectionState === "connected";
  await until(connected, "a path is found", FRAMES_MS);
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(eve, "Eve")]);
  assert.equal(await number(), before);
});
