// SPDX-License-Identifier: Apache-2.0
// Somebody guesses passcodes, 50 a second from one address, while others log in from theirs: the guesser
// learns nothing from answers or their times, and the room is open for everybody else.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { openSocket } from "./lib/ws.mjs";
import { startSite } from "./lib/site.mjs";

const GUESSES_PER_S = 50;
const SOCKETS = 5; // one WebSocket may send 20 messages a second
const ROOM = { callId: "100102", passcode: "4321" };
const WRONG = { callId: "100102", passcode: "0000" };
const NO_ROOM = { callId: "999999", passcode: "0000" };
const STEP_MS = 2000; // answers to a slowed address leave one per step
let site;

const sleep = (ms) => new Promise((done) => setTimeout(done, Math.max(0, ms)));

/** Guesses for a while, the two kinds in turn; returns the answers with their kind. */
async function guess(from, seconds, kinds) {
  const sockets = await Promise.all(Array.from({ length: SOCKETS }, () => openSocket(site.base, from)));
  const began = performance.now();
  const asked = [];
  for (let i = 0; i < seconds * GUESSES_PER_S; i++) {
    await sleep(began + (i * 1000) / GUESSES_PER_S - performance.now());
    const kind = kinds[i % kinds.length];
    asked.push(sockets[i % SOCKETS].request("login", kind).then((answer) => ({ kind, ...answer })));
  }
  const answers = await Promise.all(asked);
  sockets.forEach((s) => s.close());
  return { answers, seconds: (performance.now() - began) / 1000 };
}

const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];

/**
 * How many standard deviations the rank sum of `a` among `a` and `b` is away from chance (Mann-Whitney):
 * below 4 nobody can tell the two apart. Ranks do not care for the few that a busy machine held up.
 */
function rankDistance(a, b) {
  const all = [...a.map((ms) => [ms, 1]), ...b.map((ms) => [ms, 0])].sort((x, y) => x[0] - y[0]);
  const sum = all.reduce((s, [, mine], rank) => s + mine * (rank + 1), 0);
  const mean = (a.length * (a.length + b.length + 1)) / 2;
  return Math.abs(sum - mean) / Math.sqrt((mean * b.length) / 6);
}

before(async () => {
  site = await startSite();
});

after(async () => {
  if (site) assert.equal(await site.stop(), 0);
});

test("50 guesses a second from one address slow that address alone", async () => {
  let guessing = true;
  const others = [];
  const logins = (async () => {
    while (guessing) {
      const socket = await openSocket(site.base, "127.0.0.2");
      others.push(await socket.request("login", ROOM));
      socket.close();
      await sleep(200);
    }
  })();
  const { answers, seconds } = await guess("127.0.0.3", 8, [WRONG, NO_ROOM]);
  // The right passcode among the wrong ones opens no faster: this address has to wait its turn.
  const late = await openSocket(site.base, "127.0.0.3");
  const right = await Promise.all(Array.from({ length: 6 }, () => late.request("login", ROOM)));
  late.close();
  guessing = false;
  await logins;

  const told = answers.filter((a) => a.code === "DENIED").length;
  assert.ok(told >= 10, `${told} guesses were answered`);
  assert.ok(told <= 10 + seconds * 1000 / STEP_MS + 1, `${told} guesses were answered in ${seconds} s`);
  for (const a of answers) {
    assert.ok(["DENIED", "UNAVAILABLE"].includes(a.code), a.code);
    if (a.code === "UNAVAILABLE") assert.match(a.message, /^Too many wrong tries from your network/);
  }
  assert.ok(right.filter((a) => a.code === "UNAVAILABLE").length >= 4, "the right passcode waits as well");
  assert.ok(others.length > 10);
  for (const a of others) {
    assert.equal(a.type, "reply", a.message);
    assert.ok(a.ms < STEP_MS, `another address waited ${a.ms} ms`);
  }
});

test("a wrong call ID and a wrong passcode are told apart by nothing", async (t) => {
  await site.stoa("config", "set", "settings", "guestPasscodeTries=1000");
  const { answers } = await guess("127.0.0.4", 10, [WRONG, NO_ROOM]);
  await site.stoa("config", "set", "settings", "guestPasscodeTries=10");
  const times = (kind) => answers.filter((a) => a.kind === kind).map((a) => a.ms);
  const [room, none] = [times(WRONG), times(NO_ROOM)];
  assert.equal(room.length, 250);
  assert.equal(none.length, 250);
  for (const { code, message, retry } of answers) {
    assert.deepEqual({ code, message, retry }, {
      code: "DENIED", message: "The call ID or passcode is not right.", retry: false,
    });
  }
  const distance = rankDistance(room, none);
  t.diagnostic(`medians ${median(room).toFixed(2)} and ${median(none).toFixed(2)} ms, rank distance ${distance.toFixed(2)}`);
  assert.ok(Math.min(...room, ...none) >= 249, "no answer comes before its time");
  assert.ok(distance < 4, `rank distance ${distance}`);
});
