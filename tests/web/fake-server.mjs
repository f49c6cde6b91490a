// SPDX-License-Identifier: Apache-2.0
// A webbridge of the test's own: serves dist/ with the strict CSP and speaks stoa.guest.v1. What it
// does with a call is the test's choice: it may send any event, refuse, drop sockets.
import { createServer } from "node:http";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";

const web = new URL("../../web/guest/", import.meta.url);
const { WebSocketServer } = createRequire(new URL("package.json", web))("ws");
const dist = fileURLToPath(new URL("dist", web));

export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "media-src 'self' blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

const TYPES = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
};

const PICTURE =
  '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="6">' +
  '<path fill="#357" d="M0 0h9v6H0z"/></svg>';

/** The members each request may have, from the protocol's page; anything else is INVALID. */
const MEMBERS = {
  login: ["callId", "passcode", "secret"],
  join: ["space", "ticket", "name", "audioMuted", "videoMuted"],
  resume: ["space", "ticket", "participant"],
  offer: ["space", "participant", "sdp"],
  setMedia: ["space", "participant", "audioMuted", "videoMuted", "screen", "hand"],
  control: ["space", "participant", "target", "muteAudio", "muteVideo", "remove", "lock"],
  leave: ["space", "participant"],
  candidate: ["space", "participant", "candidate", "ufrag"],
  report: ["space", "participant", "what", "text"],
  view: ["space", "participant", "heights", "screenHeight", "pinned"],
};

export class FakeServer {
  welcome = {
    version: "0.1.0",
    joinAvailable: true,
    reason: "",
    idAndPasscode: true,
    hyperlinks: true,
    backgroundImage: "",
    logo: "",
  };
  passcodes = { 100101: "", 200202: "letmein" };
  spaceName = "Proxy webRTC";
  rights = { muteOthers: true, removeOthers: true, lock: true };
  participants = [];
  slots = {
    audio: [0, 0, 0],
    video: [0, 0, 0, 0, 0, 0, 0, 0, 0],
    screen: 0,
    screenAudio: 0,
    videoPaused: Array(9).fill(false),
    screenPaused: false,
  };
  speaker = 0;
  /** Every message of the page. */
  received = [];
  mistakes = [];
  sockets = new Set();
  nextParticipant = 1;
  /** Answers an offer with SDP; a rejection becomes UNAVAILABLE. */
  onOffer = () => Promise.reject(new Error("no callbridge"));
  onCandidate = () => {};
  /** Replaces the answer to one type: (message) => body, or throw a code. */
  override = {};

