// SPDX-License-Identifier: Apache-2.0
// One hop or two: how media of a guest outside comes to the callbridge's relay, and what `stoa doctor` says of it.
// client1 has a router at home, as most have: the address that the edge sees is a public one. Started by doctor.sh.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { until } from "../e2e/lib/browser.mjs";
import { count, enter, goHome, guest, lab, LONG_MS, pair, receives } from "./lib/lab.mjs";

let faults = [];

afterEach(async () => {
  await goHome();
  for (const fault of faults.splice(0)) await lab("fault", fault, "off");
});

/** Ada outside and Ben inside, with these faults of the network from the start on; resolves to Ada. */
async function meet(...names) {
  for (const name of names) {
    await lab("fault", name, "on");
    faults.push(name);
  }
  const ada = await guest("client1", { name: "Ada" });
  await enter(ada, "100101");
  const ben = await guest("desk", { name: "Ben" });
  await enter(ben, "100101");
  await Promise.all([receives(ada), receives(ben)]);
  return ada;
}

/** The doctor says this of media, and that nothing is wrong with it. */
const says = (words) => until(async () => words.test(await lab("stoa", "doctor", "--all", "TRN-10")),
  `the doctor says ${words}`, LONG_MS);

test("the media range open: from the guest's own address in one hop", async () => {
  const before = await count("fw-out", "relay_in");
  const ada = await meet("home");
  await until(async () => !(await pair(ada)).local.startsWith("relay "), "Ada's own address is used", LONG_MS);
  assert.equal((await pair(ada)).remote, "relay 10.88.246.156");
  await until(async () => await count("fw-out", "relay_in") > before + 100, "media passes the outer firewall", LONG_MS);
  assert.equal(await count("fw-in", "out_in_started"), 0);
  await says(/UT Zone: Media .* own address: 1, through .*: 0\.$/m);
});

test("and closed, in two, which is said and no fault", async () => {
  const ada = await meet("home", "range");
  assert.ok(Number(await lab("fault_hits", "range")) > 0, "the browser has tried its own address");
  const { local, remote } = await pair(ada);
  assert.deepEqual([local, remote], ["relay 10.88.246.156", "relay 10.88.246.156"]);
  await says(/UT Zone: Media .* own address: 0, through .*: 1\. None reaches the media range/);
});
