// SPDX-License-Identifier: Apache-2.0
// Sound and picture of the guest page: both ways, as large as somebody looks, and what is said when
// they do not come.
import assert from "node:assert/strict";
import {
  audioEnergy,
  joinAs,
  stats,
  tileNames,
  timings,
  until,
  videoFrames,
} from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import {
  browser,
  button,
  it,
  look,
  mediaPhase,
  nothingWrong,
  open,
  page,
  server,
  suite,
} from "./harness.mjs";

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

suite("media of the guest page", () => {
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

  it("no media: trouble within three seconds, a verdict after twelve, a way to retry", async () => {
    server.onOffer = (sdp) => startDeafBridge(sdp);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await page.getByText("No sound or picture yet").waitFor({ timeout: 15000 });
    await page.getByText("Your network blocks the connection").waitFor();
    const { trouble } = await timings(page);
    assert.ok(trouble < 3000, `told ${trouble} ms after the click`);
    await until(() => server.last("report")?.what === "no-media", "report");
    await page.getByText("Sound and picture could not be connected").waitFor({ timeout: 15000 });
    server.send("media", { state: "failed", cause: "no valid pair" });
    await page.getByText("The server says: no valid pair").waitFor();
    await look("light-en-18-verdict");
    const offers = server.received.filter((m) => m.type === "offer").length;
    await startBridge(browser, server);
    await button("Try again").click();
    await until(
      () => server.received.filter((m) => m.type === "offer").length > offers,
      "another offer",
    );
    await until(async () => (await mediaPhase()) === "connected", "media after all");
    nothingWrong();
  });

  it("pictures that stop while the path lives are told, and forgotten when they come", async () => {
    const bridge = await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 5, "frames");
    await bridge.stopPicture(7);
    await page.getByText("No picture is arriving from the others").waitFor({ timeout: 15000 });
    await bridge.startPicture(7);
    await until(async () => (await mediaPhase()) === "connected", "pictures again");
    nothingWrong();
  });

  it("the callbridge is told how large each slot is shown, and who is pinned", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    server.enter("Emmy");
    await open("/", { deviceScaleFactor: 2 });
    await joinAs(page, { name: "Grace", callId: "100101" });
    const heights = () => server.last("view")?.heights ?? [];
    const measured = (name) =>
      page
        .getByRole("listitem", { name, exact: true })
        .evaluate((tile) => Math.round(tile.getBoundingClientRect().height * 2));
    await until(async () => heights()[0] === (await measured("Ada")), "device pixels");
    assert.equal(heights().length, 9);
    // What is empty is not hidden: whoever comes is seen at once.
    assert.deepEqual(heights().slice(2), [180, 180, 180, 180, 180, 180, 180]);
    assert.equal(server.last("view").screenHeight, 180);
    const before = heights();
    await page.getByRole("listitem", { name: "Emmy", exact: true }).hover();
    await button("Pin Emmy").click();
    await until(() => server.last("view").pinned === 2, "the pin");
    await until(() => heights()[1] > before[1] && heights()[0] < before[0], "Emmy large");
    server.send("slots", { ...server.slots, screen: 1 });
    await until(() => server.last("view").screenHeight > 180, "the screen");
    await page.evaluate(() => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => true });
      document.dispatchEvent(new Event("visibilitychange"));
    });
    await until(() => Math.max(...heights(), server.last("view").screenHeight) === 0, "no eyes");
    nothingWrong();
  });

  it("a guest's own picture that comes back is shown and so goes on coming", async () => {
    await startBridge(browser, server);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    server.send("slots", { ...server.slots, video: [server.own.participant, ...Array(8).fill(0)] });
    await until(() => server.last("view")?.heights[0] > 0, "a view of the own slot");
    await until(async () => (await videoFrames(page)) > 5, "frames");
    nothingWrong();
  });

  it("no more is sent than somebody looks at, without another offer", async () => {
    await startBridge(browser, server);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    const height = async () =>
      Math.max(...(await stats(page)).sent.filter((s) => s.line === 1).map((s) => s.frameHeight));
    await until(async () => (await height()) > 0, "camera");
    server.send("wanted", { videoHeight: 80, screenHeight: 0 });
    await until(async () => (await height()) <= 90, "the smallest step", 40000);
    server.send("wanted", { videoHeight: 170, screenHeight: 0 });
    await until(
      async () => (await height()) > 90 && (await height()) <= 180,
      "the step above what is wanted",
      40000,
    );
    assert.equal(server.received.filter((m) => m.type === "offer").length, 1);
    nothingWrong();
  });

  it("a paused picture is an avatar and words; the state replaces what was known", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 5, "frames");
    server.slots.videoPaused[0] = true;
    server.send("slots", server.slots);
    await page.getByText("Picture paused: your connection is slow").waitFor();
    await page.getByText("A", { exact: true }).waitFor();
    server.participants[0].name = "Ada Lovelace";
    server.slots.videoPaused[0] = false;
    server.participants.push({ ...server.participants[0], participant: 9, name: "Hypatia" });
    server.sendState();
    await page.getByText("Picture paused").first().waitFor({ state: "detached" });
    assert.deepEqual(await tileNames(page), ["Ada Lovelace", "Hypatia", "Grace (you)"]);
    const ufrag = (sdp) => sdp.match(/a=ice-ufrag:(\S+)/)[1];
    const first = server.last("offer").sdp;
    server.send("restart", { iceServers: [] });
    await until(() => ufrag(server.last("offer").sdp) !== ufrag(first), "an ICE restart");
    nothingWrong();
  });

  it("a dead callbridge is noticed; the guest comes back by itself", async () => {
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
    console.log(`# back in the call after ${Date.now() - dead} ms`);
    nothingWrong();
  });
});
