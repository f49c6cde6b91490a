// SPDX-License-Identifier: Apache-2.0
// What a kill costs in milliseconds: two browsers in a meeting, one daemon after the other is ended with
// kill -9, ROUNDS times each. Prints for each the largest gap between two pictures on the screen over the
// kill, and over as long a time without one just before; when a third guest could join; when both had media.
// "turn" is a meeting of two who reach nothing but relays, over UDP: the instance that they use is killed.
// docs/benchmarks.md has the method.
//
//   cmake --build --preset release && web/build && node bench/kills/kills.mjs [--rounds N] [--only ROLE] [--json]
import { fileURLToPath } from "node:url";

import { gap, show, sleep, watch } from "./frames.mjs";

process.env.BUILD_DIR ??= fileURLToPath(new URL("../../build/release", import.meta.url));
const { joinAs, launch, leave, openGuest, until, videoFrames } = await import("../../tests/e2e/lib/browser.mjs");
const { daemon, end, successor, visit } = await import("../../tests/e2e/lib/kill.mjs");
const { startSite } = await import("../../tests/e2e/lib/site.mjs");

const WATCH_MS = 8000; // before the kill, and at least after it
const own = { ignoreHTTPSErrors: true };
const at = process.argv.indexOf("--rounds");
const rounds = at > 0 ? Number(process.argv[at + 1]) : 5;
const only = process.argv.includes("--only") ? process.argv[process.argv.indexOf("--only") + 1] : "";

/** Which turn instance the page's media goes through. */
async function turnOf(site, page) {
  const url = await page.evaluate(async () => {
    const rows = [...(await window.stoaConnections.at(-1).getStats()).values()];
    const byId = (id) => rows.find((r) => r.id === id);
    const pair = byId(rows.find((r) => r.type === "transport").selectedCandidatePairId);
    return byId(pair.localCandidateId).url;
  });
  const port = url.match(/:(\d+)\?/)[1];
  return (await daemon(site, "turn", 1)).listeners.some((l) => l.address.endsWith(`:${port}`)) ? 1 : 2;
}

async function round(site, pages, role) {
  const calls = JSON.parse(await site.stoa("calls", "--json"));
  let number = 1;
  if (role === "callbridge" && (await daemon(site, role, 2)).instance === calls[0].callbridge) number = 2;
  if (role === "turn") number = await turnOf(site, pages[0]);
  await Promise.all([watch(pages[0], "Ben"), watch(pages[1], "Ada")]);
  const regathered = () => [...site.log().matchAll(/asking the browser for relays/g)].length;
  const before = regathered();
  const began = Date.now();
  await sleep(WATCH_MS);
  const dead = await end(site, role, number);
  await until(async () => await visit(pages[0], { callId: "100101" }) === "", "a third guest joins");
  const service = Date.now() - dead.at;
  const both = async () => {
    const [call] = JSON.parse(await site.stoa("calls", "--json").catch(() => "[]"));
    return call?.participants.filter((p) => p.media === "connected" && !p.audioMuted).length === 2;
  };
  await until(both, "both are connected", 30000);
  const connected = Date.now() - dead.at;
  await sleep(Math.max(0, WATCH_MS - (Date.now() - dead.at)));
  const to = Date.now();
  const gaps = role === "callbridge" ? [0] : await Promise.all(pages.map((p) => gap(p, dead.at, to)));
  const quiet = await Promise.all(pages.map((p) => gap(p, began, dead.at)));
  await successor(site, role, number, dead);
  // Both get relays on two servers again, so that the next round begins as this one.
  for (let i = 0; role === "turn" && i < 80 && regathered() < before + 2; i++) await sleep(500);
  for (const page of pages) {
    const frames = await videoFrames(page);
    await until(async () => {
      const now = await videoFrames(page);
      return now > frames + 20 || (now < frames && now > 20); // another connection counts anew
    }, `pictures after ${role}`, 30000);
  }
  return { role, gap: Math.max(...gaps), quiet: Math.max(...quiet), service, connected };
}

/** Runs in the page before its own code: keeps its connections, and takes TURN over TCP from them. */
function relaysByUdp() {
  const Native = window.RTCPeerConnection;
  window.stoaConnections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      window.stoaConnections.push(this);
    }
    setConfiguration(c) {
      const iceServers = (c.iceServers ?? []).map((s) => ({ ...s, urls: s.urls.filter((u) => u.endsWith("udp")) }));
      super.setConfiguration({ ...c, iceServers });
    }
  };
}

/** Ada and Ben in a call, in browsers of their own. */
async function meet(browsers, url, prepare) {
  const pages = await Promise.all(browsers.map((b) => openGuest(b, url, own, prepare)));
  await joinAs(pages[0], { name: "Ada", callId: "100101" });
  await joinAs(pages[1], { name: "Ben", callId: "100101" });
  await until(async () => await videoFrames(pages[0]) > 10 && await videoFrames(pages[1]) > 10, "pictures");
  return pages;
}

const site = await startSite({ args: ["--callbridge", "2", "--turn", "2"] });
const results = [];

/** ROUNDS kills of each role in one meeting. */
async function series(url, all, prepare) {
  const roles = all.filter((role) => only === "" || role === only);
  if (roles.length === 0) return;
  const browsers = await Promise.all([launch(), launch()]);
  try {
    const pages = await meet(browsers, url, prepare);
    for (const role of roles) {
      for (let i = 0; i < rounds; i++) {
        results.push(await round(site, pages, role));
        console.error(JSON.stringify(results.at(-1)));
      }
    }
    for (const page of pages) await leave(page);
  } finally {
    await Promise.all(browsers.map((b) => b.close()));
  }
}

try {
  await series(`${site.url}?ice=relay`, ["turn"], (context) => context.addInitScript(relaysByUdp));
  await series(site.url, ["config", "busd", "webbridge", "callbridge"]);
} finally {
  await site.stop();
}
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(results));
} else {
  console.log("ended       gap with / without kill, ms    third guest joined, ms    both connected, ms");
  for (const role of new Set(results.map((r) => r.role))) {
    const of = (field) => show(results.filter((r) => r.role === role).map((r) => r[field]));
    const gaps = role === "callbridge" ? `- / ${of("quiet")}` : `${of("gap")} / ${of("quiet")}`;
    console.log(`${role.padEnd(11)} ${gaps.padEnd(30)} ${of("service").padEnd(26)} ${of("connected")}`);
  }
}
