// SPDX-License-Identifier: Apache-2.0
// What a test of kills needs: a daemon's process, its end, its successor; a guest without a page;
// and a balancer, as it stands before several web bridges.
import assert from "node:assert/strict";
import { createServer, connect } from "node:net";

import { until } from "./browser.mjs";

/** The rows of `stoa status`; empty while it cannot be asked. */
async function status(site) {
  try {
    return JSON.parse(await site.stoa("status", "--json"));
  } catch (error) {
    // One that is not ready makes `stoa status` end with 1, and the list is there all the same.
    try {
      return JSON.parse(error.stdout ?? "");
    } catch {
      return [];
    }
  }
}

/** The row of one daemon: role and number as `stoa status` has them. */
export async function daemon(site, role, number = 1) {
  return (await status(site)).find((d) => d.role === role && (d.number ?? 1) === number);
}

/** Ends a daemon with a signal. Returns when it was sent, in ms of Date.now(). */
export async function end(site, role, number = 1, signal = "SIGKILL") {
  const { pid } = await daemon(site, role, number);
  process.kill(pid, signal);
  return { pid, at: Date.now() };
}

/** Waits until the supervisor has started another one and it serves. */
export function successor(site, role, number, old) {
  return until(async () => {
    const d = await daemon(site, role, number);
    return d !== undefined && d.pid !== old.pid && d.ready;
  }, `another ${role} serves`);
}

/** The one call that is running, as the operator sees it. */
export async function onlyCall(site) {
  const calls = JSON.parse(await site.stoa("calls", "--json"));
  assert.equal(calls.length, 1);
  return calls[0];
}

/** RTP packets of the running call, counted at one moment: taken in, and sent on or about to be. */
export async function counters(site) {
  const { participants } = await onlyCall(site);
  const sum = (field) => participants.reduce((all, p) => all + p[field], 0);
  return {
    numbers: participants.map((p) => p.participant).join(), receivers: participants.length - 1,
    received: sum("received"), forwarded: sum("forwarded") + sum("waiting"),
  };
}

/** Nothing was dropped between two counts: the same participants, and each packet sent on. */
export function assertAllForwarded(from, to) {
  assert.equal(to.numbers, from.numbers, "nobody joined anew");
  const received = to.received - from.received;
  assert.ok(received > 100, `received ${received}`);
  assert.equal(to.forwarded - from.forwarded, received * to.receivers);
}

/**
 * A guest without a page and without media, by the WebSocket of another page's origin: logs in,
 * joins, and leaves unless it is to stay, until endVisit(). Resolves to "" when that worked, to what
 * went wrong when not.
 */
export function visit(page, { callId, passcode = "", name = "Visitor", stay = false }) {
  return page.evaluate(({ callId, passcode, name, stay }) => new Promise((done) => {
    const ws = new WebSocket(`wss://${location.host}/ws`, "stoa.guest.v1");
    const give = (what) => {
      clearTimeout(timer);
      ws.onclose = null;
      if (what !== "" || !stay) ws.close();
      done(what);
    };
    const timer = setTimeout(() => give("no answer"), 2000);
    let login, participant;
    let asked = false; // a welcome comes with each change of what is possible
    const ask = (type, id, members) => ws.send(JSON.stringify({ type, id, ...members }));
    ws.onclose = () => give("closed");
    ws.onmessage = ({ data }) => {
      const m = JSON.parse(data);
      if (m.type === "welcome" && !asked && m.joinAvailable) {
        asked = true;
        ask("login", 1, { callId, passcode });
      } else if (m.type === "error") {
        give(`${m.code} ${m.message}`);
      } else if (m.type === "reply" && m.id === 1) {
        login = m.body;
        ask("join", 2, { space: login.space, ticket: login.ticket, name });
      } else if (m.type === "reply" && m.id === 2) {
        participant = m.body.participant;
        window.endVisit = () => ask("leave", 3, { space: login.space, participant });
        if (stay) give("");
        else window.endVisit();
      } else if (m.type === "reply") {
        give("");
      }
    };
  }), { callId, passcode, name, stay });
}

/** The visitor who stayed leaves. */
export const endVisit = (page) => page.evaluate(() => window.endVisit());

/** A TCP balancer on a port of its own before `ports`: the first one that takes the connection. */
export async function startBalancer(ports) {
  const open = new Set();
  let cut = false;
  let skip = new Set();
  const join = (a, b) => {
    for (const [from, to] of [[a, b], [b, a]]) {
      from.on("error", () => to.destroy());
      from.on("close", () => to.destroy());
      from.pipe(to);
    }
  };
  const dial = (client, [port, ...rest]) => {
    if (port === undefined || cut) {
      client.destroy();
      return;
    }
    const server = connect(port, "127.0.0.1");
    server.once("connect", () => {
      server.removeAllListeners("error");
      open.add(client);
      client.once("close", () => open.delete(client));
      join(client, server);
    });
    server.once("error", () => dial(client, rest));
  };
  const listener = createServer((client) => {
    client.on("error", () => {});
    dial(client, ports.filter((p) => !skip.has(p)));
  });
  await new Promise((done) => listener.listen(0, "127.0.0.1", done));
  return {
    port: listener.address().port,
    /** Leads no new connection to a port, as a balancer whose probe of it has failed. */
    avoid(port) {
      skip.add(port);
    },
    /** Ends all connections without a word, and takes no more until mend(). */
    cut() {
      cut = true;
      for (const c of open) c.destroy();
    },
    mend() {
      cut = false;
      skip = new Set();
    },
    stop() {
      for (const c of open) c.destroy();
      return new Promise((done) => listener.close(done));
    },
  };
}
