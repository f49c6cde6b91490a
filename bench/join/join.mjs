// SPDX-License-Identifier: Apache-2.0
// Click on *Join call* to first remote frame: one browser is in the meeting, another one joins and leaves
// ROUNDS times. Prints each step's median in ms, relative to the click; --json prints all rounds.
//
//   cmake --build --preset release && web/build && node bench/join/join.mjs [--edge] [--rounds N] [--json]
//
// --edge: who joins comes from outside, through expe and expc; the one in the meeting is inside.
import { fileURLToPath } from "node:url";

process.env.BUILD_DIR ??= fileURLToPath(new URL("../../build/release", import.meta.url));
const { joinAs, launch, openGuest } = await import("../../tests/e2e/lib/browser.mjs");
const { join, print } = await import("./rounds.mjs");
const { startSite } = await import("../../tests/e2e/lib/site.mjs");

const edge = process.argv.includes("--edge");
const GOAL_MS = edge ? 1200 : 700;
const own = { ignoreHTTPSErrors: true };
const at = process.argv.indexOf("--rounds");
const rounds = at > 0 ? Number(process.argv[at + 1]) : 10;

async function measure(site) {
  const browsers = await Promise.all([launch(), launch()]);
  try {
    const first = await openGuest(browsers[0], site.url, own);
    await joinAs(first, { name: "First", callId: "100101" });
    return await join(() => openGuest(browsers[1], edge ? site.edgeUrl : site.url, own), rounds);
  } finally {
    await Promise.all(browsers.map((b) => b.close()));
  }
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
  print(results, GOAL_MS);
}
