// SPDX-License-Identifier: Apache-2.0
// Memory of the release build's expe (PSS of the process) before, under and after each kind of abuse, from twenty
// addresses outside with the limits as they are by default; and whether others were served meanwhile. Started by
// bench/lab/run; the abuse itself is attack.mjs.
import { execFile, spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { until } from "../../tests/e2e/lib/browser.mjs";
import { daemon } from "../../tests/e2e/lib/kill.mjs";
import { ON, lab, on } from "../../tests/lab/lib/lab.mjs";
import { show, sleep } from "../kills/frames.mjs";

const ATTACK = fileURLToPath(new URL("attack.mjs", import.meta.url));
const ASSETS = new URL("../../web/guest/dist/assets/", import.meta.url);
const addresses = Array.from({ length: 20 }, (_, i) => `172.16.84.${130 + i}`);
const edge = { stoa: (...words) => lab("stoa_edge", ...words) };

async function metric(name) {
  const { stdout } = await promisify(execFile)("curl",
    ["-s", "--unix-socket", "/run/lab/state/edge/run/expe-1.sock", "http://localhost/metrics"]);
  return Number(new RegExp(`^${name} (\\S+)$`, "m").exec(stdout)[1]);
}

async function pssKib(pid) {
  return Number(/^Pss:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/smaps_rollup`, "utf8"))[1]);
}

/** How long a guest waits for the page, ms; fails when it does not come. */
async function page() {
  const began = Date.now();
  await on("client2", "curl", "-sf", "-o", "/dev/null", "-m", "30", "--cacert", "/run/lab/public.crt",
    "https://cmsweb.octavio.com/");
  return Date.now() - began;
}

/** One abuse with N connections, until it has ended by itself or has settled. */
async function abuse(pid, path, kind, n) {
  const row = { kind, n, before: await pssKib(pid), most: 0, held: 0, pages: [], after: 0, ends: "" };
  const attack = spawn(ON, ["client1", process.execPath, ATTACK, kind, n, path, ...addresses],
    { stdio: ["pipe", "pipe", "inherit"] });
  let over = false;
  const ended = new Promise((done) => attack.once("exit", done)).then(() => { over = true; });
  attack.stdout.on("data", (text) => { row.ends += text; });
  const watched = (async () => {
    for (; !over; await sleep(20)) row.most = Math.max(row.most, await pssKib(pid));
  })();
  const began = Date.now();
  for (let quiet = 0, last = -1; !over;) {
    const [held, open] = [await metric("stoa_expe_held_bytes"), await metric("stoa_expe_connections")];
    row.held = Math.max(row.held, held);
    // Those who are stalled stay: they have settled when nothing more comes for them.
    quiet = kind === "stalled" && open >= n && held === last ? quiet + 1 : 0;
    last = held;
    if (quiet === 10 || Date.now() - began > 60000) attack.stdin.end();
    row.pages.push(await page());
    await sleep(100);
  }
  await Promise.all([ended, watched]);
  await until(async () => await metric("stoa_expe_connections") === 0, "all connections have ended", 120000);
  row.after = await pssKib(pid);
  return row;
}

for (const a of addresses) await on("client1", "ip", "addr", "add", `${a}/24`, "dev", "eth0");
const { pid } = await daemon(edge, "expe");
const bundle = (await readdir(ASSETS)).find((f) => f.endsWith(".js"));
const results = [];
for (const [kind, n] of [["stalled", 200], ["heads", 200], ["bytes", 200], ["garbage", 300], ["stalled", 200]]) {
  results.push(await abuse(pid, `/assets/${bundle}`, kind, n));
  console.error(JSON.stringify(results.at(-1)));
}
if (process.argv.includes("--json")) {
  console.log(JSON.stringify(results));
} else {
  console.log("abuse         PSS before, most, after, KiB    held, KiB    page of others, ms      ends");
  for (const r of results) {
    const pss = `${r.before}, ${r.most}, ${r.after}`;
    console.log(`${`${r.n} ${r.kind}`.padEnd(13)} ${pss.padEnd(31)} ${String(r.held >> 10).padEnd(12)} ${show(r.pages).padEnd(23)} ${r.ends.trim()}`);
  }
}
