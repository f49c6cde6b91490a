// SPDX-License-Identifier: Apache-2.0
// A guest outside meets one inside, with both sites on this machine: the page comes through expe and expc,
// the media through turn. The network with real firewalls is tests/lab's.
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import {
  audioEnergy, joinAs, newBrowsers, openGuest, pairTypes, tileNames, until, videoFrames,
} from "./lib/browser.mjs";
import { end, successor } from "./lib/kill.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const own = { ignoreHTTPSErrors: true }; // certificates are not the subject here
let site;
const browsers = newBrowsers();

/** Keeps all that the page's WebSockets hear in window.heard. */
const listen = (context) => context.addInitScript(() => {
  window.heard = [];
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", (e) => window.heard.push(e.data));
    }
  };
});

async function guest(url) {
  return openGuest(await browsers.take(), url, own, listen);
}

async function assertReceives(page, who) {
  const frames = await videoFrames(page);
  const energy = await audioEnergy(page);
  await until(async () => await videoFrames(page) > frames + 10, `${who} decodes pictures`, 30000);
  await until(async () => await audioEnergy(page) > energy, `${who} hears something`);
}

/** Ada inside and Ben outside see and hear each other. */
async function meeting() {
  const [ada, ben] = await Promise.all([guest(site.url), guest(site.edgeUrl)]);
  await joinAs(ada, { name: "Ada", callId: "100101" });
  await joinAs(ben, { name: "Ben", callId: "100101" });
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(ben, "Ben")]);
  return { ada, ben };
}

/** Signalling goes both ways: each page hears of what the other does. */
async function assertSignalling({ ada, ben }) {
  for (const [page, other, name] of [[ada, ben, "Ada"], [ben, ada, "Ben"]]) {
    await page.getByRole("button", { name: "Mute", exact: true }).click();
    const mark = other.getByRole("listitem", { name: new RegExp(`^${name}`) }).getByRole("img", { name: "Muted" });
    await mark.waitFor({ timeout: 30000 });
    await page.getByRole("button", { name: "Unmute", exact: true }).click();
    await mark.waitFor({ state: "detached", timeout: 30000 });
  }
}

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite();
});

afterEach(() => browsers.free());

after(async () => {
  await browsers.close();
  if (site) assert.equal(await site.stop(), 0);
});

test("a guest outside and one inside see and hear each other; outside has relays alone", async () => {
  const m = await meeting();
  assert.match(await pairTypes(m.ben), /^relay\/relay /);
  assert.doesNotMatch(await pairTypes(m.ada), /relay/);
  await until(async () => (await tileNames(m.ben)).some((n) => n.startsWith("Ada")), "Ben sees Ada's tile");
  await m.ben.screenshot({ path: `${shots}outside.png` });
  await assertSignalling(m);
  const calls = await site.stoa("calls");
  assert.match(calls, /^ .* Ben .* outside \(UT Zone\)/m);
  assert.match(calls, /^ .* Ada .* inside/m);
  const heard = await m.ben.evaluate(() => window.heard.join("\n"));
  const remote = heard.match(/candidate:\d[^"\\\r\n]*/g) ?? [];
  assert.ok(remote.length > 0, "candidates came");
  for (const candidate of remote) {
    assert.match(candidate, / typ relay /);
    assert.match(candidate, / raddr 0\.0\.0\.0 rport 0\b/);
  }
});

for (const role of ["expe", "expc"]) {
  test(`${role} killed: pictures go on, the page resumes by itself`, async () => {
    const m = await meeting();
    const frames = await videoFrames(m.ben);
    const dead = await end(site, role);
    await successor(site, role, 1, dead);
    await Promise.all([assertReceives(m.ada, "Ada"), assertReceives(m.ben, "Ben")]);
    assert.ok(await videoFrames(m.ben) > frames);
    await assertSignalling(m);
  });
}
