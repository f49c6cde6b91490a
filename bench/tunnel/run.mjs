// SPDX-License-Identifier: Apache-2.0
// Compares a link of lib/tunnel with ssh -R over loopback, in turns, and prints medians and ratios.
import { execFile, spawn } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
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
  return async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
}

const program = (name, ...args) => [join(build, "bench", name), ...args.map(String)];

const listens = (port) => async () => {
  const { stdout } = await exec("ss", ["-Hltn", `sport = :${port}`]);
  return stdout.trim() !== "";
};

async function startLink(target) {
  const port = await freePort();
  const stop = await start(program("tunnelends", "--listen", port, "--target", target), "ready");
  return { name: "link", port, stop };
}

async function startSsh(target) {
  const [sshd, port, dir] = [await freePort(), await freePort(),
    await mkdtemp(join(tmpdir(), "tunnel-bench-"))];
  const key = (name) => join(dir, name);
  for (const name of ["host", "user"])
    await exec("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", key(name)]);
  await copyFile(key("user.pub"), key("allowed"));
  if (process.getuid() === 0) await mkdir("/run/sshd", { recursive: true });
  const stopServer = await start(["/usr/sbin/sshd", "-D", "-e", "-f", "/dev/null", "-p", `${sshd}`,
    "-h", key("host"), "-o", "ListenAddress=127.0.0.1", "-o", "PidFile=none", "-o", "UsePAM=no",
    "-o", "StrictModes=no", "-o", "PermitRootLogin=yes", "-o", `AuthorizedKeysFile=${key("allowed")}`],
  listens(sshd));
  const stopClient = await start(["ssh", "-F", "/dev/null", "-N", "-T", "-p", `${sshd}`, "-i",
    key("user"), "-c", "aes256-gcm@openssh.com", "-o", "StrictHostKeyChecking=no", "-o",
    `UserKnownHostsFile=${key("known")}`, "-o", "ExitOnForwardFailure=yes", "-o", "BatchMode=yes",
    "-R", `127.0.0.1:${port}:127.0.0.1:${target}`, `${userInfo().username}@127.0.0.1`],
  listens(port));
  return { name: "ssh -R", port, async stop() {
    await stopClient();
    await stopServer();
    await rm(dir, { recursive: true, force: true });
  } };
}

async function load(port, stalled) {
  const [command, ...args] = program("tunnelload", "load", "--port", port, "--stalled", stalled,
    "--seconds", options.seconds);
  return JSON.parse((await exec(command, args)).stdout);
}

function median(list) {
  const sorted = [...list].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const figures = [
  { key: "echo_p50_us", what: "echo p50", unit: "us" },
  { key: "echo_p99_us", what: "echo p99", unit: "us" },
  { key: "bytes_per_s", what: "bytes", unit: "MB/s", scale: 1e6 },
];

/** Each round makes both tunnels anew: what stalled readers left in one counts for no other. */
async function round(target, results) {
  for (const stalled of [0, Number(options.stalled)])
    for (const startTunnel of [startLink, startSsh]) {
      const tunnel = await startTunnel(target);
      try {
        const r = { tunnel: tunnel.name, load: loadavg()[0], ...await load(tunnel.port, stalled) };
        note(`${r.tunnel.padEnd(7)} ${JSON.stringify(r)}`);
        results.push(r);
      } finally {
        await tunnel.stop();
      }
    }
}

const target = await freePort();
const stopTarget = await start(program("tunnelload", "target", "--port", target), "ready");
const results = [];
try {
  for (let i = 0; i < Number(options.rounds); i++) await round(target, results);
} finally {
  await stopTarget();
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
