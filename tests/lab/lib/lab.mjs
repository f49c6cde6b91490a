// SPDX-License-Identifier: Apache-2.0
// Browsers on the hosts of the lab, and the lab's own functions. A test that uses it is started by a script of
// tests/lab, in the lab.
//
//   const ada = await guest("client1", { name: "Ada" });     // {name, host, page, told, ...}
//   await enter(ada, "100101");
//   await lab("fault", "no-udp", "on");
//   assert.equal(await count("fw-in", "out_in_started"), 0);
//   await goHome();                                          // all guests leave
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { audioEnergy, joinAs, launch, leave, openGuest, until, videoFrames } from "../../e2e/lib/browser.mjs";
import { newHome } from "../../e2e/lib/profile.mjs";
import { rtcStats } from "../../e2e/lib/relay.mjs";

const here = fileURLToPath(new URL("..", import.meta.url));
/** ON HOST COMMAND...: runs it on a host, as its own process. */
export const ON = join(here, "on");
const work = "/run/lab";
const shots = fileURLToPath(new URL("../../../build/screenshots/lab/", import.meta.url));
const chromium = process.env.STOA_CHROMIUM ?? "/usr/bin/chromium";

/** The name that guests use, inside and outside. */
export const JOIN_URL = "https://cmsweb.octavio.com/";

/** Whom a browser trusts: outside a public authority, inside the site's own. */
const TRUST = { desk: `${work}/state/inside/pki/ca.crt` };
const PUBLIC = `${work}/public.crt`;

/** A machine of a browser may be busy with three others. */
export const LONG_MS = 60000;

const run = promisify(execFile);

/** A function of tests/lab/lib.sh with arguments; resolves to what it prints. */
export async function lab(...words) {
  try {
    return (await run(join(here, "do"), words)).stdout.trim();
  } catch (error) {
    throw new Error(`${words.join(" ")}: ${error.stderr || error.message}`);
  }
}

/** Packets that a firewall has counted. */
export const count = async (firewall, counter) => Number(await lab("count", firewall, counter));

/** What the log of a site says ("inside", "edge"). */
export const log = (site) => lab("cat", `${work}/${site}.log`);

/** A command on a host. */
export const on = (host, ...words) => lab("on", host, ...words);

let guests = [];

/** Runs in the page before its own code: keeps its connections, leaves out TURN URLs of another transport. */
function instrument({ transport }) {
  const Native = window.RTCPeerConnection;
  window.stoaConnections = [];
  window.RTCPeerConnection = class extends Native {
    constructor(configuration) {
      super(configuration);
      window.stoaConnections.push(this);
    }
    setConfiguration(configuration) {
      const iceServers = (configuration.iceServers ?? []).map((s) => ({
        ...s, urls: [s.urls].flat().filter((u) => transport === "" || u.endsWith(`transport=${transport}`)),
      })).filter((s) => s.urls.length > 0);
      super.setConfiguration({ ...configuration, iceServers });
    }
  };
}

/** Keeps everything that the page is told, as text: heads and bodies of responses, messages of sockets. */
function listen(page, told) {
  const heard = (where, text) => told.push({ where, text: String(text) });
  page.on("response", async (r) => {
    heard(r.url(), JSON.stringify(r.headers()));
    heard(r.url(), await r.text().catch(() => ""));
  });
  page.on("websocket", (socket) => socket.on("framereceived", ({ payload }) => heard("socket", payload)));
}

/** A wrapper that starts Chromium on a host. */
async function browserOn(host) {
  const path = `${work}/chromium-${host}`;
  await writeFile(path, `#!/bin/sh\nexec "${here}on" "${host}" "${chromium}" "$@" 2>>"${work}/chromium-${host}.stderr"\n`);
  await chmod(path, 0o755);
  return path;
}

/**
 * A browser on a host that has opened the page; it checks certificates as everybody's does. `transport`: of the TURN
 * URLs that it uses ("udp"); "": all.
 */
export async function guest(host, { name, url = JOIN_URL, transport = "" } = {}) {
  const one = { name, host, home: await newHome({ trust: TRUST[host] ?? PUBLIC }), browser: null, page: null, told: [] };
  guests.push(one);
  one.browser = await launch({ executable: await browserOn(host), env: one.home.env });
  one.page = await openGuest(one.browser, url, {}, async (context) => {
    await context.addInitScript(instrument, { transport });
    context.on("page", (page) => listen(page, one.told));
  });
  return one;
}

/** What a browser on a host says instead of the page, as "net::ERR_..."; "" when the page comes. */
export async function refusal(host, url = JOIN_URL) {
  try {
    await guest(host, { url });
    return "";
  } catch (error) {
    return /net::ERR_\w+/.exec(error.message)?.[0] ?? error.message;
  }
}

export const enter = (one, callId) => joinAs(one.page, { name: one.name, callId });

/** Fails unless new pictures and sound come. */
export async function receives(one, ms = LONG_MS) {
  const frames = await videoFrames(one.page);
  const energy = await audioEnergy(one.page);
  await until(async () => await videoFrames(one.page) > frames + 10, `${one.name} sees somebody`, ms);
  await until(async () => await audioEnergy(one.page) > energy, `${one.name} hears somebody`, ms);
}

/** The pair in use: {local, remote} with type and address, and how the browser reaches its relay. */
export async function pair(one) {
  const rows = await rtcStats(one.page);
  const byId = (id) => rows.find((r) => r.id === id);
  const used = byId(rows.find((r) => r.type === "transport").selectedCandidatePairId);
  const [local, remote] = [byId(used.localCandidateId), byId(used.remoteCandidateId)];
  return { local: `${local.candidateType} ${local.address}`, remote: `${remote.candidateType} ${remote.address}`,
    relayProtocol: local.relayProtocol, url: local.url };
}

/** A picture of the page, in build/screenshots/lab. */
export async function shoot(one, name) {
  await mkdir(shots, { recursive: true });
  await one.page.screenshot({ path: join(shots, `${name}.png`) });
}

/** Everybody leaves and closes the browser. */
export async function goHome() {
  const all = guests;
  guests = [];
  for (const g of all) if (g.page !== null) await leave(g.page).catch(() => {});
  await Promise.all(all.map((g) => g.browser?.close()));
  await Promise.all(all.map((g) => g.home.remove()));
}
