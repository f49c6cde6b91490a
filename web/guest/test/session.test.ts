// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusal } from "../src/wire/messages";
import {
  ASLEEP_MAX_MS,
  PROBE_TIMEOUT_MS,
  REJOIN_GIVE_UP_MS,
  REJOIN_PAUSE_MS,
  Session,
} from "../src/wire/session";
import { FakePlatform, settle } from "./fakes";

const LOGIN = { ticket: "T", space: "S", spaceName: "Proxy webRTC", jid: "guest1@x" };

async function setup() {
  const platform = new FakePlatform();
  const log: string[] = [];
  const session = new Session(platform, {
    onUp: () => {},
    onDown: () => {},
    onBack: (joined, same) => log.push(`back ${joined.participant} ${same ? "resumed" : "new"}`),
    onOut: (reason) => log.push(`out ${reason}`),
    onEvent: (type) => {
      if (type !== "welcome") log.push(type);
    },
  });
  session.start();
  platform.socket.accept();
  return { platform, log, session };
}

async function joined() {
  const all = await setup();
  const { platform, session } = all;
  const login = session.login("100101", { passcode: "" });
  platform.socket.reply("login", LOGIN);
  await login;
  const join = session.join("Ada", { audioMuted: false, videoMuted: true });
  platform.socket.reply("join", { participant: 3 });
  await join;
  return all;
}

/** The socket is lost and the next one is open. */
async function reconnect(platform: FakePlatform) {
  platform.socket.fail();
  await platform.pass(0);
  platform.socket.accept();
  await settle();
}

test("login, join and offer carry exactly the members of the protocol", async () => {
  const { platform, session } = await joined();
  const [login, join] = platform.socket.sent;
  assert.deepEqual(login, { type: "login", id: 1, callId: "100101", passcode: "" });
  assert.deepEqual(join, {
    type: "join",
    id: 2,
    space: "S",
    ticket: "T",
    name: "Ada",
    audioMuted: false,
    videoMuted: true,
  });
  const offer = session.offer("v=0");
  assert.deepEqual(platform.socket.last("offer"), {
    type: "offer",
    id: 3,
    space: "S",
    participant: 3,
    sdp: "v=0",
  });
  platform.socket.reply("offer", { sdp: "answer" });
  assert.equal(await offer, "answer");
  session.candidate("candidate:1", "uf");
  assert.deepEqual(platform.socket.last("candidate"), {
    type: "candidate",
    space: "S",
    participant: 3,
    candidate: "candidate:1",
    ufrag: "uf",
  });
});

test("a link's secret takes the place of the passcode", async () => {
  const { platform, session } = await setup();
  session.login("100101", { secret: "abc" }).catch(() => {});
  assert.deepEqual(platform.socket.last("login"), {
    type: "login",
    id: 1,
    callId: "100101",
    secret: "abc",
  });
});

test("a refused login lets another one follow", async () => {
  const { platform, session } = await setup();
  const refused = session.login("1", { passcode: "x" });
  platform.socket.refuse("login", "DENIED");
  await assert.rejects(refused, (e) => e instanceof Refusal && e.code === "DENIED");
  const login = session.login("1", { passcode: "y" });
  platform.socket.reply("login", LOGIN);
  assert.equal((await login).spaceName, "Proxy webRTC");
});

test("without a participant a new socket resumes nothing", async () => {
  const { platform } = await setup();
  await reconnect(platform);
  assert.deepEqual(platform.socket.sent, []);
});

test("a lost socket is resumed with ticket and participant", async () => {
  const { platform, log } = await joined();
  await reconnect(platform);
  assert.deepEqual(platform.socket.last("resume"), {
    type: "resume",
    id: 3,
    space: "S",
    ticket: "T",
    participant: 3,
  });
  platform.socket.reply("resume", { participant: 3 });
  await settle();
  assert.deepEqual(log, ["back 3 resumed"]);
});

test("an unknown participant joins again silently, as it was", async () => {
  const { platform, log, session } = await joined();
  const muted = session.setMedia({ audioMuted: true });
  platform.socket.reply("setMedia", {});
  await muted;
  await reconnect(platform);
  platform.socket.refuse("resume", "NOT_FOUND");
  await settle();
  const join = platform.socket.last("join");
  assert.equal(join["ticket"], "T");
  assert.equal(join["name"], "Ada");
  assert.equal(join["audioMuted"], true);
  platform.socket.reply("join", { participant: 9 });
  await settle();
  assert.deepEqual(log, ["back 9 new"]);
});

test("a callbridge that is away for a moment is asked again every second", async () => {
  const { platform, log } = await joined();
  await reconnect(platform);
  platform.socket.refuse("resume", "UNAVAILABLE");
  await platform.pass(REJOIN_PAUSE_MS);
  assert.equal(platform.socket.sent.filter((m) => m["type"] === "resume").length, 2);
  platform.socket.reply("resume", { participant: 3 });
  await settle();
  assert.deepEqual(log, ["back 3 resumed"]);
});

