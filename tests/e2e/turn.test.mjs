// SPDX-License-Identifier: Apache-2.0
// Guests who reach nothing but the TURN ports: over UDP, over TCP alone, while an instance dies, and
// with a wrong password.
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { request } from "node:https";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { fileURLToPath } from "node:url";

import { audioEnergy, joinAs, newBrowsers, openGuest, pairTypes, timings, until, videoFrames } from "./lib/browser.mjs";
import { daemon, end, successor } from "./lib/kill.mjs";
import { rtcStats } from "./lib/relay.mjs";
import { startSite } from "./lib/site.mjs";

const shots = fileURLToPath(new URL("../../build/screenshots/e2e/", import.meta.url));
const TOLD_MS = 3000;
let site;
const browsers = newBrowsers();

before(async () => {
  await mkdir(shots, { recursive: true });
  site = await startSite({ args: ["--turn", "2"] });
});

afterEach(() => browsers.free());

after(async () => {
  await browsers.close();
  if (site) assert.equal(await site.stop(), 0);
});

/** Runs in the page before its own code: keeps its connections, and what they are configured with. */
function instrument({ transport }) {
  const Native = window.RTCPeerConnection;
  window.stoaConnections = [];
  window.stoaServers = [];
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      window.stoaConnections.push(this);
    }
    setConfiguration(configuration) {
      const iceServers = (configuration.iceServers ?? []).map((s) => ({
        ...s, urls: s.urls.filter((u) => transport === "" || u.endsWith(`transport=${transport}`)),
      }));
      window.stoaServers = configuration.iceServers ?? [];
      super.setConfiguration({ ...configuration, iceServers });
    }
  };
}

/** A guest with relay candidates alone; `transport`: that of the TURN URLs it uses, "" all. */
async function open(transport = "") {
  return openGuest(await browsers.take(), `${site.url}?ice=relay`, { ignoreHTTPSErrors: true },
    (own) => own.addInitScript(instrument, { transport }));
}

async function assertReceives(page, who) {
  const frames = await videoFrames(page);
  const energy = await audioEnergy(page);
  await until(async () => await videoFrames(page) > frames + 10, `${who} decodes pictures`);
  await until(async () => await audioEnergy(page) > energy, `${who} hears something`);
}

/** Ada and Ben in a call, both over relays of this transport. */
async function meeting(transport = "") {
  const [ada, ben] = await Promise.all([open(transport), open(transport)]);
  await joinAs(ada, { name: "Ada", callId: "100101" });
  await joinAs(ben, { name: "Ben", callId: "100101" });
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(ben, "Ben")]);
  return [ada, ben];
}

/** The pair in use: types of both ends, and how the browser reaches its relay. */
async function path(page) {
  const rows = await rtcStats(page);
  const byId = (id) => rows.find((r) => r.id === id);
  const pair = byId(rows.find((r) => r.type === "transport").selectedCandidatePairId);
  const local = byId(pair.localCandidateId);
  return { types: await pairTypes(page), relayProtocol: local.relayProtocol, relay: `${local.address}:${local.port}`,
    url: local.url };
}

/** One number of all turn instances together. */
async function relays(labels) {
  const rows = JSON.parse(await site.stoa("status", "--json"));
  const all = rows.filter((d) => d.role === "turn").flatMap((d) => d.counters ?? []);
  return all.filter((c) => c.name === "stoa_turn_active" && (c.labels ?? "").includes(labels))
    .reduce((sum, c) => sum + c.value, 0);
}

test("over UDP: both ends are relays, and what is announced is two servers with names that end", async () => {
  // With both, Chromium gathers no more once one works: without a network between, TCP is as fast.
  const [ada, ben] = await meeting("udp");
  for (const page of [ada, ben]) {
    const p = await path(page);
    assert.equal(p.types, "relay/relay udp");
    assert.equal(p.relayProtocol, "udp");
  }
  const servers = await ada.evaluate(() => window.stoaServers);
  assert.equal(servers.length, 2);
  for (const s of servers) {
    assert.match(s.username, /^\d+:g:guest\d+-\d+:turnuser$/);
    assert.equal(s.urls.filter((url) => url.startsWith("turn:")).length, 2);
  }
  // Both stand at one edge, which takes TURN over TLS as well, for the first of them.
  const overTls = servers.flatMap((s) => s.urls).filter((url) => url.startsWith("turns:"));
  assert.equal(overTls.length, 1);
  assert.match(overTls[0], new RegExp(`^turns:(cmsweb.octavio.com|localhost):${site.base + 5}[?]transport=tcp$`));
  assert.ok(await relays("udp") >= 2);
  await ada.screenshot({ path: `${shots}turn-udp.png` });
});

