// SPDX-License-Identifier: Apache-2.0
// Bad links: leads a browser's media through a relay of its own (tests/mock/udprelay.c) that loses,
// delays, reorders, doubles and slows datagrams. The product knows nothing of it.
//
//   const relay = await startRelay({ seed: 7 });
//   const page = await openGuest(browser, url, context, (own) => leadThrough(own, relay));
//   await relay.set("both", "loss=0.05");     // knobs: tests/mock/impair.h; up = to the callbridge
//   assert.equal((await selectedPair(page)).remotePort, relay.ports()[0]);
//   (await relay.stats()).up.lost;
//   await relay.stop();
//
// How: an init script wraps RTCPeerConnection. The callbridge's candidates, in answers and
// trickled, are replaced by a port of the relay that stands for them; the browser's own are kept
// from being sent. So the only path is browser -> relay -> callbridge, which sees peer-reflexive
// candidates on the relay's sockets.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const build = process.env.BUILD_DIR ?? join(top, "build/asan");

/** Starts a relay; runs with the same seed decide alike. `by`: a command that runs it, as on another host. */
export async function startRelay({ seed = 1, by = [] } = {}) {
  const [program, ...rest] = [...by, join(build, "tests/mock/udprelay"), String(seed)];
  const child = spawn(program, rest, { stdio: ["pipe", "pipe", "inherit"] });
  const waiting = [];
  const ports = new Map(); // "ip:port" of the callbridge -> promise of the port that stands for it
  let live = [];
  createInterface(child.stdout).on("line", (line) => waiting.shift()?.done(line));
  const ended = new Promise((done) => child.once("exit", done));
  ended.then((code) => {
    for (const w of waiting.splice(0)) w.fail(new Error(`the relay ended with ${code}`));
  });

  /** Sends one command and returns the answer; refusals throw. */
  async function command(line) {
    const answer = await new Promise((done, fail) => {
      waiting.push({ done, fail });
      child.stdin.write(`${line}\n`);
    });
    if (answer.startsWith("error")) throw new Error(`relay: ${line}: ${answer}`);
    return answer;
  }

  async function open(target) {
    const port = Number((await command(`open ${target}`)).split(" ")[1]);
    live.push(port);
    return port;
  }

  return {
    command,
    open,
    /** The port that stands for a target; opened when it is first asked for. */
    portFor: (target) => {
      if (!ports.has(target)) ports.set(target, open(target));
      return ports.get(target);
    },
    /** Ports that are open now. */
    ports: () => [...live],
    /** Turns knobs: direction "up", "down" or "both"; "clear" makes the link perfect. */
    set: (direction, knobs) => command(`${direction} ${knobs}`),
    /** As a NAT that has forgotten its mappings: all clients go on from other source ports. */
    rebind: () => command("rebind"),
    /** As another network: every port goes dead; descriptions from now on name new ones. */
    move: async () => {
      const old = live;
      live = [];
      ports.clear();
      for (const port of old) await command(`shut ${port}`);
    },
    stats: async () => JSON.parse(await command("stats")),
    stop: async () => {
      child.stdin.end();
      return ended;
    },
  };
}

