// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { VIEW_PERIOD_MS, ViewSender, type View } from "../src/wire/view";
import { FakePlatform } from "./fakes";

function setup() {
  const platform = new FakePlatform();
  const sent: { at: number; height: number }[] = [];
  const state = { up: true };
  const sender = new ViewSender(platform, (v) => {
    if (state.up) sent.push({ at: platform.time, height: v.heights[0] ?? 0 });
    return state.up;
  });
  return { platform, sent, sender, state };
}

const view = (height: number): View => ({ heights: [height], screenHeight: 0, pinned: 0 });

test("a burst is sent at most every 250 ms, and its end is never lost", async () => {
  const { platform, sent, sender } = setup();
  for (let h = 1; h <= 100; h++) {
    sender.show(view(h));
    await platform.pass(10);
  }
  await platform.pass(VIEW_PERIOD_MS);
  assert.ok(sent.length <= 6, `${sent.length} in a second`);
  for (let i = 1; i < sent.length; i++)
    assert.ok(sent[i]!.at - sent[i - 1]!.at >= VIEW_PERIOD_MS);
  assert.equal(sent.at(-1)?.height, 100);
});

test("what is known already is not sent again", async () => {
  const { platform, sent, sender } = setup();
  sender.show(view(5));
  await platform.pass(1000);
  sender.show(view(5));
  sender.show(view(6));
  sender.show(view(5));
  await platform.pass(1000);
  assert.equal(sent.length, 1);
  assert.equal(platform.pendingTimers, 0);
});

test("after a resume it is sent once more, and what was lost meanwhile too", async () => {
  const { platform, sent, sender, state } = setup();
  sender.show(view(5));
  await platform.pass(1000);
  sender.repeat();
  await platform.pass(1000);
  state.up = false;
  sender.show(view(7));
  await platform.pass(1000);
  state.up = true;
  sender.repeat();
  await platform.pass(1000);
  assert.deepEqual(
    sent.map((s) => s.height),
    [5, 5, 7],
  );
});
