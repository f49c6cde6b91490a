// SPDX-License-Identifier: Apache-2.0
// Click on *Join call* to first remote frame through the edge, as bench/join/join.mjs, but in the lab: who joins is
// client1, the one in the meeting is inside. Started by bench/lab/run.
import { openGuest } from "../../tests/e2e/lib/browser.mjs";
import { JOIN_URL, enter, goHome, guest } from "../../tests/lab/lib/lab.mjs";
import { join, print } from "../join/rounds.mjs";

const at = process.argv.indexOf("--rounds");
const rounds = at > 0 ? Number(process.argv[at + 1]) : 10;
let results;
try {
  const first = await guest("desk", { name: "First" });
  await enter(first, "100101");
  const { browser } = await guest("client1", { name: "Guest" });
  results = await join(() => openGuest(browser, JOIN_URL), rounds);
} finally {
  await goHome();
}
if (process.argv.includes("--json")) console.log(JSON.stringify(results));
else print(results, 1200);
