// SPDX-License-Identifier: Apache-2.0
// Devices in a meeting: choosing, unplugging, silence, muted by the system.
import { enterCall, enterMeeting, joinAs, until } from "../e2e/lib/browser.mjs";
import { startBridge } from "./fake-bridge.mjs";
import {
  browser,
  button,
  dialog,
  it,
  look,
  nothingWrong,
  open,
  openMenu,
  page,
  server,
  suite,
} from "./harness.mjs";

/** Keeps every track the page opens, so that a test may do to it what a device does. */
function keepTracks() {
  window.kept = { audio: [], video: [] };
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wishes) => {
    const stream = await real(wishes);
    for (const track of stream.getTracks()) window.kept[track.kind].push(track);
    return stream;
  };
}

/** A microphone that works and delivers zeros. */
function deadMicrophone() {
  const real = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (wishes) => {
    const stream = await real(wishes);
    if (!wishes.audio || window.alive) return stream;
    const silence = new AudioContext().createMediaStreamDestination().stream.getAudioTracks();
    return new MediaStream([...silence, ...stream.getVideoTracks()]);
  };
}

/** What a list offers, as soon as there is a choice. */
async function optionsOf(select) {
  await until(async () => (await select.locator("option").count()) > 1, "a choice");
  return select.locator("option").allTextContents();
}

/** Opens the page with `script` in it from the start. */
async function openWith(script) {
  await open();
  await page.addInitScript(script);
  await page.reload();
}

suite("devices in a meeting", () => {
  it("microphone, camera and speaker are chosen in the settings", async () => {
    await startBridge(browser, server);
    await openWith(keepTracks);
    await joinAs(page, { name: "Grace", callId: "100101" });
    await openMenu("Settings");
    const mic = dialog().getByRole("combobox", { name: /^Microphone/ });
    const names = await optionsOf(mic);
    await mic.selectOption(names.at(-1));
    await until(
      () => page.evaluate((n) => window.kept.audio.at(-1).label === n, names.at(-1)),
      "the other microphone",
    );
    const speaker = dialog().getByRole("combobox", { name: /^Speaker/ });
    const speakers = await optionsOf(speaker);
    await speaker.selectOption(speakers.at(-1));
    await until(
      () =>
        page.evaluate(() =>
          [...document.querySelectorAll("audio")].every((a) => a.sinkId !== ""),
        ),
      "the other speaker",
    );
    await button("Play test sound").click();
    await dialog().getByRole("switch", { name: "Microphone on" }).click();
    await until(() => server.last("setMedia")?.audioMuted === true, "muted");
    await dialog().getByRole("switch", { name: "Camera on" }).click();
    await until(() => server.last("setMedia")?.videoMuted === true, "camera off");
    await look("light-en-21-settings-off");
    await page.keyboard.press("Escape");
    await page.reload(); // remembered for the next time
    await button("Join call").click();
    await page.getByLabel("Call ID").fill("100101");
    await button("Continue").click();
    const again = page.getByRole("combobox", { name: /^Microphone/ });
    await until(
      () => again.evaluate((s, n) => s.selectedOptions[0]?.textContent === n, names.at(-1)),
      "the same microphone",
    );
    nothingWrong();
  });

  it("an unplugged device is replaced and told, one muted by the system is told", async () => {
    await startBridge(browser, server);
    await openWith(keepTracks);
    await joinAs(page, { name: "Grace", callId: "100101" });
    await until(() => page.evaluate(() => window.kept.audio.length === 1), "a microphone");
    await page.evaluate(() => {
      window.kept.audio[0].stop();
      window.kept.audio[0].dispatchEvent(new Event("ended"));
    });
    await page.getByText("The microphone is gone. Now in use:").waitFor();
    await until(() => page.evaluate(() => window.kept.audio.length === 2), "another one");
    await page.evaluate(() => window.kept.audio[1].dispatchEvent(new Event("mute")));
    await page.getByText("Your microphone is muted by the system").waitFor();
    await page.evaluate(() => window.kept.audio[1].dispatchEvent(new Event("unmute")));
    await page.getByText("Your microphone is muted by the system").waitFor({ state: "detached" });
    await page.evaluate(() => window.kept.video[0].dispatchEvent(new Event("mute")));
    await page.getByText("Your camera sends no picture").waitFor();
    nothingWrong();
  });

  it("a silent microphone is told, and the word goes when another one works", async () => {
    await startBridge(browser, server);
    await openWith(deadMicrophone);
    await enterCall(page, { callId: "100101" });
    await page.getByText("Your microphone is silent").waitFor({ timeout: 20000 });
    await enterMeeting(page, { name: "Grace" });
    await page.getByText("Your microphone is silent").waitFor({ timeout: 20000 });
    await look("light-en-22-silent");
    await button("Choose device").click();
    await page.evaluate(() => {
      window.alive = true;
    });
    const mic = dialog().getByRole("combobox", { name: /^Microphone/ });
    const names = await optionsOf(mic);
    await mic.selectOption(names.at(-1));
    await page.keyboard.press("Escape");
    await page.getByText("Your microphone is silent").waitFor({ state: "detached" });
    nothingWrong();
  });
});
