// SPDX-License-Identifier: Apache-2.0
// Guests of one meeting, each in a browser and behind a relay of its own (relay.mjs).
//
//   const meeting = newMeeting(site, "100101");
//   const [ada, ben] = await meeting.pair();   // they see and hear each other, through the relays
//   await ada.relay.set("both", "loss=0.05");  // a guest is {name, relay, browser, page, slots}
//   await framesGoOn([ada, ben], 10000);
//   await meeting.end();                       // they leave
import assert from "node:assert/strict";

import { audioEnergy, joinAs, launch, leave, openGuest, until, videoFrames } from "./browser.mjs";
import { leadThrough, selectedPair, startRelay } from "./relay.mjs";

/** The number of the guest's participant. */
export const participant = (page) => page.evaluate(() => window.stoa.state.participant);

/** Keeps what the guest is told about the slots in one.slots. */
function keepSlots(one, page) {
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => {
    const message = JSON.parse(payload);
    if (message.type === "slots") one.slots = message;
  }));
}

/** Fails unless the guest's media goes to its relay, and the relay counts it both ways. */
export async function assertThroughRelay({ name, page, relay }) {
  const { remotePort } = await selectedPair(page);
  assert.ok(relay.ports().includes(remotePort), `${name}'s media goes to the relay`);
  const before = await relay.stats();
  await until(async () => {
    const now = await relay.stats();
    return now.up.out > before.up.out + 20 && now.down.out > before.down.out + 20;
  }, `the relay counts ${name}'s media`);
}

/** Waits for new pictures at everybody; returns after how many ms the slowest had ten. */
export async function framesGoOn(all, ms) {
  const began = Date.now();
  await Promise.all(all.map(async (g) => {
    const frames = await videoFrames(g.page);
    const more = async () => await videoFrames(g.page) > frames + 10;
    await until(more, `${g.name}'s frames go on`, ms);
  }));
  return Date.now() - began;
}

export function newMeeting(site, callId) {
  let guests = [];

  /** Options: knobs of the relay from the start on, strip as for leadThrough(). */
  async function guest(name, seed, { knobs = "clear", strip = "" } = {}) {
    const one = { name, relay: await startRelay({ seed }), browser: null, page: null, slots: null };
    guests.push(one);
    await one.relay.set("both", knobs);
    one.browser = await launch();
    one.page = await openGuest(one.browser, site.url, { ignoreHTTPSErrors: true }, async (own) => {
      await leadThrough(own, one.relay, { strip });
      own.on("page", (page) => keepSlots(one, page));
    });
    await joinAs(one.page, { name, callId });
    return one;
  }

  /** Ada and Ben, who see and hear each other. */
  async function pair(options) {
    const both = [await guest("Ada", 11, options), await guest("Ben", 12, options)];
    for (const g of both) {
      await until(async () => await videoFrames(g.page) > 20, `${g.name} decodes pictures`, 30000);
      await until(async () => await audioEnergy(g.page) > 0, `${g.name} hears something`);
      await assertThroughRelay(g);
    }
    return both;
  }

  async function end() {
    const all = guests;
    guests = [];
    for (const g of all) if (g.page !== null) await leave(g.page);
    await Promise.all(all.map((g) => g.browser?.close()));
    for (const g of all) assert.equal(await g.relay.stop(), 0);
  }

  return { guest, pair, end };
}
