// SPDX-License-Identifier: Apache-2.0
// A narrow downlink: one of five guests gets 500 kbit/s for four senders. Sound goes first, then
// the speaker's picture; the others are held back.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { until } from "./lib/browser.mjs";
import { startCrowd } from "./lib/crowd.mjs";
import { newMeeting, participant } from "./lib/linked.mjs";
import { growth, rtcStats } from "./lib/relay.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const FIRST_AUDIO_LINE = 4;
const FIRST_VIDEO_LINE = 7;
const MEASURE_S = 10;
const CALM_MS = 3000;
const SETTLES_MS = 60000;
let site;
let meeting;
let crowd = null;

const pause = (ms) => new Promise((done) => setTimeout(done, ms));

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite();
  meeting = newMeeting(site, "100101");
});

afterEach(async () => {
  await meeting.end();
  if (crowd !== null) assert.equal(await crowd.stop(), 0);
  crowd = null;
});

after(async () => {
  if (site) assert.equal(await site.stop(), 0);
});

/**
 * What a guest got of a participant so far: frames; packets of sound that came and that were lost on the way; samples
 * of sound, and those that had to be made up.
 */
async function receivedFrom(g, number) {
  const rows = (await rtcStats(g.page)).filter((r) => r.type === "inbound-rtp");
  const line = (n) => rows.find((r) => Number(r.mid) === n);
  const audio = line(FIRST_AUDIO_LINE + g.slots.audio.indexOf(number));
  const video = line(FIRST_VIDEO_LINE + g.slots.video.indexOf(number));
  return {
    frames: video.framesDecoded, packets: audio.packetsReceived, lost: audio.packetsLost,
    samples: audio.totalSamplesReceived, concealed: audio.concealedSamples,
  };
}

/** What the link's full queue has dropped so far. */
const dropped = async (g) => (await g.relay.stats()).down.overflowed;

/**
 * Waits until, for 3 s, the speaker's picture was not held back and no sound was lost: the
 * callbridge has to notice the narrow link first. Returns after how many ms, and what the link had
 * dropped when the 3 s began: a loss is seen when the queue has emptied, a second later.
 */
async function calm(g, number) {
  const began = Date.now();
  let before = await dropped(g);
  const isPaused = () => g.slots.videoPaused[g.slots.video.indexOf(number)];
  let { lost } = await receivedFrom(g, number);
  let since = Date.now();
  await until(async () => {
    const now = await receivedFrom(g, number);
    if (now.lost !== lost || isPaused()) {
      before = await dropped(g);
      since = Date.now();
    }
    lost = now.lost;
    return Date.now() - since > CALM_MS;
  }, "the speaker is seen, and sound is lost no more", SETTLES_MS);
  return { settled: Date.now() - began, before };
}

test("500 kbit/s for four senders: sound loses nothing, the speaker's picture moves", async () => {
  const [ada, ben] = await meeting.pair();
  const speaker = await participant(ben.page);
  // A second of it may wait, as in a home's router: what is sent beyond that is lost, sound as well.
  await ada.relay.set("down", "rate=500000 queue=62500");
  crowd = await startCrowd(site, { callId: "100101", guests: 3 });
  const paused = () => ada.slots.videoPaused.filter((p) => p).length;
  const shown = () => ada.slots.video.filter((n) => n !== 0).length;
  await until(() => shown() === 4, "Ada has four in her slots");
  await until(() => paused() > 0, "the callbridge holds pictures back", 30000);
  const { settled, before } = await calm(ada, speaker);
  const from = await receivedFrom(ada, speaker);
  await pause(MEASURE_S * 1000);
  const got = growth(from, await receivedFrom(ada, speaker));
  const { down } = await ada.relay.stats();
  console.log(`settled after ${settled} ms; ${got.frames} frames, ${got.packets} packets of sound,`
    + ` ${got.lost} lost, ${got.concealed} of ${got.samples} samples concealed, ${paused()} pictures held back; relay ${JSON.stringify(down)}`);
  await ada.page.screenshot({ path: `${shots}links-narrow.png` });
  // What the next packet repeats (RED) is not lost to whoever listens. That not one is lost on the way either is shown
  // in simulation: a browser without a core for itself tells of a full queue late, and then one or two may go.
  assert.ok(got.packets > 0);
  assert.ok(got.concealed <= got.samples / 100, `${got.concealed} of ${got.samples} samples concealed`);
  assert.ok(got.lost <= got.packets / 100, `${got.lost} of ${got.packets} packets of sound lost on the way`);
  const full = down.overflowed - before;
  assert.ok(got.lost <= full, `${got.lost} packets of sound lost, but a full queue dropped ${full} of all`);
  assert.ok(got.frames > 10 * MEASURE_S, `${got.frames} frames in ${MEASURE_S} s`);
});
