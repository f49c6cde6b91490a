// SPDX-License-Identifier: Apache-2.0
// The guest protocol without a browser: a WebSocket over TLS from an address of one's choice, for tests
// that need many clients, or clients that a browser would not be. Text frames only.
import { randomBytes } from "node:crypto";
import { connect } from "node:tls";

/** One masked text frame. */
function frame(text) {
  const body = Buffer.from(text);
  const mask = randomBytes(4);
  const head = body.length < 126
    ? Buffer.from([0x81, 0x80 | body.length])
    : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
  return Buffer.concat([head, mask, body.map((byte, i) => byte ^ mask[i & 3])]);
}

/** Takes whole frames off `data`; returns [texts, rest]. Servers do not mask (RFC 6455 s5.1). */
function frames(data) {
  const texts = [];
  for (;;) {
    if (data.length < 2) return [texts, data];
    let len = data[1] & 127;
    let at = 2;
    if (len === 126 && data.length >= 4) [len, at] = [data.readUInt16BE(2), 4];
    else if (len > 125) return [texts, data];
    if (data.length < at + len) return [texts, data];
    if ((data[0] & 15) === 1) texts.push(data.subarray(at, at + len).toString());
    data = data.subarray(at + len);
  }
}

/**
 * Opens a WebSocket to localhost:`port` from `localAddress` and waits for a welcome that lets guests in.
 * Returns {request(type, members), close()}; request resolves to {body} or {code, message}, and `ms` it took.
 */
export function openSocket(port, localAddress = "127.0.0.1") {
  return new Promise((done, fail) => {
    const waiting = new Map();
    let rest = Buffer.alloc(0);
    let upgraded = false;
    let next = 1;
    const socket = connect({ host: "127.0.0.1", port, localAddress, servername: "localhost", rejectUnauthorized: false });
    const end = (error) => {
      socket.destroy();
      fail(error);
      for (const { give } of waiting.values()) give({ code: "CLOSED", message: String(error) });
      waiting.clear();
    };
    const request = (type, members) => new Promise((give) => {
      waiting.set(next, { give, at: performance.now() });
      socket.write(frame(JSON.stringify({ type, id: next++, ...members })));
    });
    const take = (m) => {
      if (m.type === "welcome" && m.joinAvailable) done({ request, close: () => socket.destroy() });
      const one = waiting.get(m.id);
      if (one === undefined) return;
      waiting.delete(m.id);
      one.give({ ...m, ms: performance.now() - one.at });
    };
    socket.on("secureConnect", () => socket.write([
      "GET /ws HTTP/1.1", `Host: localhost:${port}`, `Origin: https://localhost:${port}`, "Upgrade: websocket",
      "Connection: Upgrade", "Sec-WebSocket-Version: 13", `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
      "Sec-WebSocket-Protocol: stoa.guest.v1", "", ""].join("\r\n")));
    socket.on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      if (!upgraded) {
        const head = rest.indexOf("\r\n\r\n");
        if (head < 0) return;
        if (!/^HTTP\/1.1 101 /.test(rest.toString())) {
          end(new Error(rest.subarray(0, head).toString()));
          return;
        }
        upgraded = true;
        rest = rest.subarray(head + 4);
      }
      let texts;
      [texts, rest] = frames(rest);
      texts.forEach((t) => take(JSON.parse(t)));
    });
    socket.on("error", end);
    socket.on("close", () => end(new Error("closed")));
  });
}
