// SPDX-License-Identifier: Apache-2.0
// Click on *Join call* to first remote frame: one browser is in the meeting, another one joins and leaves
// ROUNDS times. Prints each step's median in ms, relative to the click; --json prints all rounds.
//
//   cmake --build --preset release && web/build && node bench/join/join.mjs [--edge] [--rounds N] [--json]
//
// --edge: who joins comes from outside, through expe and expc; the one in the meeting is inside.
import { fileURLToPath } from "node:url";

process.env.BUILD_DIR ??= fileURLToPath(new URL("../../build/release", import.meta.url));
const { enterCall, enterMeeting, joinAs, launch, openGuest, timings, until, videoFrames } =
  await import("../../tests/e2e/lib/browser.mjs");
const { startSite } = await import("../../tests/e2e/lib/site.mjs");

const edge = process.argv.includes("--edge");
const GOAL_MS = edge ? 1200 : 700;
const own = { ignoreHTTPSErrors: true };
const at = process.argv.indexOf("--rounds");
const rounds = at > 0 ? Number(process.argv[at + 1]) : 10;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function measure(site) {
  const browsers = await Promise.all([launch(), launch()]);
  const results = [];
  try {
    const first = await openGuest(browsers[0], site.url, own);
    await joinAs(first, { name: "First", callId: "100101" });
    for (let i = 0; i < rounds; i++) {
      const page = await openGuest(browsers[1], edge ? site.edgeUrl : site.url, own);
      await enterCall(page, { callId: "100101" });
      await new Promise((done) => setTimeout(done, 1500)); // as somebody who types a name
      await enterMeeting(page, { name: `Guest ${i}` });
      await until(async () => await videoFrames(page) > 0, "a remote frame");
      await until(async () => (await timings(page)).firstFrame > 0, "the time of the first frame");
      results.push(await timings(page));
      await page.getByRole("button", { name: "Leave", exact: true }).click();
      await page.context().close();
    }
  } finally {
    await Promise.all(browsers.map((b) => b.close()));
  }
  return results;
}

const site = await startSite();
let results;
try {
  results = await measure(site);
} finally {
  await site.stop();
}
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(results));
} else {
  for (const step of Object.keys(results[0])) {
    const list = results.map((r) => r[step]);
    console.log(`${step.padEnd(12)} median ${median(list)} ms, ${Math.min(...list)}-${Math.max(...list)}`);
  }
  console.log(`goal: firstFrame <= ${GOAL_MS} ms`);
}