/** Runs in the page before its own scripts. `strip` names codecs to leave out. */
function wrapPeerConnection({ strip }) {
  const Real = window.RTCPeerConnection;
  const isCandidate = (line) => line.startsWith("a=candidate:");
  const without = (sdp, unwanted) => sdp.split("\r\n").filter((l) => !unwanted(l)).join("\r\n");

  /** A host candidate of the callbridge with the relay's port; null: not to be used. */
  async function lead(candidate) {
    const words = candidate.split(" ");
    if (words[2]?.toLowerCase() !== "udp" || words[4].includes(":")) return null;
    words[5] = String(await window.stoaRelayPort(`${words[4]}:${words[5]}`));
    return words.join(" ");
  }

  async function leadDescription(sdp) {
    const lines = await Promise.all(
      sdp.split("\r\n").map(async (line) => {
        if (!isCandidate(line)) return line;
        const led = await lead(line.slice(2));
        return led === null ? null : `a=${led}`;
      }),
    );
    return lines.filter((l) => l !== null).join("\r\n");
  }

  /** What the test takes away from the offer, e.g. retransmission. */
  function stripped(sdp) {
    const codecs = strip.split(" ");
    const gone = new Set(
      [...sdp.matchAll(/^a=rtpmap:(\d+) (\w+)\//gm)].filter((m) => codecs.includes(m[2])).map((m) => m[1]),
    );
    return without(sdp, (l) => {
      const pt = /^a=(?:rtpmap|fmtp|rtcp-fb):(\d+) /.exec(l)?.[1];
      if (codecs.includes("rtx") && /^a=(rtcp-fb:\d+ nack$|ssrc-group:FID)/.test(l)) return true;
      return gone.has(pt);
    }).replace(/^m=(audio|video) .*$/gm, (m) =>
      m.split(" ").filter((word, i) => i < 3 || !gone.has(word)).join(" "));
  }

  class Led extends Real {
    constructor(...args) {
      super(...args);
      // First of all listeners: nobody else hears of a candidate, only of the end of them.
      this.addEventListener("icecandidate", (e) => {
        if (e.candidate !== null && e.candidate.candidate !== "") e.stopImmediatePropagation();
      });
      window.stoaConnections = [...(window.stoaConnections ?? []), this];
    }

    async createOffer(...args) {
      const offer = await super.createOffer(...args);
      return { type: offer.type, sdp: stripped(without(offer.sdp, isCandidate)) };
    }

    async setRemoteDescription(description) {
      const sdp = await leadDescription(description.sdp);
      return super.setRemoteDescription({ type: description.type, sdp });
    }

    async addIceCandidate(init) {
      if (init.candidate === "") return super.addIceCandidate(init);
      const led = await lead(init.candidate);
      return led === null ? undefined : super.addIceCandidate({ ...init, candidate: led });
    }
  }
  window.RTCPeerConnection = Led;
}

/**
 * Makes every page of a browser context use the relay. Options: strip, codecs that are not
 * offered, by blanks: "red", or "rtx" and with it no NACK.
 */
export async function leadThrough(context, relay, { strip = "" } = {}) {
  await context.exposeFunction("stoaRelayPort", (target) => relay.portFor(target));
  await context.addInitScript(wrapPeerConnection, { strip });
}

/** getStats() of the page's connection as an array; only for pages that leadThrough() prepared. */
export const rtcStats = (page) =>
  page.evaluate(async () => {
    const report = await window.stoaConnections.at(-1).getStats();
    return [...report.values()];
  });

/** {localPort, remotePort, rttMs} of the pair in use; null while there is none. */
export async function selectedPair(page) {
  const rows = await rtcStats(page);
  const byId = (id) => rows.find((r) => r.id === id);
  const pair = byId(rows.find((r) => r.type === "transport")?.selectedCandidatePairId);
  if (pair === undefined) return null;
  return {
    localPort: byId(pair.localCandidateId)?.port,
    remotePort: byId(pair.remoteCandidateId)?.port,
    rttMs: 1000 * (pair.currentRoundTripTime ?? 0),
  };
}

/** What a guest got so far, over all slots: figures that only grow. */
export async function received(page) {
  const sum = { frames: 0, freezes: 0, freezeS: 0, samples: 0, concealed: 0, audible: 0, lost: 0,
    audioPackets: 0, audioLost: 0, nacks: 0, plis: 0, fec: 0 };
  for (const r of await rtcStats(page)) {
    if (r.type !== "inbound-rtp") continue;
    if (r.kind === "video") {
      sum.frames += r.framesDecoded ?? 0;
      sum.freezes += r.freezeCount ?? 0;
      sum.freezeS += r.totalFreezesDuration ?? 0;
      sum.lost += r.packetsLost ?? 0;
      sum.nacks += r.nackCount ?? 0;
      sum.plis += r.pliCount ?? 0;
    } else if ((r.packetsReceived ?? 0) > 0) { // a slot that nobody filled conceals nothing
      sum.samples += r.totalSamplesReceived ?? 0;
      sum.concealed += r.concealedSamples ?? 0;
      sum.audible += (r.concealedSamples ?? 0) - (r.silentConcealedSamples ?? 0);
      sum.audioPackets += r.packetsReceived ?? 0;
      sum.audioLost += r.packetsLost ?? 0;
      sum.fec += r.fecPacketsReceived ?? 0;
    }
  }
  return sum;
}

/** The growth between two results of received(). */
export const growth = (from, to) =>
  Object.fromEntries(Object.keys(to).map((key) => [key, to[key] - from[key]]));
