// SPDX-License-Identifier: Apache-2.0
// Meetings over bad links, through a relay for each browser that loses, delays or moves its media.
// That it does is asserted each time: a fault that was not there would pass every test.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { audioEnergy, joinAs, launch, leave, openGuest, until, videoFrames } from "./lib/browser.mjs";
import { growth, leadThrough, received, selectedPair, startRelay } from "./lib/relay.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const LOSS_S = 30;
const MAX_FREEZE_S = 1;
const MAX_CONCEALED = 0.03;
let site;
let guests = [];

const pause = (ms) => new Promise((done) => setTimeout(done, ms));
const participant = (page) => page.evaluate(() => window.stoa.state.participant);

/** A guest in a browser and behind a relay of its own. */
async function guest(name, seed, { knobs = "clear", strip = "" } = {}) {
  const relay = await startRelay({ seed });
  const one = { name, relay, browser: null, page: null };
  guests.push(one);
  await relay.set("both", knobs);
  one.browser = await launch();
  one.page = await openGuest(one.browser, site.url, { ignoreHTTPSErrors: true }, (context) =>
    leadThrough(context, relay, { strip }));
  await joinAs(one.page, { name, callId: "100101" });
  return one;
}

/** Two guests who see and hear each other, and through whose relays this goes. */
async function pair(options) {
  const both = [await guest("Ada", 11, options), await guest("Ben", 12, options)];
  for (const g of both) {
    await until(async () => await videoFrames(g.page) > 20, `${g.name} decodes pictures`, 30000);
    await until(async () => await audioEnergy(g.page) > 0, `${g.name} hears something`);
    await assertThroughRelay(g);
  }
  return both;
}

async function assertThroughRelay({ name, page, relay }) {
  const { remotePort } = await selectedPair(page);
  assert.ok(relay.ports().includes(remotePort), `${name}'s media goes to the relay`);
  const before = await relay.stats();
  await until(async () => {
    const now = await relay.stats();
    return now.up.out > before.up.out + 20 && now.down.out > before.down.out + 20;
  }, `the relay counts ${name}'s media`);
}

/** What each guest received during `seconds`. */
async function measure(all, seconds) {
  const from = await Promise.all(all.map((g) => received(g.page)));
  await pause(seconds * 1000);
  const to = await Promise.all(all.map((g) => received(g.page)));
  return all.map((g, i) => {
    const grown = growth(from[i], to[i]);
    console.log(`${g.name}: ${grown.frames} frames, ${grown.freezeS.toFixed(2)} s frozen,`
      + ` ${(100 * grown.audible / grown.samples).toFixed(2)} % concealed,`
      + ` ${grown.nacks} nacks, ${grown.plis} plis`);
    return { ...grown, concealedShare: grown.audible / grown.samples };
  });
}

async function assertLossy({ name, relay }) {
  const { up, down } = await relay.stats();
  for (const [way, c] of [["up", up], ["down", down]]) {
    const share = c.lost / c.in;
    assert.ok(share > 0.02 && share < 0.08, `${name}'s relay lost ${share} of what went ${way}`);
  }
}

/** Waits for new pictures at everybody, and says how long the slowest waited. */
async function framesGoOn(all, ms) {
  const began = Date.now();
  await Promise.all(all.map(async (g) => {
    const frames = await videoFrames(g.page);
    await until(async () => await videoFrames(g.page) > frames + 10, `${g.name}'s frames go on`, ms);
  }));
  return Date.now() - began;
}

/** Nobody had to join again, and the server still counts two. */
async function assertSameCall(all, numbers) {
  assert.deepEqual(await Promise.all(all.map((g) => participant(g.page))), numbers);
  const [call] = JSON.parse(await site.stoa("calls", "--json"));
  assert.deepEqual(call.participants.map((p) => p.participant).sort(), [...numbers].sort());
}

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite();
});

