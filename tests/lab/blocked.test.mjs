// SPDX-License-Identifier: Apache-2.0
// Guests outside whose network lets little through. Started by blocked.sh.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { timings, until } from "../e2e/lib/browser.mjs";
import { end } from "../e2e/lib/kill.mjs";
import { growth, received, selectedPair, startRelay } from "../e2e/lib/relay.mjs";
import { LONG_MS, ON, count, enter, goHome, guest, lab, pair, receives } from "./lib/lab.mjs";

const edge = { stoa: (...words) => lab("stoa_edge", ...words) };
let fault = "";
let met = [];

afterEach(async () => {
  await goHome();
  if (fault !== "") await lab("fault", fault, "off");
  fault = "";
});

/** Ada outside and Ben inside, with this fault of the network from the start on; resolves to Ada's pair. */
async function meet(name) {
  await lab("fault", name, "on");
  fault = name;
  const ada = await guest("client1", { name: "Ada" });
  await enter(ada, "100101");
  const ben = await guest("desk", { name: "Ben" });
  await enter(ben, "100101");
  met = [ada, ben];
  await Promise.all(met.map((one) => receives(one)));
  console.log(`# ${name}: ms after the click: ${JSON.stringify(await timings(ada.page))}`);
  const p = await pair(ada);
  // The relay itself is UDP; relayProtocol is how the browser reaches it.
  assert.equal(p.local, "relay 10.88.246.156");
  assert.equal(p.remote, "relay 10.88.246.156");
  assert.equal(await count("fw-in", "out_in_started"), 0);
  assert.equal(await count("fw-out", "relay_out"), 0);
  return p;
}

test("UDP 3478 blocked: media over TCP 3478", async () => {
  const p = await meet("udp-turn");
  assert.ok(Number(await lab("fault_hits", "udp-turn")) > 0, "the browser has tried UDP");
  assert.equal(p.relayProtocol, "tcp");
  assert.ok(await count("fw-out", "turn_tcp") > 100);
});

test("only TCP 443 open: media over TLS on 443", async () => {
  const p = await meet("only-443");
  assert.ok(Number(await lab("fault_hits", "only-443")) > 0, "the browser has tried the others");
  assert.equal(p.relayProtocol, "tls");
  assert.match(p.url, /^turns:cmsweb\.octavio\.com:443/);

  // All that Ada has goes through expe: it comes back by itself.
  const dead = await end(edge, "expe");
  await Promise.all(met.map((one) => receives(one)));
  console.log(`# media over 443 back ${Date.now() - dead.at} ms after the kill of expe`);
  assert.equal((await pair(met[0])).relayProtocol, "tls");
});

test("the media range closed: from relay to relay nothing needs it", async () => {
  await meet("range");
  assert.ok(Number(await lab("fault_hits", "range")) > 0, "the browser has tried its own address");
});

test("a line that loses 5 % both ways and takes 40 ms each: Ada sees, hears and is seen", async () => {
  const relay = await startRelay({ seed: 5, by: [ON, "inet"] });
  try {
    await relay.set("both", "loss=0.05 delay=40");
    await lab("bad_line", String(await relay.open("10.88.246.156:3478")));
    const ada = await guest("client1", { name: "Ada", transport: "udp" });
    await enter(ada, "100101");
    const ben = await guest("desk", { name: "Ben" });
    await enter(ben, "100101");
    await Promise.all([receives(ada), receives(ben)]);
    const since = await Promise.all([received(ada.page), received(ben.page)]);
    const grown = async () => [growth(since[0], await received(ada.page)), growth(since[1], await received(ben.page))];
    await until(async () => (await grown()).every((g) => g.frames > 150 && g.nacks > 0 && g.audioPackets > 300),
      async () => `both see and hear each other: ${JSON.stringify(await grown())}`, LONG_MS);
    const { rttMs } = await selectedPair(ada.page);
    assert.ok(rttMs >= 80, `the round trip takes ${rttMs} ms`);
    const { up, down } = await relay.stats();
    for (const way of [up, down]) assert.ok(way.lost > 0.01 * way.in && way.in > 500, JSON.stringify(way));
    console.log(`# lost ${up.lost} of ${up.in} and ${down.lost} of ${down.in}; ${JSON.stringify(await grown())}`);
  } finally {
    await relay.stop();
    await lab("bad_line", "off");
  }
});
