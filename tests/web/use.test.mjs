// SPDX-License-Identifier: Apache-2.0
// What a guest does in a meeting.
import assert from "node:assert/strict";
import { enterMeeting, joinAs, tileNames, until } from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import {
  browser,
  button,
  dialog,
  focused,
  it,
  nothingWrong,
  open,
  openMenu,
  page,
  server,
  suite,
} from "./harness.mjs";

suite("a guest in a meeting", () => {
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

  it("everything works by keyboard, and the focus goes back to where it was", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    const press = async (...keys) => {
      for (const key of keys) await page.keyboard.press(key);
    };
    /** Tab until the control has the focus. */
    const tabTo = async (name) => {
      await until(async () => {
        if ((await focused()) === name) return true;
        await press("Tab");
        return false;
      }, `${name} by Tab`);
    };
    await button("Join call").waitFor();
    await tabTo("Join call");
    await press("Enter");
    await page.getByLabel("Call ID").waitFor();
    await page.keyboard.type("100101");
    await press("Enter");
    const name = page.getByLabel("Your name");
    await name.waitFor();
    await until(async () => {
      if (await name.evaluate((e) => e === document.activeElement)) return true;
      await press("Tab");
      return false;
    }, "the name by Tab");
    await page.keyboard.type("Grace");
    await press("Enter");
    await button("Leave").waitFor();
    await tabTo("Mute");
    await press(" ");
    await until(() => server.last("setMedia")?.audioMuted === true, "muted");
    await tabTo("Share screen");
    await press("Enter");
    await button("Stop sharing").waitFor();
    await page.getByText("You are sharing your screen").waitFor();
    assert.equal(server.last("setMedia").screen, true);
    await press("Enter");
    await button("Share screen").waitFor();
    assert.equal(server.last("setMedia").screen, false);
    await tabTo("More");
    await press("Enter");
    await until(
      () => page.evaluate(() => document.activeElement.type === "radio"),
      "the focus in the menu",
    );
    await press("Escape");
    assert.equal(await focused(), "More");
    await press("Enter");
    await tabTo("Settings");
    await press("Enter");
    await dialog().waitFor();
    await press("Escape");
    await dialog().waitFor({ state: "detached" });
    assert.equal(await focused(), "More");
    await tabTo("Participants");
    await press("Enter");
    await tabTo("Remove Ada");
    await press("Enter");
    await page.getByRole("alertdialog").waitFor();
    await press("Escape");
    assert.equal(await focused(), "Remove Ada");
    await press("Escape");
    assert.equal(await focused(), "Participants");
    await tabTo("Leave");
    await press("Enter");
    await page.getByText("You left the call.").waitFor();
    nothingWrong();
  });

  it("the shortcuts do what the list says, and nothing when switched off", async () => {
    await startBridge(browser, server);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(() => server.own !== undefined, "in the call");
    await button("Mute").waitFor();
    await page.keyboard.press("m");
    await button("Unmute").waitFor();
    await page.keyboard.press("v");
    await button("Camera on").waitFor();
    await page.keyboard.press("H");
    await button("Lower hand").waitFor();
    await page.keyboard.press("Control+h");
    await page.keyboard.down(" ");
    await page.getByText("You are heard while you hold").waitFor();
    await until(() => server.last("setMedia")?.audioMuted === false, "heard");
    await page.keyboard.up(" ");
    await until(() => server.last("setMedia")?.audioMuted === true, "muted again");
    await page.keyboard.press("?");
    await dialog().waitFor();
    await page.keyboard.press("m"); // not while a dialog is open
    await page.getByRole("switch", { name: "Keyboard shortcuts on" }).click();
    await page.keyboard.press("Escape");
    await dialog().waitFor({ state: "detached" });
    for (const key of ["m", "v", "h", "?"]) await page.keyboard.press(key);
    await button("Raise hand").waitFor({ state: "detached" });
    assert.equal(await dialog().count(), 0);
    assert.equal(await button("Unmute").count(), 1);
    assert.equal(await button("Camera on").count(), 1);
    assert.equal(await button("Lower hand").count(), 1);
    nothingWrong();
  });

  it("layouts, pin and own picture are the guest's choice and remembered", async () => {
    await startBridge(browser, server);
    for (const name of ["Ada", "Emmy", "Hypatia"]) server.enter(name);
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    const width = (name) =>
      page
        .getByRole("listitem", { name, exact: true })
        .evaluate((tile) => tile.getBoundingClientRect().width);
    assert.equal(await width("Ada"), await width("Emmy"));
    await button("More").click();
    await page.getByText("Speaker", { exact: true }).click();
    await page.keyboard.press("Escape");
    assert.ok((await width("Ada")) > 3 * (await width("Emmy")), "the first is large");
    server.send("speaker", { participant: 3 });
    await until(async () => (await width("Hypatia, speaking")) > 600, "who speaks is large");
    await page.getByRole("listitem", { name: "Emmy", exact: true }).hover();
    await button("Pin Emmy").click();
    await until(async () => (await width("Emmy")) > 600, "who is pinned is large");
    await button("Unpin Emmy").click();
    await page.getByRole("listitem", { name: "Grace (you)" }).hover();
    await button("Hide my picture").click();
    assert.deepEqual((await tileNames(page)).sort(), ["Ada", "Emmy", "Hypatia"]);
    await page.reload();
    await button("Return to the call").click();
    await button("Leave").waitFor();
    await until(async () => (await tileNames(page)).length === 3, "the own picture stays hidden");
    await openMenu("Show my picture");
    assert.ok((await tileNames(page)).includes("Grace (you)"));
    nothingWrong();
  });

  it("what happens is told once, and many at once as a number", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    assert.equal(await page.title(), "In call: Proxy webRTC – Stoa");
    const log = page.getByRole("log");
    for (let i = 0; i < 6; i++) server.enter(`Guest ${i}`, { videoMuted: true });
    await log.getByText("6 people joined").waitFor();
    server.change(1, { hand: true, screen: true });
    await log.getByText("Ada raised a hand").waitFor();
    await log.getByText("Ada shares a screen").waitFor();
    server.change(3, { hand: true });
    await button("Participants").click();
    const first = page.getByRole("complementary").getByRole("listitem").first();
    await first.getByText("Ada").waitFor();
    await page.getByRole("img", { name: "hand raised, number 1" }).first().waitFor();
    server.change(1, { hand: false });
    await first.getByText("Guest 0").waitFor();
    nothingWrong();
  });

  it("a removal is asked first", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open();
    await joinAs(page, { name: "Grace", callId: "100101" });
    await button("Participants").click();
    await button("Remove Ada").click();
    await button("Cancel").click();
    assert.equal(server.last("control"), undefined);
    await button("Remove Ada").click();
    await button("Remove").click();
    await until(() => server.last("control")?.remove === true, "the order");
    assert.equal(server.last("control").target, 1);
    nothingWrong();
  });

  it("the connection's figures are shown and can be copied", async () => {
    await startBridge(browser, server);
    server.enter("Ada");
    await open("/", { permissions: ["clipboard-read", "clipboard-write"] });
    await joinAs(page, { name: "Grace", callId: "100101" });
    await button("Connection: good").click({ timeout: 20000 });
    await dialog().getByText("Picture of Ada").waitFor();
    await dialog().getByText(/direct, UDP/).waitFor();
    await button("Copy details").click();
    await dialog().getByText("Copied").waitFor();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.match(copied, /^Connection: (good|fair)\nPath: direct, UDP \(host\/\w+\)\n/);
    assert.match(copied, /There and back: \d+ ms\n/);
    assert.match(copied, /Your camera: \d+ × \d+, \d+ fps, VP8/);
    nothingWrong();
  });
});