afterEach(async () => {
  const all = guests;
  guests = [];
  for (const g of all) if (g.page !== null) await leave(g.page);
  await Promise.all(all.map((g) => g.browser?.close()));
  for (const g of all) assert.equal(await g.relay.stop(), 0);
});

after(async () => {
  if (site) assert.equal(await site.stop(), 0);
});

test(`5 % loss both ways for ${LOSS_S} s is hardly seen and hardly heard`, async () => {
  const both = await pair();
  for (const g of both) await g.relay.set("both", "loss=0.05");
  const results = await measure(both, LOSS_S);
  await both[0].page.screenshot({ path: `${shots}links-loss.png` });
  for (const g of both) await assertLossy(g);
  for (const r of results) {
    assert.ok(r.nacks > 0, "lost packets were asked for again");
    assert.ok(r.freezeS < MAX_FREEZE_S, `frozen for ${r.freezeS} s`);
    assert.ok(r.concealedShare < MAX_CONCEALED, `${r.concealedShare} of the sound concealed`);
  }
});

test("without RTX the same loss freezes the picture: the bound means something", async () => {
  const both = await pair({ strip: "rtx" });
  for (const g of both) await g.relay.set("both", "loss=0.05");
  const results = await measure(both, LOSS_S / 2);
  for (const g of both) await assertLossy(g);
  for (const r of results) {
    assert.equal(r.nacks, 0);
    assert.ok(r.freezeS > MAX_FREEZE_S, `frozen for ${r.freezeS} s only`);
  }
});

test("without redundant audio the same loss is heard: the bound means something", async () => {
  const both = await pair({ strip: "red" });
  for (const g of both) await g.relay.set("both", "loss=0.05");
  const results = await measure(both, LOSS_S / 3);
  for (const g of both) await assertLossy(g);
  for (const r of results) {
    assert.ok(r.concealedShare > MAX_CONCEALED, `only ${r.concealedShare} of the sound concealed`);
  }
});

test("with 300 ms round trip a guest joins and the picture holds", async () => {
  const both = await pair({ knobs: "delay=150" });
  const results = await measure(both, 8);
  for (const [i, r] of results.entries()) {
    const { rttMs } = await selectedPair(both[i].page);
    assert.ok(rttMs >= 300 && rttMs < 600, `${both[i].name}'s round trip takes ${rttMs} ms`);
    assert.ok(r.frames > 8 * 10, `${r.frames} frames in 8 s`);
    assert.ok(r.freezeS < MAX_FREEZE_S, `frozen for ${r.freezeS} s`);
    assert.ok(r.concealedShare < MAX_CONCEALED, `${r.concealedShare} of the sound concealed`);
  }
});

test("a NAT that forgets its mappings costs no call", async () => {
  const both = await pair();
  const numbers = await Promise.all(both.map((g) => participant(g.page)));
  const port = async () => {
    const [call] = JSON.parse(await site.stoa("calls", "--json"));
    return call.participants.find((p) => p.name === "Ada").remoteAddress;
  };
  const before = await port();
  await both[0].relay.rebind();
  console.log(`frames again after ${await framesGoOn(both, 20000)} ms`);
  await until(async () => await port() !== before, "the callbridge sees Ada at another port");
  await assertThroughRelay(both[0]);
  await assertSameCall(both, numbers);
});

test("another network in mid-call: frames go on, nobody joins again", async () => {
  const both = await pair();
  const numbers = await Promise.all(both.map((g) => participant(g.page)));
  const old = (await selectedPair(both[0].page)).remotePort;
  await both[0].relay.move();
  assert.deepEqual(both[0].relay.ports(), []);
  await until(async () => both[0].relay.ports().length > 0, "an ICE restart names new ports", 30000);
  console.log(`frames again ${await framesGoOn(both, 20000)} ms after the restart`);
  await until(async () => {
    const { remotePort } = await selectedPair(both[0].page);
    return remotePort !== old && both[0].relay.ports().includes(remotePort);
  }, "Ada's media goes to a new port");
  await assertSameCall(both, numbers);
});
