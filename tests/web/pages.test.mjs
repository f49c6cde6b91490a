// SPDX-License-Identifier: Apache-2.0
// The guest page in Chromium against a fake webbridge: every page state, its words, its
// accessibility and a real media path to a second page. Screenshots of every state go to
// build/screenshots.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, beforeEach, describe, it as declare } from "node:test";
import { fileURLToPath } from "node:url";
import {
  audioEnergy,
  axe,
  enterCall,
  enterMeeting,
  joinAs,
  launch,
  openGuest,
  tileNames,
  timings,
  until,
  videoFrames,
} from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import { FakeServer } from "./fake-server.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/", import.meta.url));
mkdirSync(shots, { recursive: true });

/** Every test ends by a deadline of its own. */
const it = (name, body) => declare(name, { timeout: 60000 }, body);

let browser;
let server;
let page;

async function open(path = "/", context = {}) {
  page = await openGuest(browser, server.origin + path, { reducedMotion: "reduce", ...context });
  return page;
}

/** Ends a test: nothing may have gone wrong unseen. */
function nothingWrong() {
  assert.deepEqual(server.mistakes, []);
  assert.deepEqual(
    page.problems.filter((p) => !/WebSocket|ERR_CONNECTION/.test(p)),
    [],
  );
}

const button = (name) => page.getByRole("button", { name, exact: true });

/** A picture of the state, and axe's verdict on it. */
async function look(name) {
  await page.screenshot({ path: `${shots}${name}.png` });
  assert.deepEqual(await axe(page), [], `axe on ${name}`);
}

const LOOKS = {
  "light-en": { colorScheme: "light" },
  "dark-de": { colorScheme: "dark", locale: "de-DE" },
  "360-light-de": { colorScheme: "light", locale: "de-DE", viewport: { width: 360, height: 740 } },
  "360-dark-en": { colorScheme: "dark", viewport: { width: 360, height: 740 } },
};

const WORDS = {
  en: {
    join: "Join call",
    id: "Call ID",
    passcode: "Passcode (if required)",
    next: "Continue",
    name: "Your name",
    people: "Participants",
    leave: "Leave",
    start: "Back to start",
    close: "Close",
  },
  de: {
    join: "Anruf beitreten",
    id: "Anruf-ID",
    passcode: "Kenncode (falls erforderlich)",
    next: "Weiter",
    name: "Ihr Name",
    people: "Teilnehmende",
    leave: "Verlassen",
    start: "Zum Anfang",
    close: "Schließen",
  },
};

/** Answers well and is never reachable. */
async function startDeafBridge(sdp) {
  const context = await browser.newContext();
  const deaf = await context.newPage();
  await deaf.goto(`${server.origin}/bridge`);
  return deaf.evaluate(async (offer) => {
    const pc = new RTCPeerConnection();
    await pc.setRemoteDescription({ type: "offer", sdp: offer });
    const answer = await pc.createAnswer();
    return answer.sdp;
  }, sdp);
}

