// SPDX-License-Identifier: Apache-2.0
// A meeting of two browsers while parts of the server are killed. No frame is waited for by the clock:
// pictures go on over the kill, and what the callbridge took in it sent on.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";

import { joinAs, newBrowsers, openGuest, tileNames, until, videoFrames } from "./lib/browser.mjs";
import {
  assertAllForwarded, counters, daemon, end, endVisit, onlyCall, startBalancer, successor, visit,
} from "./lib/kill.mjs";
import { startSite } from "./lib/site.mjs";

const own = { ignoreHTTPSErrors: true }; // certificates are not the subject here
/** DESIGN section 10: how long the service may be away after a kill. */
const SERVICE_BACK_MS = 3000;
const REJOINED_MS = 10000;

let site;
let balancer;
const browsers = newBrowsers();

const button = (page, name) => page.getByRole("button", { name, exact: true });

const guest = async (url) => openGuest(await browsers.take(), url, own);

/** Everybody whose tile a page shows, the speaker's and the own mark taken off. */
const shown = async (page) => (await tileNames(page)).map((n) => n.replace(/[ ,].*$/, "")).sort();

const decodes = async (page, who) => {
  const frames = await videoFrames(page);
  await until(async () => await videoFrames(page) > frames + 10, `${who} decodes pictures`);
};

/** Ada and Ben in a call in which both see each other. */
async function meeting(url, { callId = "100101", passcode = "" } = {}) {
  const [ada, ben] = await Promise.all([guest(url), guest(url)]);
  await joinAs(ada, { name: "Ada", callId, passcode });
  await joinAs(ben, { name: "Ben", callId, passcode });
  await Promise.all([decodes(ada, "Ada"), decodes(ben, "Ben")]);
  return { ada, ben };
}

/** Both pages, and the callbridge, know the two and nobody else. */
async function assertNobodyIsAGhost({ ada, ben }) {
  const both = async () => `Ada sees ${await shown(ada)}; Ben sees ${await shown(ben)}`;
  await until(async () => await both() === "Ada sees Ada,Ben; Ben sees Ada,Ben",
    async () => `both show each other (${await both()}; ${await site.stoa("calls", "--json")})`);
  const call = await onlyCall(site);
  assert.deepEqual(call.participants.map((p) => p.name).sort(), ["Ada", "Ben"]);
}

/** A third guest comes in, and within the promised time. */
async function assertServiceBack(page, killedAt, how) {
  let what = "";
  await until(async () => (what = await visit(page, how)) === "", `a third guest joins (${what})`);
  const took = Date.now() - killedAt;
  assert.ok(took <= SERVICE_BACK_MS, `a third guest could join ${took} ms after the kill`);
}

/** Kills a daemon in a meeting, and looks at all that is promised about it. */
async function killInMeeting(role, { signal = "SIGKILL" } = {}) {
  const m = await meeting(site.url);
  const before = await counters(site);
  const frames = await Promise.all([m.ada, m.ben].map(videoFrames));
  const dead = await end(site, role, 1, signal);
  await assertServiceBack(m.ada, dead.at, { callId: "100101" });
  await successor(site, role, 1, dead);
  await Promise.all([decodes(m.ada, "Ada"), decodes(m.ben, "Ben")]);
  assert.ok(await videoFrames(m.ada) > frames[0] && await videoFrames(m.ben) > frames[1]);
  await assertNobodyIsAGhost(m);
  assertAllForwarded(before, await counters(site));
  // Orders and states pass again: the pages hear of each other.
  await button(m.ben, "Mute").click();
  await button(m.ben, "Unmute").waitFor();
  await until(async () => (await onlyCall(site)).participants.some((p) => p.audioMuted), "Ben is muted");
  return m;
}

/** The port on which the page of this site has its WebSocket, behind the balancer. */
const behind = () => `https://localhost:${balancer.port}/`;

before(async () => {
  site = await startSite({ args: ["--callbridge", "2", "--webbridge", "2"] });
  balancer = await startBalancer([site.base, site.base + 10]);
});

afterEach(async () => {
  balancer?.mend();
  await browsers.free();
  if (site) {
    await until(async () => JSON.parse(await site.stoa("calls", "--json")).length === 0, "no call is left");
  }
});

after(async () => {
  await browsers.close();
  await balancer?.stop();
  if (site) assert.equal(await site.stop(), 0);
});

test("config killed: nobody notices", async () => {
  await killInMeeting("config");
});

test("busd killed: pictures go on, orders pass again", async () => {
  await killInMeeting("busd");
});

test("the web bridge killed: the pages resume by themselves", async () => {
  await killInMeeting("webbridge");
});

test("the web bridge stopped orderly: the pages resume by themselves", async () => {
  await killInMeeting("webbridge", { signal: "SIGTERM" });
});

