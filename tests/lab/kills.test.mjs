// SPDX-License-Identifier: Apache-2.0
// A meeting through the edge while the tunnel is cut, and while daemons of it are killed: no packet of it is lost.
// Nothing is waited for by the clock; how long it took is printed. Started by kills.sh.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { until } from "../e2e/lib/browser.mjs";
import { assertAllForwarded, counters, daemon, end, onlyCall, successor } from "../e2e/lib/kill.mjs";
import { rtcStats } from "../e2e/lib/relay.mjs";
import { LONG_MS, enter, goHome, guest, lab, log, on, pair, receives, shoot } from "./lib/lab.mjs";

const inside = { stoa: (...words) => lab("stoa", ...words) };
const edge = { stoa: (...words) => lab("stoa_edge", ...words) };
const button = (one, name) => one.page.getByRole("button", { name, exact: true });
const lost = (one) => one.page.getByText("The connection to the server was lost");
let ada;
let ben;

// Over UDP: a relay whose TCP connection breaks fails at once, and the page restarts ICE by itself.
before(async () => {
  ada = await guest("client1", { name: "Ada", transport: "udp" });
  await enter(ada, "100101");
  ben = await guest("desk", { name: "Ben" });
  await enter(ben, "100101");
  await Promise.all([receives(ada), receives(ben)]);
});

after(goHome);

/** Status with which the page is answered outside. */
const answer = () => on("client2", "curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-m", "30",
  "--cacert", "/run/lab/public.crt", "https://cmsweb.octavio.com/").catch((error) => error.message);

/** The page is served again; prints how long that took. */
async function served(since) {
  let last = "";
  await until(async () => (last = await answer()) === "200", () => `the page is served outside (${last})`, LONG_MS);
  console.log(`# the page is served outside ${Date.now() - since} ms later`);
}

/** What Ada's page orders comes to the callbridge: signalling works both ways. */
async function ordersPass() {
  const muted = async () => (await onlyCall(inside)).participants.find((p) => p.name === "Ada").audioMuted ?? false;
  await lost(ada).waitFor({ state: "detached", timeout: LONG_MS });
  await button(ada, "Mute").click();
  await until(muted, "Ada is muted", LONG_MS);
  await button(ada, "Unmute").click();
  await until(async () => !await muted(), "Ada is heard", LONG_MS);
}

/** Packets lost on the way to each browser, and on the way from it, as its callbridge reports. */
async function losses() {
  const of = async (one, type) => (await rtcStats(one.page)).filter((r) => r.type === type)
    .reduce((sum, r) => sum + r.packetsLost, 0);
  return {
    toAda: await of(ada, "inbound-rtp"), toBen: await of(ben, "inbound-rtp"),
    fromAda: await of(ada, "remote-inbound-rtp"), fromBen: await of(ben, "remote-inbound-rtp"),
  };
}

/** What is counted so far. `held`: pictures that the callbridge holds back, and how often it has begun to. */
async function soFar() {
  const { participants } = await onlyCall(inside);
  const held = participants.map((p) => `${p.pauses}/${(p.paused ?? []).length}`).join();
  return { counters: await counters(inside), losses: await losses(), held };
}

/**
 * No media was lost since then: not on a way, and what the callbridge took in it sent on. But for pictures that it holds
 * back because a browser asks for less, as one does on a machine that is too busy for it.
 */
async function assertNothingLost(since) {
  const now = await soFar();
  assert.deepEqual(now.losses, since.losses);
  if (now.held === since.held && !/[/][1-9]/.test(now.held)) return assertAllForwarded(since.counters, now.counters);
  console.log(`# pictures were held back: ${since.held} ${now.held}`);
  assert.equal(now.counters.numbers, since.counters.numbers);
  assert.ok(now.counters.forwarded > since.counters.forwarded + 100);
}

/** One call, with Ada and Ben and nobody who is not there. */
async function assertSameMeeting() {
  const { participants } = await onlyCall(inside);
  assert.deepEqual(participants.map((p) => p.name).sort(), ["Ada", "Ben"]);
}

const both = () => Promise.all([receives(ada), receives(ben)]);

/** Kills a daemon; media goes on, and all is as before. */
async function kill(site, role) {
  const before = await soFar();
  const dead = await end(site, role);
  await both();
  await served(dead.at);
  await successor(site, role, 1, dead);
  await assertNothingLost(before);
  await ordersPass();
  await both();
  await assertSameMeeting();
}

test("the tunnel cut: media goes on, new guests hear at once that it is, signalling resumes", async () => {
  const before = await soFar();
  await lab("fault", "zone-reset", "on"); // silence would take 20 s to be seen, with "zone"
  await lost(ada).waitFor({ timeout: 2 * LONG_MS });
  await shoot(ada, "kills-tunnel");
  await both();
  const asked = Date.now();
  assert.equal(await answer(), "503");
  console.log(`# 503 after ${Date.now() - asked} ms`);
  await both();
  await assertNothingLost(before);
  await lab("fault", "zone-reset", "off");
  await served(Date.now());
  await until(async () => { await lab("tunnels_active"); return true; }, "all tunnels are up");
  await ordersPass();
  await both();
  await assertSameMeeting();
});

test("expc killed", () => kill(inside, "expc"));

test("expe killed", () => kill(edge, "expe"));

test("one of two turn instances killed: media goes on over the other, without an ICE restart", async () => {
  const { url } = await pair(ada);
  const port = /:(\d+)\?/.exec(url)[1];
  const rows = await Promise.all([1, 2].map((n) => daemon(edge, "turn", n)));
  const number = rows.findIndex((d) => d.listeners.some((l) => l.address.endsWith(`:${port}`))) + 1;
  assert.ok(number > 0, `an instance listens on ${port}`);
  const offers = async () => [...(await log("inside")).matchAll(/setting up combined RTP session/g)].length;
  const before = await offers();
  const dead = await end(edge, "turn", number);
  await both();
  console.log(`# media back ${Date.now() - dead.at} ms after the kill`);
  assert.equal(await offers(), before);
  assert.notEqual((await pair(ada)).url, url);
  await successor(edge, "turn", number, dead);
  await both();
  await assertSameMeeting();
});
