// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { levelOf, QualityMeter, type Level, type Sample } from "../src/media/quality";

const ZERO: Sample = {
  received: 0,
  lost: 0,
  bytesIn: 0,
  bytesOut: 0,
  lossOut: 0,
  rttMs: 20,
  paused: false,
  limited: false,
  connected: true,
};

/** 100 packets and 125 kB a second; `second` changes what is seen then. */
function levels(seconds: number, second: (s: number) => Partial<Sample>): Level[] {
  const meter = new QualityMeter();
  let lost = 0;
  return Array.from({ length: seconds }, (_, s) => {
    const change = second(s);
    lost += change.lost ?? 0;
    const sums = { received: s * 100 - lost, bytesIn: s * 125_000, bytesOut: s * 12_500 };
    return meter.add({ ...ZERO, ...sums, ...change, lost }, s * 1000).level;
  });
}

test("levels follow loss both ways, delay and pauses", () => {
  const fine = { lossIn: 0, lossOut: 0, rttMs: 30, inBps: 0, outBps: 0 };
  assert.equal(levelOf(fine, false), 3);
  assert.equal(levelOf(fine, true), 2);
  assert.equal(levelOf({ ...fine, lossIn: 0.04 }, false), 2);
  assert.equal(levelOf({ ...fine, lossOut: 0.2 }, false), 1);
  assert.equal(levelOf({ ...fine, rttMs: 300 }, false), 2);
  assert.equal(levelOf({ ...fine, rttMs: 900 }, false), 1);
});

test("it gets worse at once and better only after some quiet seconds", () => {
  const seen = levels(20, (s) => ({ lost: s >= 5 && s < 8 ? 40 : 0 }));
  assert.deepEqual(seen.slice(0, 5), [0, 3, 3, 3, 3]);
  assert.equal(seen[5], 1);
  assert.equal(seen[8], 1, "the first quiet second changes nothing");
  assert.equal(seen[19], 3);
});

test("a single lost packet changes nothing", () => {
  assert.deepEqual(new Set(levels(10, (s) => ({ lost: s === 5 ? 1 : 0 })).slice(1)), new Set([3]));
});

test("a sender's slow beginning is not a bad connection; a lasting limit is", () => {
  const seen = levels(30, () => ({ limited: true }));
  assert.equal(seen[8], 3);
  assert.equal(seen[29], 2);
});

test("no connection has no quality, and counters that start anew give no negative rates", () => {
  const meter = new QualityMeter();
  meter.add({ ...ZERO, bytesIn: 5000 }, 0);
  assert.equal(meter.add({ ...ZERO, bytesIn: 10_000 }, 1000).inBps, 40_000);
  assert.equal(meter.add({ ...ZERO, bytesIn: 10 }, 2000).inBps, 0);
  assert.equal(meter.add({ ...ZERO, connected: false }, 3000).level, 0);
});
