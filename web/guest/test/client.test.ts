// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { test } from "node:test";
import { Client, REQUEST_TIMEOUT_MS } from "../src/wire/client";
import { Refusal } from "../src/wire/messages";
import { FakePlatform, settle } from "./fakes";

function setup() {
  const platform = new FakePlatform();
  const events: [string, unknown][] = [];
  const client = new Client(platform, {
    onUp: () => {},
    onDown: () => {},
    onEvent: (type, body) => events.push([type, body]),
  });
  client.start();
  platform.socket.accept();
  events.length = 0;
  return { platform, events, client };
}

const isRefusal =
  (code: string, retry: boolean) =>
  (e: unknown): boolean =>
    e instanceof Refusal && e.code === code && e.retry === retry;

test("answers find their requests by id in any order", async () => {
  const { platform, client } = setup();
  const first = client.request("a", { x: 1 });
  const second = client.request("b", {});
  const [a, b] = platform.socket.sent;
  assert.deepEqual(a, { type: "a", id: 1, x: 1 });
  platform.socket.say({ type: "reply", id: b!["id"], body: { n: 2 } });
  platform.socket.say({ type: "reply", id: a!["id"], body: { n: 1 } });
  assert.deepEqual(await first, { n: 1 });
  assert.deepEqual(await second, { n: 2 });
  assert.equal(platform.pendingTimers, 0);
});

test("a refusal carries code, text and whether to try again", async () => {
  const { platform, client } = setup();
  const asked = client.request("login", {});
  platform.socket.say({ type: "error", id: 1, code: "DENIED", message: "no", retry: false });
  await assert.rejects(asked, isRefusal("DENIED", false));
});

test("an unknown code counts as INTERNAL", async () => {
  const { platform, client } = setup();
  const asked = client.request("login", {});
  platform.socket.say({ type: "error", id: 1, code: "NEW", message: "", retry: true });
  await assert.rejects(asked, isRefusal("INTERNAL", true));
});

test("a lost socket refuses what is open and what comes", async () => {
  const { platform, client } = setup();
  const asked = client.request("join", {});
  platform.socket.fail();
  await assert.rejects(asked, isRefusal("UNAVAILABLE", true));
  await assert.rejects(client.request("join", {}), isRefusal("UNAVAILABLE", true));
});

test("silence ends a request and renews the socket", async () => {
  const { platform, client } = setup();
  const asked = client.request("join", {});
  const check = assert.rejects(asked, isRefusal("DEADLINE", true));
  await platform.pass(REQUEST_TIMEOUT_MS);
  await check;
  assert.equal(platform.sockets.length, 2);
});

test("an answer nobody waits for is passed over", async () => {
  const { platform, events } = setup();
  platform.socket.say({ type: "reply", id: 99, body: {} });
  platform.socket.say({ type: "reply", body: {} });
  platform.socket.say({ type: "error", code: "INVALID", message: "", retry: false });
  await settle();
  assert.deepEqual(events, []);
});

test("every event is read into its shape", () => {
  const { platform, events } = setup();
  for (const message of [
    { type: "left", participant: 4 },
    { type: "slots", audio: [1], video: [2, 3], screen: 5, videoPaused: [false, true] },
    { type: "wanted", videoHeight: 360 },
    { type: "speaker", participant: 0 },
    { type: "candidate", candidate: "candidate:1" },
    { type: "muted", audio: true, by: 2 },
    { type: "locked", locked: true },
    { type: "media", state: "failing", cause: "relay candidate creation timeout" },
    { type: "restart", iceServers: [{ urls: ["turn:a"], username: "u", credential: "c" }, {}] },
    { type: "ended", reason: "removed" },
    { type: "participant", participant: 7, name: "Ada", hand: true },
    { type: "somethingNewer", x: 1 },
    { type: "toString" },
  ])
    platform.socket.say(message);
  assert.deepEqual(events, [
    ["left", 4],
    [
      "slots",
      {
        audio: [1, 0, 0],
        video: [2, 3, 0, 0, 0, 0, 0, 0, 0],
        screen: 5,
        screenAudio: 0,
        videoPaused: [false, true, false, false, false, false, false, false, false],
        screenPaused: false,
      },
    ],
    ["wanted", { videoHeight: 360, screenHeight: 0 }],
    ["speaker", 0],
    ["candidate", "candidate:1"],
    ["muted", { audio: true, video: false, by: 2 }],
    ["locked", true],
    ["media", { state: "failing", cause: "relay candidate creation timeout" }],
    ["restart", [{ urls: ["turn:a"], username: "u", credential: "c" }]],
    ["ended", "removed"],
    [
      "participant",
      {
        participant: 7,
        name: "Ada",
        audioMuted: false,
        videoMuted: false,
        screen: false,
        hand: true,
        media: false,
      },
    ],
  ]);
});
