// SPDX-License-Identifier: Apache-2.0
// A Stoa of its own for a test: ./start with a temporary state directory and free ports, from the build
// folder under test ($BUILD_DIR, default build/asan).
import { execFile, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build/asan");
const READY_MS = 120000;
const STOP_MS = 15000;

const isFree = (port) => new Promise((done) => {
  const probe = createServer();
  probe.once("error", () => done(false));
  probe.listen(port, () => probe.close(() => done(true)));
});

/** The environment without settings of another Stoa. */
const cleanEnv = () => Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("STOA_")));

/** A base whose first ports are free; a Stoa fits into base .. base + 999. */
async function freePortBase() {
  for (let i = 0; i < 50; i++) {
    const base = 20000 + 1000 * Math.floor(Math.random() * 12);
    if (await isFree(base) && await isFree(base + 1) && await isFree(base + 100)) return base;
  }
  throw new Error("no free range of ports");
}

function waitReady(child, log) {
  return new Promise((done, fail) => {
    const timer = setTimeout(() => fail(new Error(`not ready within ${READY_MS} ms\n${log()}`)), READY_MS);
    const look = () => {
      if (!/^Ready: /m.test(log())) return;
      clearTimeout(timer);
      done();
    };
    child.stdout.on("data", look);
    child.stderr.on("data", look);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(new Error(`ended with ${code} before it was ready\n${log()}`));
    });
  });
}

/**
 * Starts a site and waits for Ready. Options: env (environment for the daemons), args (of ./start).
 * Returns {url, edgeUrl, base, state, log(), stoa(...args), stop()}; edgeUrl leads through the edge.
 */
export async function startSite({ env = {}, args = [] } = {}) {
  const state = await mkdtemp(join(tmpdir(), "stoa-e2e-"));
  const base = await freePortBase();
  // A test that is killed for taking too long leaves no Stoa behind.
  const command = ["--pdeathsig", "TERM", join(top, "start"), "--no-build", "--state", state, "--port-base", String(base)];
  const child = spawn("setpriv", [...command, ...args], {
    env: { ...cleanEnv(), BUILD_DIR: build, ...env }, stdio: ["ignore", "pipe", "pipe"], detached: true,
  });
  let text = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8");
    stream.on("data", (chunk) => { text += chunk; });
  }
  const ended = new Promise((done) => child.once("exit", done));
  const stop = async () => {
    if (child.exitCode === null) process.kill(child.pid, "SIGTERM");
    const timer = setTimeout(() => process.kill(-child.pid, "SIGKILL"), STOP_MS);
    await ended;
    clearTimeout(timer);
    await rm(state, { recursive: true, force: true });
    return child.exitCode;
  };
  try {
    await waitReady(child, () => text);
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: `https://localhost:${base}/`, edgeUrl: `https://localhost:${base + 5}/`, base, state, stop, log: () => text,
    stoa: async (...rest) => {
      const { stdout } = await promisify(execFile)(join(build, "bin/stoa"), ["--state", state, ...rest],
        { env: { ...cleanEnv(), STOA_PORT_BASE: String(base) } });
      return stdout;
    },
  };
}