test("over TCP alone", async () => {
  const [ada, ben] = await meeting("tcp");
  for (const page of [ada, ben]) {
    const p = await path(page);
    assert.equal(p.types, "relay/relay udp"); // the relay itself is UDP
    assert.equal(p.relayProtocol, "tcp");
  }
  assert.ok(await relays("tcp") >= 2);
});

// Over UDP: a relay whose TCP connection breaks fails at once, and the page restarts ICE by itself.
test("one of two instances killed: media goes on over the other, without an ICE restart", async () => {
  const [ada, ben] = await meeting("udp");
  const inUse = new URL((await path(ada)).url.replace(/^turn:/, "http://")).port;
  const rows = await Promise.all([1, 2].map((n) => daemon(site, "turn", n)));
  const number = rows.findIndex((d) => d.listeners.some((l) => l.address.endsWith(`:${inUse}`))) + 1;
  assert.ok(number > 0, `an instance listens on ${inUse}`);
  // An ICE restart is another offer.
  const offers = () => [...site.log().matchAll(/setting up combined RTP session/g)].length;
  const before = offers();
  const dead = await end(site, "turn", number);
  const backAt = await Promise.all([ada, ben].map(async (page) => {
    const frames = await videoFrames(page);
    await until(async () => await videoFrames(page) > frames + 20, "pictures go on", 30000);
    return Date.now();
  }));
  console.log(`# media back ${Math.max(...backAt) - dead.at} ms after the kill`);
  assert.equal(offers(), before);
  await successor(site, "turn", number, dead);
  await Promise.all([assertReceives(ada, "Ada"), assertReceives(ben, "Ben")]);
});

/** GET of the REST API: {body, ms}. */
function api(path) {
  const began = Date.now();
  return new Promise((done, fail) => {
    request({ host: "localhost", port: site.base + 3, path: `/api/v1${path}`, auth: "ada:a long password",
      rejectUnauthorized: false }, (res) => {
      let body = "";
      res.setEncoding("utf8");
      res.on("data", (piece) => { body += piece; });
      res.on("end", () => done({ body, ms: Date.now() - began }));
    }).on("error", fail).end();
  });
}

test("a wrong password: page, log, fault and /status name it within 3 s", async () => {
  const secret = join(site.state, "password");
  await writeFile(secret, "a long password");
  await site.stoa("user", "add", "ada", "api", "--password-file", secret);
  const [, id] = (await api("/turnServers")).body.match(/<turnServer id="([^"]*)"/);
  assert.match((await api(`/turnServers/${id}/status`)).body, /<status>success<\/status>/);
  await site.stoa("config", "set", "turnServer", "127.0.0.1", "password=wrong");
  await until(async () => /unauthorized/.test(JSON.stringify(await daemon(site, "callbridge"))),
    "the fault is there before any guest");
  const page = await open();
  await joinAs(page, { name: "Ada", callId: "100101" });
  await page.getByText("The relay server refused the connection").waitFor();
  const { trouble } = await timings(page);
  assert.ok(trouble < TOLD_MS, `the page says it ${trouble} ms after the click`);
  await page.screenshot({ path: `${shots}turn-refused.png` });
  await until(() => /ICE failure 4 \(unauthorized - check credentials\)/.test(site.log()), "the log says it");
  const said = await api(`/turnServers/${id}/status`);
  assert.match(said.body, /<status>failure<\/status>.*<failureReason>unauthorized<\/failureReason>/);
  assert.ok(said.ms < TOLD_MS, `/status says it after ${said.ms} ms`);
  const { faults } = await daemon(site, "callbridge");
  assert.ok(faults.some((f) => f.type === "turnServerUnavailable" && /unauthorized/.test(f.text)), JSON.stringify(faults));
});
