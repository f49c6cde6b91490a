// SPDX-License-Identifier: Apache-2.0
// The ways back in, and the ways out.
import assert from "node:assert/strict";
import { enterMeeting, joinAs, until, videoFrames } from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import { browser, button, it, look, nothingWrong, open, page, server, suite } from "./harness.mjs";

suite("the way back into a call", () => {
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

  it("a page loaded anew in a call offers the way back, without passcode", async () => {
    await startBridge(browser, server);
    await open("/?id=200202");
    await page.getByLabel("Passcode (if required)").fill("letmein");
    await page.keyboard.press("Enter");
    await enterMeeting(page, { name: "Grace" });
    await button("Mute").click();
    await page.reload();
    await page.getByText("You were in the call “Proxy webRTC”").waitFor();
    await look("light-en-19-return");
    const kept = await page.evaluate(() => JSON.stringify({ ...sessionStorage }));
    assert.ok(kept.includes("Grace") && !kept.includes("letmein"), kept);
    const logins = server.received.filter((m) => m.type === "login").length;
    await button("Return to the call").click();
    await button("Leave").waitFor();
    await button("Unmute").waitFor();
    assert.equal(server.last("join").name, "Grace");
    assert.equal(server.last("join").audioMuted, true);
    assert.equal(server.received.filter((m) => m.type === "login").length, logins);
    await page.reload();
    server.override.join = () => {
      throw "DENIED";
    };
    await button("Return to the call").click();
    await page.getByText("You cannot return to that call.").waitFor();
    await page.reload();
    await page.getByText("Please check the call ID").waitFor(); // the link again, from its start
    nothingWrong();
  });

  /** What the page sees when the device wakes: a wall clock that jumped. */
  const sleep = (ms) =>
    page.evaluate((jump) => {
      const real = Date.now.bind(Date);
      Date.now = () => real() + jump;
    }, ms);

  it("after a short sleep the page is back by itself, after a long one by a click", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(async () => (await videoFrames(page)) > 5, "frames");
    await sleep(60_000);
    await until(() => server.last("resume") !== undefined, "a fresh socket and a resume");
    await until(() => server.received.filter((m) => m.type === "offer").length > 1, "new paths");
    const own = server.own.participant;
    server.own.participant = 77; // the call has forgotten the guest
    await sleep(3_600_000);
    await page.getByText("Your device slept").waitFor();
    assert.equal(server.own.participant, 77, "nobody went in unasked");
    await button("Join again").click();
    await button("Leave").waitFor();
    assert.notEqual(server.own.participant, own);
    assert.equal(server.last("join").name, "Grace");
    nothingWrong();
  });
});
