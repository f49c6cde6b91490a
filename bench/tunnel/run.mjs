// SPDX-License-Identifier: Apache-2.0
// Compares a link of lib/tunnel with ssh -R over loopback, in turns, and prints medians and ratios.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { loadavg, tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const exec = promisify(execFile);
const build = process.env.BUILD_DIR
  ?? fileURLToPath(new URL("../../build/release", import.meta.url));
const { values: options } = parseArgs({ options: {
  rounds: { type: "string", default: "5" }, seconds: { type: "string", default: "3" },
  stalled: { type: "string", default: "200" }, json: { type: "boolean" },
} });
const READY_MS = 30000;
const STOP_MS = 5000;
const QUIET_MS = 5000;
const SETTLE_MS = 180000;
const note = (text) => process.stderr.write(`${text}\n`);

const freePort = () => new Promise((done) => {
  const server = createServer().listen(0, "127.0.0.1", () => {
    const { port } = server.address();
    server.close(() => done(port));
  });
});

/** Starts a program that ends with this one; `ready` is a text of its output, or a test. */
async function start(command, ready) {
  const child = spawn("setpriv", ["--pdeathsig", "KILL", ...command],
    { stdio: ["ignore", "pipe", "pipe"] });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => { text = (text + chunk).slice(-20000); });
  const ended = new Promise((done) => child.once("exit", done));
  const until = Date.now() + READY_MS;
  while (!(typeof ready === "string" ? text.includes(ready) : await ready())) {
    if (child.exitCode !== null || Date.now() > until)
      throw new Error(`${command[0]} does not come up:\n${text}`);
    await new Promise((done) => setTimeout(done, 50));
  }
  const stop = async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  return { pid: child.pid, stop };
}

/** A process and all that it has started. */
async function family(pids) {
  const { stdout } = await exec("ps", ["-eo", "pid=,ppid="]);
  const all = stdout.trim().split("\n").map((line) => line.trim().split(/\s+/).map(Number));
  const ours = new Set(pids);
  for (let size = 0; size !== ours.size;) {
    size = ours.size;
    for (const [pid, parent] of all) if (ours.has(parent)) ours.add(pid);
  }
  return [...ours];
}

/** Memory in MiB, and ticks of 10 ms at work so far. */
async function account(pids) {
  const sum = { rss_mib: 0, ticks: 0 };
  for (const pid of await family(pids)) {
    const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ").map(Number);
    if (fields.length < 22) continue; // it has ended since
    sum.ticks += fields[11] + fields[12];
    sum.rss_mib += fields[21] / 256;
  }
  return sum;
}

/** Waits until the tunnel does nothing any more: every buffer on the way of the stalled is full. */
async function settle(pids) {
  const begin = Date.now();
  let changed = begin;
  let last = await account(pids);
  while (Date.now() - changed < QUIET_MS && Date.now() - begin < SETTLE_MS) {
    await new Promise((done) => setTimeout(done, 500));
    const now = await account(pids);
    if (now.ticks > last.ticks + 1) changed = Date.now();
    last = now;
  }
  return { rss_mib: Math.round(last.rss_mib), settled_ms: changed - begin };
}

const program = (name, ...args) => [join(build, "bench", name), ...args.map(String)];

const listens = (port) => async () => {
  const { stdout } = await exec("ss", ["-Hltn", `sport = :${port}`]);
  return stdout.trim() !== "";
};

async function startLink(target) {
  const port = await freePort();
  const ends = await start(program("tunnelends", "--listen", port, "--target", target), "ready");
  return { name: "link", port, pids: [ends.pid], stop: ends.stop };
}

async function startSsh(target) {
  const [sshd, port, dir] = [await freePort(), await freePort(),
    await mkdtemp(join(tmpdir(), "tunnel-bench-"))];
  const key = (name) => join(dir, name);
  for (const name of ["host", "user"])
    await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key(name)]);
  await copyFile(key("user.pub"), key("allowed"));
  if (process.getuid() === 0) await mkdir("/run/sshd", { recursive: true });
  const server = await start(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", `${sshd}`,
    "-h", key("host"), "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none", "-o", "UsePAM=no",
    "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-o", `AuthorizedKeysFile=${key("allowed")}`],
  listens(sshd));
  const client = await start(["ssh", "-F", "/dev/null", "-N", "-T", "-p", `${sshd}`, "-i",
    key("user"), "-c", "aes256-gcm@openssh.com", "-o", "StrictHostKeyChecking=no", "-o",
    `UserKnownHostsFile=${key("known")}`, "-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes",
    "-R", `127.0.0.1:${port}:127.0.0.1:${target}`, `${userInfo().username}@127.0.0.1`],
  listens(port));
  return { name: "ssh -R", port, pids: [server.pid, client.pid], async stop() {
    await client.stop();
    await server.stop();
    await rm(dir, { recursive: true, force: true });
  } };
}

/** Puts a tunnel under load: first what stalls, then, when that is over, what is measured. */
async function load(tunnel, stalled) {
  const [command, ...args] = program("tunnelload", "load", "--port", tunnel.port, "--stalled",
    stalled, "--seconds", options.seconds);
  const running = exec(command, args);
  await once(running.child.stdout, "data");
  const settled = await settle(tunnel.pids);
  running.child.stdin.end("\n");
  return { ...settled, ...JSON.parse((await running).stdout.replace("stalled\n", "")) };
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const figures = [
  { key: "echo_p50_us", what: "echo p50", unit: "us" },
  { key: "echo_p99_us", what: "echo p99", unit: "us" },
  { key: "page_us", what: "page", unit: "us" },
  { key: "bytes_per_s", what: "bytes", unit: "MB/s", scale: 1e6 },
  { key: "rss_mib", what: "memory", unit: "MiB" },
  { key: "settled_ms", what: "settled", unit: "s", scale: 1e3 },
];

/** Each round makes both tunnels anew: what stalled readers left in one counts for no other. */
async function round(target, results) {
  for (const stalled of [0, Number(options.stalled)])
    for (const startTunnel of [startLink, startSsh]) {
      const tunnel = await startTunnel(target);
      try {
        const r = { tunnel: tunnel.name, load: loadavg()[0], ...await load(tunnel, stalled) };
        note(`${r.tunnel.padEnd(7)} ${JSON.stringify(r)}`);
        results.push(r);
      } finally {
        await tunnel.stop();
      }
    }
}

const target = await freePort();
const behind = await start(program("tunnelload", "target", "--port", target), "ready");
const results = [];
try {
  for (let i = 0; i < Number(options.rounds); i++) await round(target, results);
} finally {
  await behind.stop();
}

const of = (tunnel, stalled, key) => median(results
  .filter((r) => r.tunnel === tunnel && r.stalled === stalled).map((r) => r[key]));
if (options.json) console.log(JSON.stringify(results, null, 1));
console.log(`\nmedians of ${options.rounds} rounds; load average ${loadavg()[0].toFixed(2)}`);
for (const stalled of [0, Number(options.stalled)])
  for (const { key, what, unit, scale = 1 } of figures) {
    const [ours, theirs] = [of("link", stalled, key) / scale, of("ssh -R", stalled, key) / scale];
    console.log(`${String(stalled).padStart(4)} stalled  ${what.padEnd(9)} link ${ours.toFixed(0)} `
      + `${unit}, ssh -R ${theirs.toFixed(0)} ${unit}, ratio ${(ours / theirs).toFixed(2)}`);
  }