  async start() {
    this.http = createServer((req, res) => this.#serve(req, res));
    const server = new WebSocketServer({
      server: this.http,
      path: "/ws",
      handleProtocols: (offered) => (offered.has("stoa.guest.v1") ? "stoa.guest.v1" : false),
    });
    server.on("connection", (socket) => this.#connected(socket));
    await new Promise((done) => this.http.listen(0, "127.0.0.1", done));
    this.origin = `http://localhost:${this.http.address().port}`;
    return this;
  }

  stop() {
    this.dropSockets();
    this.http.closeAllConnections?.();
    this.http.close();
  }

  dropSockets() {
    for (const s of this.sockets) s.terminate();
  }

  /** An event to every page. */
  send(type, members = {}) {
    for (const s of this.sockets) s.send(JSON.stringify({ type, ...members }));
  }

  setWelcome(members) {
    this.welcome = { ...this.welcome, ...members };
    this.send("welcome", this.welcome);
  }

  /** Somebody joins, in the next free video slot unless their camera is off. */
  enter(name, members = {}) {
    const p = {
      participant: this.nextParticipant++,
      name,
      audioMuted: false,
      videoMuted: false,
      screen: false,
      hand: false,
      media: true,
      ...members,
    };
    this.participants.push(p);
    this.send("participant", p);
    const free = this.slots.video.indexOf(0);
    if (!p.videoMuted && free >= 0) {
      this.slots.video[free] = p.participant;
      this.send("slots", this.slots);
    }
    return p;
  }

  /** Somebody changes: a hand, a mute, a shared screen. */
  change(participant, members) {
    const p = Object.assign(
      this.participants.find((q) => q.participant === participant),
      members,
    );
    this.send("participant", p);
  }

  /** The answer to a join once more, as an event. */
  sendState() {
    this.send("state", this.#state());
  }

  last(type) {
    return this.received.findLast((m) => m.type === type);
  }

  #serve(req, res) {
    const path = new URL(req.url, "http://x").pathname;
    if (path === "/bridge") {
      res
        .writeHead(200, { "content-type": "text/html" })
        .end("<!doctype html><title>bridge</title>");
      return;
    }
    if (path === "/picture.svg") {
      res
        .writeHead(200, { "content-type": "image/svg+xml" })
        .end(PICTURE);
      return;
    }
    if (path === "/missing.png") {
      res.writeHead(404).end();
      return;
    }
    let file = normalize(join(dist, path));
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile())
      file = join(dist, "index.html");
    res.writeHead(200, { "content-type": TYPES[extname(file)], "content-security-policy": CSP });
    createReadStream(file).pipe(res);
  }

  #connected(socket) {
    this.sockets.add(socket);
    socket.on("close", () => this.sockets.delete(socket));
    socket.on("message", (data) => void this.#message(socket, JSON.parse(data)));
    socket.send(JSON.stringify({ type: "welcome", ...this.welcome }));
  }

  async #message(socket, m) {
    this.received.push(m);
    const extra = Object.keys(m).filter(
      (k) => !["type", "id", ...(MEMBERS[m.type] ?? [])].includes(k),
    );
    if (MEMBERS[m.type] === undefined || extra.length > 0)
      this.mistakes.push(`${m.type}: ${extra}`);
    if (m.id === undefined) {
      if (m.type === "candidate") this.onCandidate(m.candidate);
      return;
    }
    try {
      const body = await (this.override[m.type] ?? this[`answer_${m.type}`]).call(this, m);
      socket.send(JSON.stringify({ type: "reply", id: m.id, body }));
    } catch (code) {
      const word = typeof code === "string" ? code : "UNAVAILABLE";
      socket.send(
        JSON.stringify({
          type: "error",
          id: m.id,
          code: word,
          message: String(code),
          retry: word === "UNAVAILABLE",
        }),
      );
    }
  }

  answer_login({ callId, passcode, secret }) {
    const wanted = this.passcodes[callId];
    if (wanted === undefined || (secret === undefined ? passcode !== wanted : secret !== "s3cret"))
      throw "DENIED";
    return {
      ticket: "T",
      space: "5b4a2d5e-0000-4000-8000-000000000001",
      spaceName: this.spaceName,
      jid: "guest3804072848@cms.octavio.local",
    };
  }

  answer_join({ name, audioMuted, videoMuted }) {
    const own = {
      participant: this.nextParticipant++,
      name,
      audioMuted,
      videoMuted,
      screen: false,
      hand: false,
      media: false,
    };
    this.own = own;
    return this.#state();
  }

  #state() {
    return {
      participant: this.own.participant,
      call: 6,
      spaceName: this.spaceName,
      iceServers: [],
      rights: this.rights,
      participants: [...this.participants, this.own],
      locked: false,
      videoCodec: "VP8",
      speaker: this.speaker,
      slots: this.slots,
    };
  }

  answer_resume({ participant }) {
    if (participant !== this.own?.participant) throw "NOT_FOUND";
    return this.#state();
  }

  async answer_offer({ sdp }) {
    return { sdp: await this.onOffer(sdp) };
  }

  answer_setMedia() {
    return {};
  }

  answer_control() {
    return {};
  }

  answer_leave() {
    return {};
  }
}
