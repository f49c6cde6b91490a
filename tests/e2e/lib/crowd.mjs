// SPDX-License-Identifier: Apache-2.0
// Guests without browsers (tests/e2e/peers/crowd.c): they send made-up pictures of some 450 kbit/s
// and silence, and cost next to no CPU. No decoder can show their pictures.
//
//   const crowd = await startCrowd(site, { callId: "100101", guests: 3 });
//   assert.equal(await crowd.stop(), 0);    // they leave
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build/asan");

/** Starts them and waits until the media of all is connected. */
export async function startCrowd(site, { callId, guests }) {
  const arguments_ = [site.base, callId, guests].map(String);
  const child = spawn(join(build, "tests/e2e/peers/crowd"), arguments_, {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const ended = new Promise((done) => child.once("exit", done));
  await new Promise((done, fail) => {
    createInterface(child.stdout).once("line", done);
    ended.then((code) => fail(new Error(`the crowd ended with ${code}`)));
  });
  return {
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
}
