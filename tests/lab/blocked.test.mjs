// SPDX-License-Identifier: Apache-2.0
// Guests outside whose network lets little through. Started by blocked.sh.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { timings } from "../e2e/lib/browser.mjs";
import { end } from "../e2e/lib/kill.mjs";
import { count, enter, goHome, guest, lab, pair, receives } from "./lib/lab.mjs";

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
