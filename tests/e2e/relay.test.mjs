// SPDX-License-Identifier: Apache-2.0
// The relay for bad links itself, between two plain sockets: what the link tests stand on.
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";

import { until } from "./lib/browser.mjs";
import { startRelay } from "./lib/relay.mjs";

let sockets = [];
let relay;

/** A bound socket that keeps what arrives. */
async function socket() {
  const s = createSocket("udp4");
  s.got = [];
  s.on("message", (data, from) => s.got.push({ text: String(data), port: from.port }));
  s.bind(0, "127.0.0.1");
  await once(s, "listening");
  sockets.push(s);
  return s;
}

/** A target, a client, and the relay's port between them. */
async function path() {
  const target = await socket();
  const client = await socket();
  const port = await relay.open(`127.0.0.1:${target.address().port}`);
  return { target, client, port };
}

const texts = (s) => s.got.map((g) => g.text);

beforeEach(async () => {
  relay = await startRelay({ seed: 3 });
});

afterEach(async () => {
  for (const s of sockets) s.close();
  sockets = [];
  assert.equal(await relay.stop(), 0);
});

test("datagrams go to the target and back, and clients are told apart by their ports", async () => {
  const { target, client, port } = await path();
  const other = await socket();
  client.send("a", port, "127.0.0.1");
  other.send("b", port, "127.0.0.1");
  await until(() => target.got.length === 2, "both arrive");
  const [a, b] = ["a", "b"].map((text) => target.got.find((g) => g.text === text).port);
  assert.notEqual(a, b);
  assert.ok(![a, b].includes(port));
  target.send("to a", a, "127.0.0.1");
  target.send("to b", b, "127.0.0.1");
  await until(() => client.got.length === 1 && other.got.length === 1, "both answers arrive");
  assert.deepEqual([client.got, other.got], [[{ text: "to a", port }], [{ text: "to b", port }]]);
  const { up, down, clients } = await relay.stats();
  assert.deepEqual([up.in, up.out, down.in, down.out, clients], [2, 2, 2, 2, 2]);
});

test("knobs turn each direction on its own, for running and for coming clients", async () => {
  const { target, client, port } = await path();
  client.send("first", port, "127.0.0.1");
  await until(() => target.got.length === 1, "the first arrives");
  await relay.set("up", "loss=1");
  const late = await socket();
  client.send("lost", port, "127.0.0.1");
  late.send("lost too", port, "127.0.0.1");
  await until(async () => (await relay.stats()).up.lost === 2, "both are lost");
  target.send("down", target.got[0].port, "127.0.0.1");
  await until(() => client.got.length === 1, "the other direction is whole");
  await relay.set("up", "clear");
  client.send("again", port, "127.0.0.1");
  await until(() => target.got.length === 2, "the link is whole again");
  assert.deepEqual(texts(target), ["first", "again"]);
});

test("a delay delays and keeps the order", async () => {
  const { target, client, port } = await path();
  await relay.set("both", "delay=80 jitter=20");
  const began = performance.now();
  for (let i = 0; i < 50; i++) client.send(String(i), port, "127.0.0.1");
  await until(() => target.got.length === 50, "all arrive");
  assert.ok(performance.now() - began >= 80);
  assert.deepEqual(texts(target), Array.from({ length: 50 }, (_, i) => String(i)));
});

test("a client may change its port in mid-flow, and a port may go dead", async () => {
  const { target, client, port } = await path();
  client.send("before", port, "127.0.0.1");
  await until(() => target.got.length === 1, "the first arrives");
  await relay.rebind();
  client.send("after", port, "127.0.0.1");
  await until(() => target.got.length === 2, "the second arrives");
  assert.notEqual(target.got[0].port, target.got[1].port);
  target.send("to nobody", target.got[0].port, "127.0.0.1");
  target.send("to the client", target.got[1].port, "127.0.0.1");
  await until(() => client.got.length === 1, "the answer to the new port arrives");
  assert.deepEqual(texts(client), ["to the client"]);
  await relay.move();
  assert.deepEqual(relay.ports(), []);
  const { up } = await relay.stats();
  assert.deepEqual([up.in, up.out], [2, 2]); // what a closed port counted is kept
});

test("what is no command is refused", async () => {
  for (const line of ["", "dance", "open nowhere", "shut 1", "up speed=3", "both loss=2"]) {
    await assert.rejects(relay.command(line), /error/);
  }
  assert.deepEqual((await relay.stats()).clients, 0);
});
