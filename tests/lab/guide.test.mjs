// SPDX-License-Identifier: Apache-2.0
// The four cases of the guide's troubleshooting section, made on purpose: what the browser shows outside, and what
// the log says. Started by guide.sh.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { until } from "../e2e/lib/browser.mjs";
import { LONG_MS, enter, goHome, guest, lab, log, refusal, shoot } from "./lib/lab.mjs";

const join = (one) => one.page.getByRole("button", { name: "Join call", exact: true });
const faults = async (...words) => JSON.stringify(JSON.parse(await lab(...words)).map((d) => d.faults));

/** The site's log says something like this, written after `from` characters. */
const says = (site, pattern, from = 0) =>
  until(async () => pattern.test((await log(site)).slice(from)), `the log of the ${site} says ${pattern}`, LONG_MS);

afterEach(goHome);

test("the Join control is missing: the web bridge does not trust the callbridge", async () => {
  await lab("stoa", "mmp", "webbridge trust none");
  const ada = await guest("client1", { name: "Ada" });
  await ada.page.getByText("Joining is not possible at the moment.").first().waitFor({ timeout: LONG_MS });
  assert.equal(await join(ada).count(), 0);
  await shoot(ada, "guide-join-missing");
  await says("inside", /Web bridge connection to "cmsweb\.cms\.octavio\.local" failed/);
  assert.match(await faults("stoa", "status", "--json"), /Web bridge connection to/);
  await lab("stoa", "mmp", "webbridge trust callbridge.crt");
  await join(ada).waitFor({ timeout: LONG_MS });
});

test("Bad Request: the guest account client URI on expc is the internal name", async () => {
  const right = "guestAccountClientUri=https://cmsweb.octavio.com";
  await lab("stoa", "config", "set", "webProxy", "guestAccountClientUri=https://cmsweb.cms.octavio.local");
  const ada = await guest("client1", { name: "Ada" });
  await until(async () => {
    await ada.page.reload();
    return await ada.page.title() === "Bad Request";
  }, async () => `the page is "${await ada.page.title()}": ${await ada.page.innerText("body")}`, LONG_MS);
  const text = await ada.page.innerText("body");
  assert.match(text, /cmsweb\.octavio\.com/);
  assert.doesNotMatch(text, /octavio\.local/);
  await shoot(ada, "guide-bad-request");
  await says("edge", /asked for "cmsweb\.octavio\.com", configured on expc cmsweb\.cms\.octavio\.local/);
  await lab("stoa", "config", "set", "webProxy", right);
  await until(async () => {
    await ada.page.reload();
    return await join(ada).count() > 0;
  }, "the page comes again", LONG_MS);
});

for (const [kind, error] of [["no-san", "net::ERR_CERT_COMMON_NAME_INVALID"],
  ["self-signed", "net::ERR_CERT_AUTHORITY_INVALID"], ["expiring", "net::ERR_CERT_DATE_INVALID"]]) {
  test(`insecure connection: the edge's certificate is ${kind}`, async () => {
    await lab("serve_certificate", kind);
    let shown;
    await until(async () => {
      shown = await refusal("client1");
      await goHome();
      return shown !== "" || kind !== "expiring";
    }, "the certificate has expired", LONG_MS);
    assert.equal(shown, error);
    await lab("serve_certificate", "right");
    assert.equal(await refusal("client1"), "");
  });
}

test("never connected: the TURN password is wrong", async () => {
  const from = (await log("inside")).length;
  await lab("stoa", "config", "set", "turnServer", "172.16.85.168", "password=wrong");
  await until(async () => /unauthorized/.test(await faults("stoa", "status", "--json")),
    "the fault is there before any guest", LONG_MS);
  const ada = await guest("client1", { name: "Ada" });
  await enter(ada, "100101");
  await ada.page.getByText("The relay server refused the connection").waitFor({ timeout: LONG_MS });
  await shoot(ada, "guide-turn-password");
  await says("inside", /call \d+: ICE failure.*unauthorized/, from);
  await lab("stoa", "config", "set", "turnServer", "172.16.85.168", "password=cisco");
});
