// SPDX-License-Identifier: Apache-2.0
// A guest who holds a personal certificate is never asked for it. Web bridge links share the guest
// page's port and do ask callbridges for theirs; a browser that were asked would show a chooser.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createServer } from "node:https";
import { join } from "node:path";
import { after, before, test } from "node:test";

import { joinAs, launch, leave, openGuest, tileNames, until } from "./lib/browser.mjs";
import { newHome } from "./lib/profile.mjs";
import { startSite } from "./lib/site.mjs";

const ASKED = -110; // net::ERR_SSL_CLIENT_AUTH_CERT_NEEDED
const CHOOSER_MS = 5000; // how long a page may hang: nobody answers the chooser
let site;
let home;
let pki;

/**
 * Runs `visit` in a browser that holds the certificate; returns how often a server asked for it and
 * how many TLS connections there were, by the browser's own network log.
 */
async function visits(name, visit) {
  const file = join(home.path, `${name}.json`);
  const browser = await launch({ env: home.env, flags: [`--log-net-log=${file}`] });
  try {
    await visit(browser);
  } finally {
    await browser.close(); // the log is complete now
  }
  const log = JSON.parse(await readFile(file, "utf8"));
  const type = log.constants.logEventTypes.SSL_CONNECT;
  const end = log.constants.logEventPhase.PHASE_END;
  const ended = log.events.filter((e) => e.type === type && e.phase === end);
  return {
    asked: log.events.filter((e) => e.params?.net_error === ASKED).length,
    connected: ended.filter((e) => e.params?.net_error === undefined).length,
  };
}

before(async () => {
  site = await startSite();
  pki = join(site.state, "inside/pki");
  home = await newHome({ trust: join(pki, "ca.crt") });
  // Signed by the site's own CA: no list of accepted issuers may hide it from the browser.
  await home.addPersonal({ ca: join(pki, "ca.crt"), caKey: join(pki, "ca.key"), name: "Ada" });
});

after(async () => {
  await home?.remove();
  if (site) assert.equal(await site.stop(), 0);
});

test("a server that asks for the certificate is noticed: the test would see it", async () => {
  const [ca, cert, key] = await Promise.all(
    ["ca.crt", "webbridge.crt", "webbridge.key"].map((f) => readFile(join(pki, f))),
  );
  const server = createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: false });
  await new Promise((done) => server.listen(0, "127.0.0.1", done));
  const { asked } = await visits("control", async (browser) => {
    const page = await browser.newPage();
    const there = page.goto(`https://localhost:${server.address().port}/`, { timeout: CHOOSER_MS });
    await assert.rejects(there, /Timeout/);
  });
  server.closeAllConnections();
  server.close();
  assert.ok(asked > 0);
});

test("the guest page, its WebSocket and a whole join never ask for it", async () => {
  const { asked, connected } = await visits("guest", async (browser) => {
    const page = await openGuest(browser, site.url);
    await joinAs(page, { name: "Ada", callId: "100101" });
    await until(async () => (await tileNames(page)).includes("Ada (you)"), "Ada is in");
    await page.reload();
    await page.getByRole("button", { name: "Join call", exact: true }).waitFor();
    await leave(page);
    assert.deepEqual(page.problems, []);
  });
  assert.ok(connected >= 2, `${connected} TLS connections: page and WebSocket`);
  assert.equal(asked, 0);
});
