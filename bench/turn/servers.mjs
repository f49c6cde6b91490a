// SPDX-License-Identifier: Apache-2.0
// The two servers that are compared: each started for itself, on the processors it is given, and
// ended again. Both have relay ports of their own, so that they can run beside each other.
import { execFile, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const exec = promisify(execFile);
const top = fileURLToPath(new URL("../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build/release");
const READY_MS = 30000;
const STOP_MS = 10000;
const ALL_CPUS = "0-1023";
const user = "bench";
const password = "bench-password";
// Below the ports that the kernel hands out to others.
const COTURN_RELAYS = [5000, 24999];
const STOA_RELAYS = 25000; // 6,000
const LISTENERS = 31000;

/** True when a port can be had for both protocols. */
const isFree = (port) => new Promise((done) => {
  const udp = createSocket("udp4");
  const tcp = createServer();
  const end = (free) => {
    udp.close();
    tcp.close();
    done(free);
  };
  udp.once("error", () => end(false));
  tcp.once("error", () => end(false));
  udp.bind(port, () => tcp.listen(port, () => end(true)));
});

async function freePort() {
  for (let i = 0; i < 100; i++) {
    const port = LISTENERS + Math.floor(Math.random() * 1500);
    if (await isFree(port)) return port;
  }
  throw new Error("no free port");
}

/** Runs the generator on a processor; gives what it prints. */
async function generate(cpu, args) {
  const command = ["-c", String(cpu), join(build, "bench/turnload"), ...args, "--json"];
  const { stdout, stderr } = await exec("taskset", command);
  process.stderr.write(stderr);
  return JSON.parse(stdout);
}

/** What the generator can do without a server. */
export const direct = (cpu, args) =>
  generate(cpu, ["direct", "--rate", "0", "--seconds", "2", ...args]);

/** Puts a server under load: mode and options of turnload. */
export const turnload = (cpu, server, [mode, ...args]) =>
  generate(cpu, [mode, "--server", server.address, "--pid", String(server.pid), "--user", user,
    "--password", password, ...args]);

/** Starts a program on some processors. It ends with this one. */
function run(cpus, command, env) {
  const child = spawn("setpriv", ["--pdeathsig", "TERM", "taskset", "-c", cpus, ...command],
    { stdio: ["ignore", "pipe", "pipe"], env });
  let text = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk) => { text = (text + chunk).slice(-20000); });
  const ended = new Promise((done) => child.once("exit", done));
  return {
    pid: child.pid,
    log: () => text,
    async stop() {
      if (child.exitCode === null) child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended;
      clearTimeout(timer);
    },
    /** Waits until something is so. */
    async until(so) {
      const end = Date.now() + READY_MS;
      while (!await so()) {
        if (Date.now() > end || child.exitCode !== null)
          throw new Error(`${command[0]} does not get ready\n${text}`);
        await new Promise((done) => setTimeout(done, 50));
      }
    },
  };
}

/** True when packets come through a server. */
const relays = (server) =>
  turnload(ALL_CPUS, server, ["up", "--clients", "1", "--rate", "0", "--window", "1", "--seconds",
    "0.1", "--warm-up", "0"]).then(() => true, () => false);

/** Starts coturn. Options: cpus (a list for taskset), workers. */
export async function startCoturn({ cpus, workers }) {
  const port = await freePort();
  const state = await mkdtemp(join(tmpdir(), "bench-coturn-"));
  const program = run(cpus, ["turnserver", "-n", "--listening-ip=127.0.0.1",
    `--listening-port=${port}`, "--relay-ip=127.0.0.1", "--allow-loopback-peers",
    "--lt-cred-mech", `--user=${user}:${password}`, "--realm=bench.test", "--no-tls", "--no-dtls",
    "--no-cli", "--no-multicast-peers", `--min-port=${COTURN_RELAYS[0]}`,
    `--max-port=${COTURN_RELAYS[1]}`, "--simple-log", `--log-file=${state}/log`,
    `--pidfile=${state}/pid`, `--userdb=${state}/db`, "-m", String(workers)]);
  const stop = () => program.stop().then(() => rm(state, { recursive: true, force: true }));
  const server = { name: "coturn", pid: program.pid, address: `127.0.0.1:${port}`, stop };
  try {
    await program.until(() => relays(server));
  } catch (error) {
    await stop();
    throw error;
  }
  return server;
}

/** The environment without settings of another Stoa. */
const cleanEnv = () => Object.fromEntries(Object.entries(process.env)
  .filter(([name]) => !name.startsWith("STOA_")));

async function configure(stoa) {
  await stoa("config", "set", "turn", "instances=1", "userQuota=100000", "sourceQuota=100000",
    "totalQuota=100000", "unauthorizedLimit=100000");
  await stoa("config", "add", "turnUser", `name=${user}`, `password=${password}`,
    "allowPeers=127.0.0.0/8");
}

/**
 * Starts the daemons that TURN needs, as a product is started, and a turn that has all relay ports.
 * It has one worker for each processor of `cpus`. Options: cpus (a list for taskset), relayPort.
 */
export async function startStoa({ cpus = ALL_CPUS, relayPort = STOA_RELAYS }) {
  const state = await mkdtemp(join(tmpdir(), "bench-stoa-"));
  const port = await freePort();
  const env = { ...cleanEnv(), STOA_PORT_TURN: String(port), STOA_PORT_TURN_PRIVATE: "0",
    STOA_PORT_RELAY: String(relayPort) };
  const command = [join(build, "bin/stoa"), "--state", state, "--site", "edge"];
  const stoa = (...args) => exec(command[0], [...command.slice(1), ...args], { env });
  // `stoa status` ends with 1 while a daemon is not ready; its list is there all the same.
  const turn = async () => {
    const { stdout } = await stoa("status", "--json").catch((error) => error);
    return JSON.parse(stdout || "[]").find((d) => d.role === "turn");
  };
  await stoa("keys", "make");
  const program = run(cpus, [...command, "run", "edge", "--listen", "127.0.0.1", "--only",
    "busd,config,turn"], env);
  const stop = () => program.stop().then(() => rm(state, { recursive: true, force: true }));
  const server = { name: "turn", address: `127.0.0.1:${port}`, stop };
  try {
    await program.until(() => /^ready$/m.test(program.log()));
    await configure(stoa);
    const { pid } = await turn();
    process.kill(pid); // only the next one's place is as the settings have it now
    await program.until(async () => {
      const next = await turn();
      server.pid = next?.pid;
      return next?.ready && next.pid !== pid;
    });
    await program.until(() => relays(server));
  } catch (error) {
    await stop();
    throw error;
  }
  return server;
}