describe("the guest page", () => {
  before(async () => {
    browser = await launch({ flags: ["--allow-loopback-in-peer-connection"] });
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

  for (const [look_, context] of Object.entries(LOOKS)) {
    it(`every page looks right and is accessible: ${look_}`, async () => {
      const w = WORDS[look_.slice(-2)];
      const shot = (state) => look(`${look_}-${state}`);
      await startBridge(browser, server);
      server.welcome.joinAvailable = false;
      server.welcome.reason = "No call bridge is connected.";
      await open("/", context);
      await page.getByText(server.welcome.reason).waitFor();
      assert.equal(await button(w.join).count(), 0);
      await shot("1-unavailable");
      server.setWelcome({ joinAvailable: true, reason: "" });
      await button(w.join).waitFor();
      await shot("2-landing");
      await button(w.join).click();
      await page.getByLabel(w.id, { exact: true }).fill("200202");
      await page.getByLabel(w.passcode, { exact: true }).fill("wrong");
      await button(w.next).click();
      await page.getByRole("alert").waitFor();
      await shot("3-callid-error");
      await page.getByLabel(w.passcode, { exact: true }).fill("letmein");
      await button(w.next).click();
      await page.getByLabel(w.name, { exact: true }).fill("Grace Hopper");
      await until(
        async () => (await page.getByRole("meter").getAttribute("aria-valuenow")) > 0,
        "a level",
      );
      await shot("4-preview");
      server.enter("Ada Lovelace");
      server.enter("Emmy Noether", { audioMuted: true });
      await button(w.join).click();
      await button(w.leave).waitFor();
      server.speaker = 1;
      server.send("speaker", { participant: 1 });
      await until(
        async () => (await page.evaluate(() => window.stoa.timings.firstFrame)) > 0,
        "a frame",
      );
      await shot("5-meeting");
      for (const name of ["Sophie Germain", "Mary Somerville", "Hypatia", "Sofja Kowalewskaja"]) {
        server.enter(name, { videoMuted: true, hand: name === "Hypatia" });
      }
      await page.getByText("Sofja Kowalewskaja").first().waitFor();
      server.send("locked", { locked: true });
      server.send("media", { state: "failing", cause: "relay candidate creation timeout" });
      await shot("6-meeting-seven-failing");
      server.send("media", { state: "connected", cause: "" });
      await button(w.people).click();
      await page.getByRole("complementary").waitFor();
      await shot("7-people");
      await button(w.close).click();
      server.send("slots", { ...server.slots, screen: 2 });
      await page.waitForFunction(() => document.querySelector(".screen video")?.videoWidth > 0);
      await shot("8-screen");
      server.send("ended", { reason: "call-ended" });
      await button(w.start).waitFor();
      await shot("9-ended");
      nothingWrong();
    });
  }

  it("media flows both ways and the first frame follows the click quickly", async () => {
    const bridge = await startBridge(browser, server);
    server.enter("Ada");
    server.slots.audio[0] = 1;
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 20, "frames on the page");
    await until(async () => (await audioEnergy(page)) > 0, "sound on the page");
    await until(async () => {
      const got = await bridge.received();
      return got["0 audio"] > 20 && got["1 video"] > 20;
    }, "microphone and camera at the bridge");
    assert.deepEqual(await tileNames(page), ["Ada", "Grace (you)"]);
    const lines = server.last("offer").sdp.match(/^m=\w+|^a=(sendonly|recvonly)/gm);
    assert.equal(lines.filter((l) => l.startsWith("m=")).length, 18);
    const t = await timings(page);
    console.log(
      `# join timings: ${JSON.stringify(t)}, offer ${server.last("offer").sdp.length} bytes`,
    );
    nothingWrong();
  });

  it("mute, camera and hand are told to the server and work by keyboard", async () => {
    const bridge = await startBridge(browser, server);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await page.getByText("Nobody else is here yet").waitFor();
    await button("Mute").focus();
    await page.keyboard.press("Enter");
    await button("Unmute").waitFor();
    await until(() => server.last("setMedia")?.audioMuted === true, "audioMuted");
    await until(async () => (await bridge.received())["1 video"] > 0, "camera at the bridge");
    await button("Camera off").click();
    await until(() => server.last("setMedia")?.videoMuted === true, "videoMuted");
    await button("Camera on").click();
    await until(() => server.last("setMedia")?.videoMuted === false, "camera on again");
    const before = (await bridge.received())["1 video"];
    await until(
      async () => (await bridge.received())["1 video"] > before,
      "camera at the bridge again",
    );
    await button("Raise hand").click();
    await until(() => server.last("setMedia")?.hand === true, "hand");
    server.send("muted", { audio: true, video: true, by: 0 });
    await page.getByText("You were muted").waitFor();
    await button("Camera on").waitFor();
    await button("Leave").click();
    await page.getByText("You left the call.").waitFor();
    assert.equal(server.last("leave").participant, server.own.participant);
    await button("Join again").click();
    await enterMeeting(page, { name: "Grace" });
    nothingWrong();
  });

  it("rights decide which orders are offered", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await button("Participants").click();
    await button("Mute Ada").click();
    await until(() => server.last("control")?.muteAudio === true, "order");
    server.override.control = () => {
      throw "DENIED";
    };
    await button("Lock call").click();
    await page.getByText("You are not allowed to do that.").waitFor();
    await page.keyboard.press("Escape");
    nothingWrong();
  });

  it("a link enters by itself, with a secret, without passcode, or asks for one", async () => {
    await open("/invited.sf?id=200202&secret=s3cret");
    await page.getByLabel("Your name").waitFor();
    await page.goto(`${server.origin}/?id=100101`);
    await page.getByLabel("Your name").waitFor();
    await page.goto(`${server.origin}/?id=200202`);
    await page.getByText("Please check the call ID and enter the passcode").waitFor();
    assert.equal(await page.getByLabel("Call ID").inputValue(), "200202");
    await page.getByLabel("Passcode (if required)").fill("letmein");
    await page.keyboard.press("Enter");
    await page.getByLabel("Your name").waitFor();
    await page.goto(`${server.origin}/?id=200202&secret=old`);
    await page.getByText("This link is not valid any more").waitFor();
    nothingWrong();
  });

  it("wrong ID and wrong passcode read alike; Back leads back", async () => {
    await open();
    for (const [callId, passcode] of [
      ["999", ""],
      ["200202", "no"],
    ]) {
      await button("Join call").click();
      await page.getByLabel("Call ID").fill(callId);
      await page.getByLabel("Passcode (if required)").fill(passcode);
      await button("Continue").click();
      await page.getByText("The call ID or passcode is not right.").waitFor();
      await button("Back").click();
    }
    nothingWrong();
  });

  it("joining works after a refused permission and says so", async () => {
    const asking = await launch({ ask: true, flags: ["--deny-permission-prompts"] });
    try {
      await startBridge(browser, server);
      page = await openGuest(asking, server.origin, { reducedMotion: "reduce" });
      await enterCall(page, { callId: "100101" });
      await page.getByText("does not allow the camera").waitFor();
      await page.getByText("does not allow the microphone").waitFor();
      await look("light-en-4-preview-denied");
      await enterMeeting(page, { name: "Grace" });
      assert.equal(server.last("join").audioMuted, true);
      assert.equal(server.last("join").videoMuted, true);
      await until(
        async () => (await page.evaluate(() => window.stoa.state.media)) === "connected",
        "media",
      );
      nothingWrong();
    } finally {
      await asking.close();
    }
  });

  it("a lost WebSocket is resumed; an unknown participant joins again", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 5, "frames");
    server.dropSockets();
    await until(() => server.last("resume") !== undefined, "resume");
    const own = server.own.participant;
    server.own.participant = 77; // a callbridge that knows nothing of us
    server.dropSockets();
    await until(
      () => server.own.participant !== 77 && server.own.participant !== own,
      "join again",
    );
    await until(
      async () =>
        (await page.evaluate(() => window.stoa.state.participant)) === server.own.participant,
      "the new number",
    );
    const before = await videoFrames(page);
    await until(
      async () => (await videoFrames(page)) > Math.max(before, 5),
      "frames of the new connection",
    );
    nothingWrong();
  });

  it("a dead callbridge is noticed; the guest is back within ten seconds", async () => {
    const bridge = await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 5, "frames");
    const own = server.own.participant;
    server.override.setMedia = () => {
      throw "NOT_FOUND";
    };
    await bridge.kill();
    const dead = Date.now();
    await startBridge(browser, server);
    await until(() => server.own.participant !== own, "join again");
    delete server.override.setMedia;
    await until(async () => (await videoFrames(page)) > 0, "frames of the new callbridge");
    const took = Date.now() - dead;
    console.log(`# back in the call after ${took} ms`);
    assert.ok(took < 10000, `${took} ms`);
    nothingWrong();
  });

  it("no media within five seconds is said in plain words and reported", async () => {
    server.onOffer = (sdp) => startDeafBridge(sdp);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await page.getByText("No sound or picture yet").waitFor({ timeout: 15000 });
    await until(() => server.last("report")?.what === "no-media", "report");
    nothingWrong();
  });

  it("the ways a call ends have their own words", async () => {
    await startBridge(browser, server);
    await open();
    for (const [reason, words] of [
      ["removed", "You were removed"],
      ["replaced", "from another window"],
    ]) {
      await page.goto(server.origin);
      await joinAs(page, { name: "Grace", callId: "100101" });
      server.send("ended", { reason });
      await page.getByText(words).waitFor();
    }
    await button("Join again").click();
    await enterMeeting(page, { name: "Grace" });
    const before = server.own.participant;
    server.send("ended", { reason: "server-stopping" });
    await until(() => server.own.participant > before, "back by itself");
    await button("Leave").waitFor();
    nothingWrong();
  });
});
