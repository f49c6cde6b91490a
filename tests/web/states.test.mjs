// SPDX-License-Identifier: Apache-2.0
// Every state of the page in light and dark, English and German, wide and 360 px: a screenshot and
// no scrolling sideways; axe in light and in dark.
import assert from "node:assert/strict";
import { until } from "../e2e/lib/browser.mjs";
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

const NARROW = { width: 360, height: 740 };
const LOOKS = {
  "light-en": { colorScheme: "light" },
  "1920-dark-de": { colorScheme: "dark", locale: "de-DE", viewport: { width: 1920, height: 1080 } },
  "360-light-de": { colorScheme: "light", locale: "de-DE", viewport: NARROW },
  "360-dark-en": { colorScheme: "dark", viewport: NARROW },
};
/**
 * axe judges everything once; what the other theme and the narrow layout can change, there too. The
 * rest is the same in every theme, at every width and in both languages. [] stands for all rules.
 */
const JUDGED = {
  "light-en": [],
  "360-dark-en": ["color-contrast", "link-in-text-block", "target-size", "scrollable-region-focusable"],
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
    more: "More",
    settings: "Settings",
    quality: "Connection",
    help: "Keyboard shortcuts",
    cancel: "Cancel",
    remove: "Remove Hypatia",
    speaker: "Speaker",
    grid: "Grid",
    paused: "Picture paused",
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
    more: "Mehr",
    settings: "Einstellungen",
    quality: "Verbindung",
    help: "Tastenkürzel",
    cancel: "Abbrechen",
    remove: "Hypatia entfernen",
    speaker: "Wer spricht, groß",
    grid: "Raster",
    paused: "Bild angehalten",
  },
};

async function wayIn(w, shot) {
  server.welcome.joinAvailable = false;
  server.welcome.reason = "No call bridge is connected.";
  await page.getByText(server.welcome.reason).waitFor();
  assert.equal(await button(w.join).count(), 0);
  await shot("01-unavailable");
  server.setWelcome({ joinAvailable: true, reason: "" });
  await button(w.join).waitFor();
  await shot("02-landing");
  await button(w.join).click();
  await page.getByLabel(w.id, { exact: true }).fill("200202");
  await page.getByLabel(w.passcode, { exact: true }).fill("wrong");
  await button(w.next).click();
  await page.getByRole("alert").waitFor();
  await shot("03-callid-error");
  await page.getByLabel(w.passcode, { exact: true }).fill("letmein");
  await button(w.next).click();
  await page.getByLabel(w.name, { exact: true }).fill("Grace Hopper");
  await until(
    async () => (await page.getByRole("meter").getAttribute("aria-valuenow")) > 0,
    "a level",
  );
  await shot("04-preview");
}

/** Opens an entry of the menu, which must be one of a dialog, and closes it again. */
async function dialogShot(w, entry, shot, name) {
  await button(w.more).click();
  await button(entry).click();
  await dialog().waitFor();
  await shot(name);
  await page.keyboard.press("Escape");
  await dialog().waitFor({ state: "detached" });
}

async function meeting(w, shot) {
  await button(w.leave).waitFor();
  await shot("05-alone");
  server.enter("Ada Lovelace");
  const firstFrame = () => page.evaluate(() => window.stoa.timings.firstFrame);
  await until(async () => (await firstFrame()) > 0, "a frame");
  await shot("06-pair");
  server.enter("Emmy Noether", { audioMuted: true });
  server.speaker = 2;
  server.send("speaker", { participant: 2 });
  await page.waitForFunction(() => {
    const pictures = [...document.querySelectorAll(".tile video")];
    return pictures.filter((v) => v.videoWidth > 0).length === 3;
  });
  await shot("07-meeting");
  for (const name of ["Sophie Germain", "Mary Somerville", "Hypatia", "Sofja Kowalewskaja"]) {
    server.enter(name, { videoMuted: true, hand: name === "Hypatia" });
  }
  server.slots.videoPaused[1] = true;
  server.send("slots", server.slots);
  await page.getByText("Sofja Kowalewskaja").first().waitFor();
  server.send("locked", { locked: true });
  server.send("media", { state: "failing", cause: "relay candidate creation timeout" });
  await page.getByText(w.paused).filter({ visible: true }).first().waitFor();
  await shot("08-seven-failing-paused");
  server.send("media", { state: "connected", cause: "" });
}

async function parts(w, shot) {
  await button(w.more).click();
  await page.getByText(w.speaker, { exact: true }).waitFor();
  await shot("09-more");
  await page.getByText(w.speaker, { exact: true }).click();
  await page.keyboard.press("Escape");
  await shot("10-speaker");
  await dialogShot(w, w.settings, shot, "11-settings");
  await dialogShot(w, w.quality, shot, "12-quality");
  await dialogShot(w, w.help, shot, "13-help");
  await button(w.people).click();
  await page.getByRole("complementary").waitFor();
  server.change(4, { hand: true });
  await shot("14-people");
  await button(w.remove).click();
  await page.getByRole("alertdialog").waitFor();
  await shot("15-remove");
  await button(w.cancel).click();
  await button(w.close).click();
  server.send("slots", { ...server.slots, screen: 2 });
  await page.waitForFunction(() => document.querySelector(".screen video")?.videoWidth > 0);
  await shot("16-screen");
}

suite("every state of the guest page", () => {
  for (const [name, context] of Object.entries(LOOKS)) {
    it(`looks right and is accessible: ${name}`, async () => {
      const w = WORDS[name.slice(-2)];
      const shot = async (state) => {
        const file = `${name}-${state}`;
        await (name in JUDGED ? look(file, JUDGED[name]) : shoot(file));
        await notTooWide(state);
      };
      await startBridge(browser, server);
      server.welcome.joinAvailable = false;
      server.welcome.reason = "No call bridge is connected.";
      await open("/", context);
      await wayIn(w, shot);
      await button(w.join).click();
      await meeting(w, shot);
      await parts(w, shot);
      server.send("ended", { reason: "call-ended" });
      await button(w.start).waitFor();
      await shot("17-ended");
      nothingWrong();
    });
  }
});
