// SPDX-License-Identifier: Apache-2.0
// The guide's meeting: two guests outside, one inside, one name. Started by call.sh.
import assert from "node:assert/strict";
import { after, test } from "node:test";

import { count, enter, goHome, guest, pair, receives, shoot } from "./lib/lab.mjs";

// Of the guide's inside. 192.168.245 is the edge's own, of which nobody outside need know, either.
const INSIDE = /.{0,60}(172\.16\.85\.|192\.168\.245\.).{0,20}/;

after(goHome);

test("client1, client2 and a PC inside meet; nothing starts from the edge, nothing tells of the inside", async () => {
  // One after the other: three that start at a time keep each other waiting.
  const ada = await guest("client1", { name: "Ada" });
  await enter(ada, "100101");
  const ben = await guest("desk", { name: "Ben" });
  await enter(ben, "100101");
  const cleo = await guest("client2", { name: "Cleo" });
  await enter(cleo, "100101");
  await Promise.all([ada, ben, cleo].map((one) => receives(one)));
  for (const one of [ada, ben, cleo]) await shoot(one, `call-${one.host}`);

  for (const one of [ada, cleo]) {
    const p = await pair(one);
    assert.equal(p.local, "relay 10.88.246.156", one.name);
    assert.equal(p.remote, "relay 10.88.246.156", one.name);
  }
  const inside = await pair(ben);
  assert.match(inside.remote, /^host 172\.16\.85\.180$/);
  assert.doesNotMatch(inside.local, /^relay/);

  for (const one of [ada, cleo]) {
    assert.ok(one.told.some((t) => t.where === "socket" && /candidate/.test(t.text)), "candidates are among what is told");
    const leaks = one.told.flatMap((t) => INSIDE.exec(t.text)?.[0] ?? []);
    assert.deepEqual([...new Set(leaks)], [], `${one.name} is told of the inside`);
  }
  assert.ok(ben.told.some((t) => INSIDE.test(t.text)), "a guest inside is told, so the search finds what there is");

  assert.equal(await count("fw-in", "out_in_started"), 0);
  // By UDP or TCP: without a network between them one is as good as the other.
  assert.ok(await count("fw-out", "turn_udp") + await count("fw-out", "turn_tcp") > 200, "media came through 3478");
  // From relay to relay it stays in the server. (relay_in has the browsers' checks from their own addresses, which get
  // no answer.)
  for (const counter of ["relay_out", "hairpin_denied", "out_denied"]) {
    assert.equal(await count("fw-out", counter), 0, counter);
  }
});
