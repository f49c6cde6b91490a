// SPDX-License-Identifier: Apache-2.0
// The small judges: what is encoded, a silent microphone, a slept-through clock, gathered news.
import assert from "node:assert/strict";
import { test } from "node:test";
import { GATHER_MS, Gatherer, type Told } from "../src/app/gather";
import { JUMP_MS, SleepClock } from "../src/app/sleep";
import { encodingFor } from "../src/media/encoding";
import { SILENT_AFTER_MS, SilenceJudge } from "../src/media/silence";
import { FakePlatform } from "./fakes";

test("no more is encoded than the largest size somebody looks at", () => {
  assert.deepEqual(encodingFor(720, Infinity, 30), {
    scaleResolutionDownBy: 1,
    maxBitrate: 1_700_000,
    maxFramerate: 30,
  });
  assert.deepEqual(encodingFor(720, 180, 30), {
    scaleResolutionDownBy: 4,
    maxBitrate: 200_000,
    maxFramerate: 30,
  });
  assert.deepEqual(encodingFor(720, 0, 30), {
    scaleResolutionDownBy: 8,
    maxBitrate: 60_000,
    maxFramerate: 5,
  });
  assert.equal(encodingFor(720, 181, 30).scaleResolutionDownBy, 2, "the next step up");
  assert.equal(encodingFor(480, 1080, 30).scaleResolutionDownBy, 1, "never enlarged");
  assert.equal(encodingFor(480, 1080, 30).maxBitrate, 1_000_000);
  assert.equal(encodingFor(2160, Infinity, 15).maxBitrate, 4_000_000);
  assert.equal(encodingFor(1080, 2000, 15).maxBitrate, 2_500_000);
});

test("a window that is being resized does not restart the encoder", () => {
  const seen = new Set<number>();
  for (let h = 200; h <= 350; h++) seen.add(encodingFor(720, h, 30).scaleResolutionDownBy);
  assert.equal(seen.size, 1);
});

test("a microphone that delivers zeros is silent, a quiet room is not", () => {
  const dead = new SilenceJudge();
  for (let t = 0; t < SILENT_AFTER_MS; t += 250) assert.equal(dead.add(0, t), false);
  assert.equal(dead.add(0, SILENT_AFTER_MS), true);
  assert.equal(dead.add(0.0005, SILENT_AFTER_MS + 250), true, "a click is no proof");
  assert.equal(dead.add(0.02, SILENT_AFTER_MS + 500), false);
  const quiet = new SilenceJudge();
  for (let t = 0; t < 5 * SILENT_AFTER_MS; t += 250) assert.equal(quiet.add(0.0004, t), false);
  quiet.add(0, 5 * SILENT_AFTER_MS);
  quiet.pause();
  assert.equal(quiet.add(0, 9 * SILENT_AFTER_MS), false, "counted from the end of the mute");
});

test("a clock that jumps is a sleep, one that is late is not", () => {
  const clock = new SleepClock(0);
  assert.equal(clock.tick(1000), 0);
  assert.equal(clock.tick(1000 + JUMP_MS - 1), 0);
  assert.equal(clock.tick(3_600_000), 3_600_000 - JUMP_MS - 999);
  assert.equal(clock.tick(3_601_000), 0);
  assert.equal(clock.tick(1000), 0, "set back by hand");
});

async function gathered(add: (g: Gatherer) => void): Promise<Told[]> {
  const platform = new FakePlatform();
  const told: Told[] = [];
  const gatherer = new Gatherer(
    (ms, fn) => platform.after(ms, fn),
    (t) => told.push(t),
  );
  add(gatherer);
  assert.deepEqual(told, [], "nothing before its time");
  await platform.pass(GATHER_MS);
  return told;
}

test("many joins at once are one sentence, few are named", async () => {
  const two = await gathered((g) => {
    g.add("joined", "Ada");
    g.add("joined", "Emmy");
    g.add("left", "Hypatia");
  });
  assert.deepEqual(
    two.map((t) => `${t.kind} ${t.names.join()}`),
    ["joined Ada", "joined Emmy", "left Hypatia"],
  );
  const many = await gathered((g) => {
    for (let i = 0; i < 12; i++) g.add("joined", `Guest ${i % 3}`);
  });
  assert.deepEqual(many, [{ kind: "joined", names: [], count: 12 }]);
});

test("who is back within a moment is not worth a word", async () => {
  const told = await gathered((g) => {
    g.add("left", "Ada");
    g.add("joined", "Ada");
  });
  assert.deepEqual(told, []);
});
