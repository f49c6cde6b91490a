// SPDX-License-Identifier: Apache-2.0
// The first meeting, with real browsers through Stoa's own daemons. Controls are found by their accessible
// names alone.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  audioEnergy, axe, enterCall, enterMeeting, joinAs, newBrowsers, openGuest, tileNames, until, videoFrames,
} from "./lib/browser.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const own = { ignoreHTTPSErrors: true }; // certificates are not the subject here
let site;
const browsers = newBrowsers();

const button = (page, name) => page.getByRole("button", { name, exact: true });
const shot = (page, name) => page.screenshot({ path: `${shots}${name}.png` });

/** A guest in a browser of its own. */
const guest = async (options) => openGuest(await browsers.take(options), site.url, own);

/** Waits until both numbers have grown: pictures are decoded and sound is heard. */
async function assertReceives(page, who) {
  const frames = await videoFrames(page);
  const energy = await audioEnergy(page);
  await until(async () => await videoFrames(page) > frames + 10, `${who} decodes pictures`);
  await until(async () => await audioEnergy(page) > energy, `${who} hears something`);
}

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite();
});

afterEach(() => browsers.free());

after(async () => {
  await browsers.close();
  if (site) assert.equal(await site.stop(), 0);
});

test("two browsers see and hear each other; mute, camera off, leave", async () => {
  const [ada, ben] = await Promise.all([guest(), guest()]);
  await shot(ada, "landing");
  await enterCall(ada, { callId: "100101" });
  await ada.getByText("Proxy webRTC").first().waitFor();
  await shot(ada, "preview");
  await enterMeeting(ada, { name: "Ada" });
  await joinAs(ben, { name: "Ben", callId: "100101" });
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(ben, "Ben")]);
  await until(async () => (await tileNames(ada)).some((n) => n.startsWith("Ben")), "Ada sees Ben's tile");
  await shot(ada, "meeting");
  assert.deepEqual(await axe(ada), []);

  await button(ben, "Mute").click();
  await button(ben, "Unmute").waitFor();
  await until(async () => {
    const before = await audioEnergy(ada);
    await new Promise((done) => setTimeout(done, 700));
    return await audioEnergy(ada) === before;
  }, "Ada hears Ben no more");
  await button(ben, "Unmute").click();
  await assertReceives(ada, "Ada after unmute");

  await button(ben, "Camera off").click();
  await until(async () => {
    const before = await videoFrames(ada);
    await new Promise((done) => setTimeout(done, 700));
    return await videoFrames(ada) === before;
  }, "Ben's picture stops at Ada");
  await shot(ada, "camera-off");
  await button(ben, "Camera on").click();
  await assertReceives(ada, "Ada after camera on");

  const calls = JSON.parse(await site.stoa("calls", "--json"));
  assert.equal(calls.length, 1);
  assert.deepEqual(calls[0].participants.map((p) => p.name).sort(), ["Ada", "Ben"]);
  assert.equal(calls[0].participants[0].cipher, "AEAD_AES_128_GCM");

  await button(ben, "Leave").click();
  await until(async () => (await tileNames(ada)).length === 1, "Ben's tile goes");
  for (const words of ["passcode resolution scheduled", "conference participation", "joined space",
    "setting up combined RTP session for DTLS (combined media and control)", "tearing down"]) {
    assert.match(site.log(), new RegExp(words.replace(/[()]/g, "\\$&")));
  }
  assert.deepEqual(ada.problems, []);
});

test("a third participant comes late; the operator mutes and removes", async () => {
  const [ada, ben] = await Promise.all([guest(), guest()]);
  await joinAs(ada, { name: "Ada", callId: "100101" });
  await joinAs(ben, { name: "Ben", callId: "100101" });
  await assertReceives(ben, "Ben");
  const cyd = await guest();
  await joinAs(cyd, { name: "Cyd", callId: "100101" });
  await assertReceives(cyd, "Cyd");
  await until(async () => (await tileNames(ada)).length === 3, "Ada sees three tiles");
  await shot(ada, "three");
  const [call] = JSON.parse(await site.stoa("calls", "--json"));
  const number = call.participants.find((p) => p.name === "Cyd").participant;
  await site.stoa("call", String(number), "mute");
  await button(cyd, "Unmute").waitFor();
  await site.stoa("call", String(number), "kick");
  await until(async () => await button(cyd, "Leave").count() === 0, "Cyd is out");
  await shot(cyd, "removed");
  await until(async () => (await tileNames(ada)).length === 2, "Ada sees two tiles");
  await site.stoa("call", String(call.call), "lock");
  const dan = await guest();
  await enterCall(dan, { callId: "100101" });
  await dan.getByLabel("Your name", { exact: true }).fill("Dan");
  await button(dan, "Join call").click();
  await dan.getByRole("alert").getByText(/locked/i).waitFor();
});

test("somebody without camera and microphone sees and hears the others", async () => {
  const ada = await guest();
  await joinAs(ada, { name: "Ada", callId: "100101" });
  const eve = await guest({ devices: false });
  await joinAs(eve, { name: "Eve", callId: "100101" });
  await assertReceives(eve, "Eve");
  await shot(eve, "no-devices");
  await until(async () => (await tileNames(ada)).length === 2, "Ada sees Eve's tile");
});

test("joining works after a refused permission", async () => {
  const ada = await guest();
  await joinAs(ada, { name: "Ada", callId: "100101" });
  const fay = await guest({ ask: true, flags: ["--deny-permission-prompts"] });
  await joinAs(fay, { name: "Fay", callId: "100101" });
  await assertReceives(fay, "Fay");
  await shot(fay, "refused-permission");
});

test("a meeting in H264, when the settings say so", async () => {
  await site.stoa("config", "set", "settings", "videoCodec=H264");
  await site.stoa("config", "set", "space", "board", "passcode=");
  const [ada, ben] = await Promise.all([guest(), guest()]);
  await joinAs(ada, { name: "Ada", callId: "100102" });
  await joinAs(ben, { name: "Ben", callId: "100102" });
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(ben, "Ben")]);
  await site.stoa("config", "set", "settings", "videoCodec=VP8");
  await site.stoa("config", "set", "space", "board", "passcode=4321");
});

test("with the test hook on, one browser gets its own picture and sound back", async () => {
  const echo = await startSite({ env: { STOA_ECHO: "1" } });
  try {
    const page = await openGuest(await browsers.take(), echo.url, own);
    await joinAs(page, { name: "Narcissus", callId: "100101" });
    await assertReceives(page, "Narcissus");
    await browsers.free();
  } finally {
    await echo.stop();
  }
});

test("wrong call ID and wrong passcode are refused alike", async () => {
  const page = await guest();
  for (const [callId, passcode, name] of [["999999", "", "wrong-id"], ["100102", "0000", "wrong-passcode"]]) {
    await page.goto(site.url);
    await button(page, "Join call").click();
    await page.getByLabel("Call ID", { exact: true }).fill(callId);
    await page.getByLabel("Passcode (if required)", { exact: true }).fill(passcode);
    await button(page, "Continue").click();
    await page.getByText("The call ID or passcode is not right.").waitFor();
    await shot(page, name);
  }
  await page.goto(site.url);
  await enterCall(page, { callId: "100102", passcode: "4321" });
});

test("a link with the call ID skips the first step", async () => {
  const page = await openGuest(await browsers.take(), `${site.url}?id=100101`, own);
  await page.getByLabel("Your name", { exact: true }).waitFor();
  await page.getByText("Proxy webRTC").first().waitFor();
});
