// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { causeOf, Watchdog, type Finding, type Sample } from "../src/media/watchdog";

/** Looks once a second; `samples` says what is seen in second n. */
function run(
  seconds: number,
  samples: (second: number) => Partial<Sample>,
  dog = new Watchdog(0),
  from = 0,
): [number, Finding][] {
  const found: [number, Finding][] = [];
  for (let s = from + 1; s <= from + seconds; s++) {
    const sample = { life: 0, decoded: false, frames: -1, ...samples(s) };
    for (const f of dog.look(sample, s * 1000)) found.push([s, f]);
  }
  return found;
}

test("no path: trouble within three seconds, the verdict after twelve, each once", () => {
  assert.deepEqual(
    run(40, () => ({})),
    [
      [3, "trouble"],
      [12, "verdict"],
    ],
  );
});

test("checks are answered but nothing ever comes: that is trouble too", () => {
  const found = run(13, (s) => ({ life: s }));
  assert.deepEqual(found, [
    [5, "trouble"],
    [12, "verdict"],
  ]);
});

test("media after the verdict still counts", () => {
  const found = run(20, (s) => (s < 15 ? {} : { life: s, decoded: true }));
  assert.deepEqual(found.at(-1), [15, "flow"]);
});

test("the callbridge's word is enough where nobody else sends anything", () => {
  const dog = new Watchdog(0);
  dog.connected();
  assert.deepEqual(
    run(30, (s) => ({ life: s }), dog),
    [[1, "flow"]],
  );
});

test("a path that dies is a stall every four seconds until it lives again", () => {
  const found = run(16, (s) => ({ decoded: true, life: s <= 3 ? s : s >= 14 ? s : 3 }));
  assert.deepEqual(found, [
    [1, "flow"],
    [7, "stall"],
    [11, "stall"],
    [14, "flow"],
  ]);
});

test("fewer bytes than before are another path, not a dead one", () => {
  const found = run(10, (s) => ({ decoded: true, life: 1000 - s }));
  assert.deepEqual(found, [[1, "flow"]]);
});

test("pictures that stop while the path lives are frozen, and thaw", () => {
  const found = run(20, (s) => ({ decoded: true, life: s, frames: s < 5 || s > 15 ? s : 5 }));
  assert.deepEqual(found, [
    [1, "flow"],
    [11, "frozen"],
    [16, "thawed"],
  ]);
});

test("where no picture is due nothing is frozen", () => {
  assert.deepEqual(
    run(30, (s) => ({ decoded: true, life: s, frames: -1 })),
    [[1, "flow"]],
  );
  const dog = new Watchdog(0);
  run(12, (s) => ({ decoded: true, life: s, frames: s === 1 ? 1 : 1 }), dog);
  const later = run(3, (s) => ({ decoded: true, life: s, frames: -1 }), dog, 12);
  assert.deepEqual(later, [[13, "thawed"]], "the last camera was switched off");
});

test("the cause is the most certain one", () => {
  const all = {
    offline: true,
    relayRefused: "401",
    candidates: 0,
    ice: "connected",
    connection: "connected",
  };
  assert.equal(causeOf(all), "offline");
  assert.equal(causeOf({ ...all, offline: false }), "relay");
  assert.equal(causeOf({ ...all, offline: false, relayRefused: "" }), "silent");
  const open = { ...all, offline: false, relayRefused: "", connection: "connecting" };
  assert.equal(causeOf(open), "noSecurity");
  assert.equal(causeOf({ ...open, ice: "new" }), "noPath");
  assert.equal(causeOf({ ...open, ice: "checking", candidates: 3 }), "blocked");
});
