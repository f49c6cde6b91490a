// SPDX-License-Identifier: Apache-2.0
// The ways in.
import assert from "node:assert/strict";
import { enterCall, enterMeeting, joinAs, launch, until } from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import {
  browser,
  button,
  dialog,
  it,
  look,
  nothingWrong,
  notTooWide,
  open,
  page,
  server,
  shoot,
  suite,
} from "./harness.mjs";

suite("the way into a call", () => {
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
      await open("/", {}, asking);
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

  it("the language can be chosen and is remembered", async () => {
    await open();
    await page.getByLabel("Language").selectOption("Deutsch");
    await button("Anruf beitreten").waitFor();
    assert.equal(await page.evaluate(() => document.documentElement.lang), "de");
    assert.equal(await page.title(), "Willkommen – Stoa");
    await page.reload();
    await button("Anruf beitreten").waitFor();
    nothingWrong();
  });

  it("a background and a logo are shown; broken ones leave the page as it is", async () => {
    Object.assign(server.welcome, { backgroundImage: "/picture.svg", logo: "/picture.svg" });
    await open();
    await page.locator(".with-picture").waitFor();
    await page.getByRole("img", { name: "Stoa" }).waitFor();
    await look("light-en-20-branded");
    server.setWelcome({ backgroundImage: "/missing.png", logo: "/missing.png" });
    await page.locator(".with-picture").waitFor({ state: "detached" });
    await page.getByRole("img", { name: "Stoa" }).waitFor({ state: "detached" });
    await page.getByText("Stoa", { exact: true }).waitFor();
    nothingWrong(/404/);
  });

  const TIGHT = {
    "at 360 px": { viewport: { width: 360, height: 740 } },
    "at 200 % zoom of 1280 px": { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 },
    "at 1280 px": {},
  };
  for (const [how, context] of Object.entries(TIGHT)) {
    it(`long words and right-to-left break nothing ${how}`, async () => {
      await startBridge(browser, server);
      for (const name of ["Ada", "Bartholomew Featherstonehaugh-Cholmondeley", "Emmy"])
        server.enter(name);
      await open("/?lang=x-long", context);
      /** The words are kept inside the longer ones. */
      const press = (words) =>
        page.getByRole("button", { name: new RegExp(`^⟦${words} ë`) }).click();
      const bothWays = async (what) => {
        for (const dir of ["ltr", "rtl"]) {
          await page.evaluate((d) => {
            document.documentElement.dir = d;
          }, dir);
          await notTooWide(`${what} ${dir}`);
        }
        await shoot(`long-${how.replace(/\W+/g, "-")}-${what}`);
        await page.evaluate(() => document.documentElement.removeAttribute("dir"));
      };
      await page.getByRole("button", { name: /Join call/ }).waitFor();
      await bothWays("landing");
      await press("Join call");
      await page.getByLabel(/Call ID/).fill("100101");
      await press("Continue");
      await page.getByLabel(/Your name/).fill("Grace");
      await bothWays("preview");
      await press("Join call");
      await page.getByRole("button", { name: /^⟦Leave/ }).waitFor();
      await bothWays("meeting");
      await press("More");
      await bothWays("menu");
      await press("Settings");
      await dialog().waitFor();
      await bothWays("settings");
      await page.keyboard.press("Escape");
      await press("Participants");
      await bothWays("people");
      nothingWrong();
    });
  }
});