test("a socket lost while coming back is resumed on the next one without a pause", async () => {
  const { platform, log } = await joined();
  await reconnect(platform);
  await reconnect(platform);
  platform.socket.reply("resume", { participant: 3 });
  await settle();
  assert.deepEqual(log, ["back 3 resumed"]);
  assert.equal(platform.time, 0);
});

test("refused access on the way back ends the session", async () => {
  const { platform, log, session } = await joined();
  await reconnect(platform);
  platform.socket.refuse("resume", "DENIED");
  await settle();
  assert.deepEqual(log, ["out refused"]);
  assert.equal(session.inside, false);
});

test("after a minute without a way back the session ends", async () => {
  const { platform, log } = await joined();
  await reconnect(platform);
  for (let t = 0; t <= REJOIN_GIVE_UP_MS; t += REJOIN_PAUSE_MS) {
    platform.socket.refuse("resume", "UNAVAILABLE");
    await platform.pass(REJOIN_PAUSE_MS);
  }
  assert.deepEqual(log, ["out connection-lost"]);
});

test("a probe that finds the participant unknown joins again", async () => {
  const { platform, log, session } = await joined();
  const probe = assert.rejects(session.probe());
  platform.socket.refuse("setMedia", "NOT_FOUND");
  await probe;
  platform.socket.reply("join", { participant: 5 });
  await settle();
  assert.deepEqual(log, ["back 5 new"]);
});

test("a probe without an answer renews the socket and resumes", async () => {
  const { platform, session } = await joined();
  const probe = assert.rejects(session.probe());
  await platform.pass(PROBE_TIMEOUT_MS);
  await probe;
  assert.equal(platform.sockets.length, 2);
  platform.socket.accept();
  assert.equal(platform.socket.last("resume")["participant"], 3);
});

test("leave is sent at once and ends resuming", async () => {
  const { platform, log, session } = await joined();
  session.leave();
  assert.equal(platform.socket.last("leave")["participant"], 3);
  await reconnect(platform);
  assert.deepEqual(platform.socket.sent, []);
  assert.deepEqual(log, []);
});

test("leaving while joining again takes the new participant out", async () => {
  const { platform, log, session } = await joined();
  await reconnect(platform);
  platform.socket.refuse("resume", "NOT_FOUND");
  await settle();
  session.leave();
  platform.socket.reply("join", { participant: 8 });
  await settle();
  assert.equal(platform.socket.last("leave")["participant"], 8);
  assert.deepEqual(log, []);
});

test("ended is for good until somebody asks to join again", async () => {
  const { platform, log, session } = await joined();
  platform.socket.say({ type: "ended", reason: "server-stopping" });
  await reconnect(platform);
  assert.deepEqual(platform.socket.sent, []);
  session.rejoin();
  platform.socket.reply("join", { participant: 6 });
  await settle();
  assert.deepEqual(log, ["ended", "back 6 new"]);
});

test("the whole state comes as an event", async () => {
  const { platform, log } = await joined();
  platform.socket.say({ type: "state", participant: 3 });
  assert.deepEqual(log, ["state"]);
});

test("a view is sent with the address of the guest and once more after a resume", async () => {
  const { platform, session } = await joined();
  const view = { heights: [360, 0, 0, 0, 0, 0, 0, 0, 0], screenHeight: 0, pinned: 7 };
  session.view(view);
  await platform.pass(100);
  const told = { type: "view", space: "S", participant: 3, ...view };
  assert.deepEqual(platform.socket.last("view"), told);
  await reconnect(platform);
  platform.socket.reply("resume", { participant: 3 });
  await platform.pass(300);
  assert.deepEqual(platform.socket.last("view"), told);
});

/** The device slept, and the call has forgotten the guest. */
async function wakeForgotten(sleptMs: number) {
  const all = await joined();
  all.session.awake(sleptMs);
  await all.platform.pass(0);
  assert.equal(all.platform.sockets.length, 2, "the old socket is not trusted");
  all.platform.socket.accept();
  await settle();
  all.platform.socket.refuse("resume", "NOT_FOUND");
  await settle();
  return all;
}

test("after a short sleep the guest is back without being asked", async () => {
  const { platform, log } = await wakeForgotten(ASLEEP_MAX_MS - 1);
  platform.socket.reply("join", { participant: 9 });
  await settle();
  assert.deepEqual(log, ["back 9 new"]);
});

test("after a long sleep the guest is asked", async () => {
  const { log, session } = await wakeForgotten(ASLEEP_MAX_MS + 1);
  assert.deepEqual(log, ["out away"]);
  assert.equal(session.inside, false);
});

test("a long sleep the call lived through is no more than a resume", async () => {
  const { platform, log, session } = await joined();
  session.awake(ASLEEP_MAX_MS * 3);
  platform.socket.accept();
  await settle();
  platform.socket.reply("resume", { participant: 3 });
  await settle();
  assert.deepEqual(log, ["back 3 resumed"]);
});

test("a login of before a reload is taken up", async () => {
  const { platform, session } = await setup();
  session.adopt(LOGIN);
  void session.join("Ada", { audioMuted: true, videoMuted: true });
  assert.equal(platform.socket.last("join")["ticket"], "T");
});
