// SPDX-License-Identifier: Apache-2.0
// What a kill at the edge costs in milliseconds: Ada outside and Ben inside are in a meeting in the lab, one daemon
// after the other is ended with kill -9, ROUNDS times each. Started by bench/lab/run. Prints for each
//   - the largest gap between two pictures on either screen over the kill, and over as long a time just before;
//   - when the page was served outside again;
//   - when Ada's page had resumed.
// "expe, 443": Ada reaches nothing but TCP 443, so her media goes with expe. Else it goes over UDP.
import { until } from "../../tests/e2e/lib/browser.mjs";
import { daemon, end, successor } from "../../tests/e2e/lib/kill.mjs";
import { LONG_MS, enter, goHome, guest, lab, log, on, pair, receives } from "../../tests/lab/lib/lab.mjs";
import { gap, show, sleep, watch } from "../kills/frames.mjs";

const WATCH_MS = 8000; // before the kill, and at least after it
const inside = { stoa: (...words) => lab("stoa", ...words) };
const edge = { stoa: (...words) => lab("stoa_edge", ...words) };
const at = process.argv.indexOf("--rounds");
const rounds = at > 0 ? Number(process.argv[at + 1]) : 5;
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : "";

/** When a guest outside gets the page, in ms of Date.now(): asked all the time. */
const served = async () => Number(await on("client2", "bash", "-c",
  'until curl -sf -o /dev/null -m 2 --cacert /run/lab/public.crt https://cmsweb.octavio.com/; do sleep 0.02; done; date +%s%3N'));

/** How often a page has resumed. */
const resumes = async () => [...(await log("inside")).matchAll(/signalling resumed by web bridge link/g)].length;

async function resumed(before) {
  await until(async () => await resumes() > before, "the page resumes", LONG_MS);
  return Date.now();
}

/** The turn instance that a guest's media goes through. */
async function turnOf(one) {
  const port = /:(\d+)\?/.exec((await pair(one)).url)[1];
  return (await daemon(edge, "turn", 1)).listeners.some((l) => l.address.endsWith(`:${port}`)) ? 1 : 2;
}

/** One kill of `role`; `signalling`: that the page loses its connection by it. */
async function round(guests, { what, site, role, signalling }) {
  const [ada, ben] = guests;
  const number = role === "turn" ? await turnOf(ada) : 1;
  await Promise.all([watch(ada.page, "Ben"), watch(ben.page, "Ada")]);
  const relays = async () => [...(await log("inside")).matchAll(/asking the browser for relays/g)].length;
  const [relaysBefore, resumesBefore] = [await relays(), await resumes()];
  const began = Date.now();
  await sleep(WATCH_MS);
  const dead = await end(site, role, number);
  const [page, back] = await Promise.all([served(), signalling ? resumed(resumesBefore) : dead.at]);
  await sleep(Math.max(0, WATCH_MS - (Date.now() - dead.at)));
  const to = Date.now();
  const gaps = await Promise.all(guests.map((g) => gap(g.page, dead.at, to)));
  const quiet = await Promise.all(guests.map((g) => gap(g.page, began, dead.at)));
  await successor(site, role, number, dead);
  // With relays on two servers again the next round begins as this one.
  for (let i = 0; role === "turn" && i < 80 && await relays() === relaysBefore; i++) await sleep(500);
  await Promise.all(guests.map((g) => receives(g)));
  return { what, gap: Math.max(...gaps), quiet: Math.max(...quiet), page: page - dead.at, resumed: back - dead.at };
}

const results = [];

/** ROUNDS kills of each in one meeting. */
async function series(transport, all) {
  const kills = all.filter(({ what }) => only === "" || what === only);
  if (kills.length === 0) return;
  const guests = [await guest("client1", { name: "Ada", transport }), await guest("desk", { name: "Ben" })];
  for (const g of guests) await enter(g, "100101");
  await Promise.all(guests.map((g) => receives(g)));
  for (const kill of kills) {
    for (let i = 0; i < rounds; i++) {
      results.push(await round(guests, kill));
      console.error(JSON.stringify(results.at(-1)));
    }
  }
  await goHome();
}

try {
  await series("udp", [
    { what: "expc", site: inside, role: "expc", signalling: true },
    { what: "expe", site: edge, role: "expe", signalling: true },
    { what: "turn", site: edge, role: "turn", signalling: false },
  ]);
  await lab("fault", "only-443", "on");
  await series("", [{ what: "expe, 443", site: edge, role: "expe", signalling: true }]);
} finally {
  await goHome();
}
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(results));
} else {
  console.log("ended       gap with / without kill, ms       page served, ms       resumed, ms");
  for (const what of new Set(results.map((r) => r.what))) {
    const of = (field) => show(results.filter((r) => r.what === what).map((r) => r[field]));
    console.log(`${what.padEnd(11)} ${`${of("gap")} / ${of("quiet")}`.padEnd(33)} ${of("page").padEnd(21)} ${what === "turn" ? "-" : of("resumed")}`);
  }
}
