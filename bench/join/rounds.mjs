// SPDX-License-Identifier: Apache-2.0
// Rounds of joining: somebody is in the meeting, another one comes and goes.
import { enterCall, enterMeeting, leave, timings, until, videoFrames } from "../../tests/e2e/lib/browser.mjs";

/** The steps of each of N joins, in ms after the click on *Join call*. `open` gives a page each time. */
export async function join(open, rounds) {
  const results = [];
  for (let i = 0; i < rounds; i++) {
    const page = await open();
    await enterCall(page, { callId: "100101" });
    await new Promise((done) => setTimeout(done, 1500)); // as somebody who types a name
    await enterMeeting(page, { name: `Guest ${i}` });
    await until(async () => await videoFrames(page) > 0, "a remote frame");
    await until(async () => (await timings(page)).firstFrame > 0, "the time of the first frame");
    results.push(await timings(page));
    await leave(page);
    await page.context().close();
  }
  return results;
}

/** Each step's median and range. */
export function print(results, goalMs) {
  for (const step of Object.keys(results[0])) {
    const list = results.map((r) => r[step]).sort((a, b) => a - b);
    console.log(`${step.padEnd(12)} median ${list[Math.floor(list.length / 2)]} ms, ${list[0]}-${list.at(-1)}`);
  }
  console.log(`goal: firstFrame <= ${goalMs} ms`);
}
