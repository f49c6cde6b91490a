// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Link } from "../src/wire/link";
import { FakePlatform } from "./fakes";

function setup() {
  const platform = new FakePlatform();
  const log: string[] = [];
  const link = new Link(platform, {
    onUp: () => log.push("up"),
    onDown: () => log.push("down"),
    onMessage: (m) => log.push(String(m["type"])),
  });
  return { platform, log, link };
}

test("a lost socket is opened again at once", async () => {
  const { platform, log, link } = setup();
  link.start();
  platform.socket.accept();
  platform.socket.fail();
  await platform.pass(0);
  assert.equal(platform.sockets.length, 2);
  platform.socket.accept();
  assert.deepEqual(log, ["up", "welcome", "down", "up", "welcome"]);
});

test("tries are 0, 0.5, 1, 2, 4, 5, 5 seconds apart", async () => {
  const { platform, link } = setup();
  link.start();
  for (let i = 0; i < 8; i++) {
    platform.socket.fail();
    await platform.pass([0, 500, 1000, 2000, 4000, 5000, 5000, 5000][i]!);
  }
  const gaps = platform.sockets.slice(1).map((s, i) => s.openedAt - platform.sockets[i]!.openedAt);
  assert.deepEqual(gaps, [0, 500, 1000, 2000, 4000, 5000, 5000, 5000]);
});

test("a socket that opens and is closed without a word does not reset the delay", async () => {
  const { platform, link } = setup();
  link.start();
  for (let i = 0; i < 3; i++) {
    platform.socket.events.onOpen();
    platform.socket.fail();
    await platform.pass([0, 500, 1000][i]!);
  }
  assert.equal(platform.sockets.length, 4);
});

test("a socket that never opens is given up after five seconds", async () => {
  const { platform, log, link } = setup();
  link.start();
  await platform.pass(5000);
  assert.equal(platform.sockets[0]!.closed, true);
  assert.equal(platform.sockets.length, 2);
  platform.sockets[0]!.events.onOpen(); // too late: nobody listens
  assert.deepEqual(log, []);
});

test("renew leaves the old socket and its late words behind", () => {
  const { platform, log, link } = setup();
  link.start();
  platform.socket.accept();
  const old = platform.socket;
  link.renew();
  old.say({ type: "slots" });
  old.fail();
  assert.equal(old.closed, true);
  assert.equal(platform.sockets.length, 2);
  assert.deepEqual(log, ["up", "welcome", "down"]);
});

test("stop closes and opens nothing more", async () => {
  const { platform, link } = setup();
  link.start();
  platform.socket.accept();
  link.stop();
  await platform.pass(60000);
  assert.equal(platform.sockets.length, 1);
  assert.equal(platform.pendingTimers, 0);
});

test("text that is no JSON object with a type is passed over", () => {
  const { platform, log, link } = setup();
  link.start();
  platform.socket.events.onOpen();
  for (const text of ["", "{", "[]", "null", "7", '{"type":3}', "{}"]) {
    platform.socket.events.onText(text);
  }
  assert.deepEqual(log, ["up"]);
});

test("nothing can be sent while the socket is closed", () => {
  const { platform, link } = setup();
  link.start();
  assert.equal(link.send({ type: "x" }), false);
  platform.socket.accept();
  assert.equal(link.send({ type: "x" }), true);
  platform.socket.fail();
  assert.equal(link.send({ type: "x" }), false);
});
