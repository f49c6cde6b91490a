// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  columns,
  featuredOf,
  GAP,
  RATIO,
  shapeOf,
  tileWidth,
  type Scene,
} from "../src/view/layout";

const SCENE: Scene = { layout: "auto", others: 3, screen: false, pinned: false, width: 1280 };

test("tiles always fit, and use the space", () => {
  for (const box of [
    { width: 1240, height: 640 },
    { width: 1900, height: 900 },
    { width: 344, height: 600 },
  ]) {
    for (let n = 1; n <= 10; n++) {
      const width = tileWidth(n, box);
      const c = columns(n, box);
      const rows = Math.ceil(n / c);
      assert.ok(c * width + (c - 1) * GAP <= box.width, `${n} in ${box.width}: too wide`);
      const height = rows * (width / RATIO) + (rows - 1) * GAP;
      const scrolls = width <= 172; // as small as tiles get
      assert.ok(height <= box.height + 1 || scrolls, `${n} in ${box.width}: too high`);
    }
  }
  assert.equal(columns(2, { width: 1240, height: 640 }), 2);
  assert.equal(columns(2, { width: 344, height: 600 }), 1);
  assert.equal(columns(4, { width: 1240, height: 640 }), 2);
});

test("the automatic layout is what people expect", () => {
  const shape = (s: Partial<Scene>): string => shapeOf({ ...SCENE, ...s });
  assert.equal(shape({ others: 0 }), "grid");
  assert.equal(shape({ others: 1 }), "pair");
  assert.equal(shape({}), "grid");
  assert.equal(shape({ others: 9 }), "grid");
  assert.equal(shape({ others: 10 }), "speaker");
  assert.equal(shape({ others: 5, width: 360 }), "speaker");
  assert.equal(shape({ pinned: true }), "speaker");
  assert.equal(shape({ screen: true, others: 20 }), "grid");
});

test("what the guest chose holds, and a pin beats it", () => {
  const shape = (s: Partial<Scene>): string => shapeOf({ ...SCENE, ...s });
  assert.equal(shape({ layout: "grid", others: 1 }), "grid");
  assert.equal(shape({ layout: "grid", others: 30 }), "grid");
  assert.equal(shape({ layout: "speaker" }), "speaker");
  assert.equal(shape({ layout: "grid", pinned: true }), "speaker");
});

test("large is who is pinned, speaks, spoke, or has a picture", () => {
  const others = [
    { participant: 4, picture: false },
    { participant: 5, picture: true },
    { participant: 6, picture: true },
  ];
  assert.equal(featuredOf(others, 6, 5, 4), 6);
  assert.equal(featuredOf(others, 0, 5, 4), 5);
  assert.equal(featuredOf(others, 0, 1, 4), 4, "the speaker is ourselves");
  assert.equal(featuredOf(others, 9, 9, 9), 5, "all of them have left");
  assert.equal(featuredOf([], 0, 0, 0), 0);
});