test("the page's own web bridge killed: it resumes at the second", async () => {
  const m = await meeting(behind());
  const counted = await counters(site);
  const dead = await end(site, "webbridge", 1);
  balancer.avoid(site.base); // as a balancer does that has seen it fail
  await assertServiceBack(m.ada, dead.at, { callId: "100101" });
  const second = await daemon(site, "webbridge", 2);
  const resumed = () => [...site.log().matchAll(/webbridge-2: websocket \d+: resume/g)].length;
  await until(() => resumed() >= 2, "both pages resume at the second web bridge");
  await Promise.all([decodes(m.ada, "Ada"), decodes(m.ben, "Ben")]);
  await assertNobodyIsAGhost(m);
  assertAllForwarded(counted, await counters(site));
  assert.equal((await daemon(site, "webbridge", 2)).pid, second.pid);
  await successor(site, "webbridge", 1, dead);
});

test("the callbridge killed: all meet again on the other, without passcode", async () => {
  const m = await meeting(site.url, { callId: "100102", passcode: "4321" });
  const call = await onlyCall(site);
  assert.deepEqual(call.participants.map((p) => p.name).sort(), ["Ada", "Ben"], "both on one");
  let owner;
  for (const number of [1, 2]) {
    const d = await daemon(site, "callbridge", number);
    if (d.instance === call.callbridge) owner = number;
  }
  const frames = await Promise.all([m.ada, m.ben].map(videoFrames));
  const dead = await end(site, "callbridge", owner);
  const isBack = async () => {
    const calls = JSON.parse(await site.stoa("calls", "--json").catch(() => "[]"));
    return calls.length === 1 && calls[0].participants.length === 2 &&
      calls[0].participants.every((p) => p.media === "connected");
  };
  await until(isBack, "both have media again", 3 * REJOINED_MS);
  const took = Date.now() - dead.at;
  assert.ok(took <= REJOINED_MS, `both were back ${took} ms after the kill`);
  assert.notEqual((await onlyCall(site)).callbridge, call.callbridge);
  await Promise.all([decodes(m.ada, "Ada"), decodes(m.ben, "Ben")]);
  await assertNobodyIsAGhost(m);
  assert.ok(frames.every((n) => n > 0));
  for (const page of [m.ada, m.ben]) {
    assert.equal(await page.getByLabel("Passcode (if required)", { exact: true }).count(), 0);
  }
  await successor(site, "callbridge", owner, dead);
});

test("a page without signalling for five seconds knows all that happened meanwhile", async () => {
  const { ada, ben } = await meeting(behind());
  const other = await openGuest(ada.context().browser(), site.url, own);
  assert.equal(await visit(other, { callId: "100101", name: "Guy", stay: true }), "");
  for (const page of [ada, ben]) {
    await until(async () => (await shown(page)).join() === "Ada,Ben,Guy", "all see the visitor");
  }
  const count = (words) => [...site.log().matchAll(words)].length;
  const lost = count(/signalling lost, media goes on/g);
  const resumed = count(/signalling resumed by web bridge link/g);
  balancer.cut();
  const cutAt = Date.now();
  await until(() => count(/signalling lost, media goes on/g) === lost + 2, "both losses are seen");
  await endVisit(other);
  await until(async () => (await onlyCall(site)).participants.length === 2, "the visitor has left");
  const { participant } = (await onlyCall(site)).participants.find((p) => p.name === "Ben");
  await site.stoa("call", String(participant), "mute");
  await button(ada, "Camera off").click(); // cannot be told now
  await button(ada, "Camera on").waitFor();
  await until(() => Date.now() - cutAt >= 5000, "five seconds have passed");
  balancer.mend();
  await until(() => count(/signalling resumed by web bridge link/g) === resumed + 2, "both resume");
  await assertNobodyIsAGhost({ ada, ben });
  await button(ben, "Unmute").waitFor(); // the operator's order has reached him
  await until(async () => {
    const all = (await onlyCall(site)).participants;
    return all.find((p) => p.name === "Ada").videoMuted && all.find((p) => p.name === "Ben").audioMuted;
  }, "the callbridge knows what was switched meanwhile, and by whom");
  await button(ada, "Camera on").click();
  await Promise.all([decodes(ada, "Ada"), decodes(ben, "Ben")]);
  await ada.getByRole("listitem", { name: /^Ben/ }).getByRole("img", { name: "Muted" }).waitFor();
});

test("a page that is loaded anew leaves no ghost and no second tile", async () => {
  const { ada, ben } = await meeting(site.url);
  // Every state of Ada's tiles from now on.
  await ada.evaluate(() => {
    const list = document.querySelector("[aria-label=Participants]").parentElement;
    window.seen = new Set();
    const look = () => {
      const names = [...document.querySelectorAll("[aria-label=Participants] [role=listitem], [aria-label=Participants] li")]
        .map((t) => t.getAttribute("aria-label").replace(/[ ,].*$/, "")).sort();
      window.seen.add(names.join());
    };
    new MutationObserver(look).observe(list, { subtree: true, childList: true, attributes: true });
    look();
  });
  await ben.reload();
  await joinAs(ben, { name: "Ben", callId: "100101" });
  await Promise.all([decodes(ada, "Ada"), decodes(ben, "Ben")]);
  await assertNobodyIsAGhost({ ada, ben });
  const seen = await ada.evaluate(() => [...window.seen]);
  assert.deepEqual(seen.filter((names) => !["Ada,Ben", "Ada"].includes(names)), []);
});
