// SPDX-License-Identifier: Apache-2.0
// The two servers that are compared: each started for itself, on the processors it is given, and
// ended again. Both have relay ports of their own, so that they can run beside each other.
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const exec = promisify(execFile);
const top = fileURLToPath(new URL("../..", import.meta.url));
export const build = process.env.BUILD_DIR ?? join(top, "build/release");
const READY_MS = 20000;
const STOP_MS = 10000;
const user = "bench";
const password = "bench-password";
const COTURN_RELAYS = [5000, 10999]; // below the ports that the kernel hands out
const STOA_RELAYS = 11000;           // 6,000 from here on

/** A free port for UDP and, as good as surely, TCP. */
function freePort() {
  return new Promise((done, fail) => {
    const socket = createSocket("udp4");
    socket.once("error", fail);
    socket.bind(0, "127.0.0.1", () => {
      const { port } = socket.address();
      socket.close(() => done(port));
    });
  });
}

export function turnload(cpu, server, args) {
  const all = [join(build, "bench/turnload"), args[0], "--json", "--server", server.address, "--user", user,
    "--password", password, "--pid", String(server.pid), ...args.slice(1)];
  return exec("taskset", ["-c", String(cpu), ...all]).then(({ stdout, stderr }) => {
    if (stderr !== "") process.stderr.write(stderr);
    return JSON.parse(stdout);
  });
}

/** Waits until packets come through. */
async function ready(server, child, log) {
  const end = Date.now() + READY_MS;
  for (;;) {
    const why = await turnload("0-1023", server, ["up", "--clients", "1", "--rate", "200", "--seconds", "0.1", "--warm-up", "0"])
      .then(() => "", (error) => error.stderr || String(error));
    if (why === "") return;
    if (Date.now() > end || child.exitCode !== null) throw new Error(`${server.name} relays nothing: ${why}\n${log()}`);
    await new Promise((done) => setTimeout(done, 100));
  }
}

/** Starts a program on some processors; what it says is kept, and it ends with this one. */
function run(cpus, command, args, env = {}) {
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "taskset", "-c", cpus, command, ...args],
    { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...env } });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => { text = (text + chunk).slice(-20000); });
  const ended = new Promise((done) => child.once("exit", done));
  const stop = async () => {
    if (child.exitCode === null) child.kill("SIGTERM");
    const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
  };
  return { child, log: () => text, stop };
}

export async function startCoturn({ cpus, workers }) {
  const port = await freePort();
  const state = await mkdtemp(join(tmpdir(), "bench-coturn-"));
  const { child, log, stop } = run(cpus, "turnserver", ["-n", "--listening-ip=127.0.0.1", `--listening-port=${port}`,
    "--relay-ip=127.0.0.1", "--allow-loopback-peers", "--lt-cred-mech", `--user=${user}:${password}`,
    "--realm=bench.test", "--no-tls", "--no-dtls", "--no-cli", "--no-multicast-peers", `--min-port=${COTURN_RELAYS[0]}`,
    `--max-port=${COTURN_RELAYS[1]}`, "--simple-log", `--log-file=${join(state, "log")}`, `--pidfile=${join(state, "pid")}`,
    `--userdb=${join(state, "db")}`, "-m", String(workers)]);
  const server = {
    name: "coturn", pid: child.pid, address: `127.0.0.1:${port}`,
    stop: () => stop().then(() => rm(state, { recursive: true, force: true })),
  };
  await ready(server, child, log).catch(async (error) => { await server.stop(); throw error; });
  return server;
}

/** The environment without settings of another Stoa, with ports of its own. */
async function stoaEnv(state) {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("STOA_")));
  const listen = await freePort();
  return { ...env, STOA_PORT_TURN: String(listen), STOA_PORT_TURN_PRIVATE: "0", STOA_PORT_RELAY: String(STOA_RELAYS) };
}

export async function startStoa({ cpus, workers }) {
  const state = await mkdtemp(join(tmpdir(), "bench-stoa-"));
  const env = await stoaEnv(state);
  const stoa = (...args) => exec(join(build, "bin/stoa"), ["--state", state, ...args], { env });
  await stoa("keys", "make");
  const { child, log, stop } = run(cpus, join(build, "bin/stoa"), ["run", "inside", "--state", state, "--listen", "127.0.0.1",
    "--only", "busd,config,turn", "--turn", "1"], { ...env, STOA_TURN_WORKERS: String(workers) });
  const server = {
    name: "turn", pid: 0, address: `127.0.0.1:${env.STOA_PORT_TURN}`,
    stop: () => stop().then(() => rm(state, { recursive: true, force: true })),
  };
  try {
    const end = Date.now() + READY_MS;
    while (!/^ready$/m.test(log())) {
      if (Date.now() > end || child.exitCode !== null) throw new Error(`Stoa is not ready\n${log()}`);
      await new Promise((done) => setTimeout(done, 50));
    }
    await stoa("config", "set", "turn", "instances=1", "userQuota=100000", "sourceQuota=100000", "totalQuota=100000",
      "unauthorizedLimit=100000");
    await stoa("config", "add", "turnUser", `name=${user}`, `password=${password}`, "allowPeers=127.0.0.0/8, ::1/128");
    const daemons = JSON.parse((await stoa("status", "--json")).stdout);
    server.pid = daemons.find((d) => d.role === "turn").pid;
    await ready(server, child, log);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}
