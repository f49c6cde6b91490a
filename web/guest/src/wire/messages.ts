// SPDX-License-Identifier: Apache-2.0
// The messages of docs/guest-protocol.md as the page sees them, and the reading of them. A member
// that is absent has its zero value (protobuf's JSON leaves zeros out); unknown members are passed
// over, so that a newer webbridge may add some.

export type Json = Record<string, unknown>;

export interface Welcome {
  version: string;
  joinAvailable: boolean;
  reason: string;
  idAndPasscode: boolean;
  hyperlinks: boolean;
  backgroundImage: string;
  logo: string;
}

export interface Login {
  ticket: string;
  space: string;
  spaceName: string;
  jid: string;
}

export interface IceServer {
  urls: string[];
  username?: string;
  credential?: string;
}

export interface Rights {
  muteOthers: boolean;
  removeOthers: boolean;
  lock: boolean;
}

export interface Participant {
  participant: number;
  name: string;
  audioMuted: boolean;
  videoMuted: boolean;
  screen: boolean;
  hand: boolean;
  media: boolean;
}

export interface Slots {
  audio: number[]; // 3
  video: number[]; // 9
  screen: number;
  screenAudio: number;
  /** By position in `video`: nothing comes for now because this guest's link is too slow. */
  videoPaused: boolean[]; // 9
  screenPaused: boolean;
}

/** The largest size in pixels at which anybody shows this participant; 0: nobody looks. */
export interface Wanted {
  videoHeight: number;
  screenHeight: number;
}

export interface Joined {
  participant: number;
  call: number;
  spaceName: string;
  jid: string;
  iceServers: IceServer[];
  sessionToken: string;
  rights: Rights;
  participants: Participant[];
  locked: boolean;
  videoCodec: string;
  speaker: number;
  slots: Slots;
}

export type MediaPhase = "connecting" | "connected" | "failing" | "failed";

/** Everything webbridge sends by itself, by its `type`. */
export interface Events {
  welcome: Welcome;
  participant: Participant;
  left: number;
  slots: Slots;
  wanted: Wanted;
  state: Joined;
  speaker: number;
  candidate: string;
  muted: { audio: boolean; video: boolean; by: number };
  locked: boolean;
  media: { state: MediaPhase; cause: string };
  restart: IceServer[];
  ended: string;
}

export type Code =
  "NOT_FOUND" | "DENIED" | "UNAVAILABLE" | "DEADLINE" | "CONFLICT" | "INVALID" | "INTERNAL";

/** A refused or unanswered request. */
export class Refusal extends Error {
  constructor(
    readonly code: Code,
    message: string,
    readonly retry: boolean,
  ) {
    super(message);
  }
}

export const AUDIO_SLOTS = 3;
export const VIDEO_SLOTS = 9;

const text = (v: unknown): string => (typeof v === "string" ? v : "");
const flag = (v: unknown): boolean => v === true;
const number = (v: unknown): number => (typeof v === "number" && Number.isFinite(v) ? v : 0);
const list = (v: unknown): unknown[] => (Array.isArray(v) ? v : []);

export function object(v: unknown): Json {
  return typeof v === "object" && v !== null && !Array.isArray(v) ? (v as Json) : {};
}

function readWelcome(m: Json): Welcome {
  return {
    version: text(m["version"]),
    joinAvailable: flag(m["joinAvailable"]),
    reason: text(m["reason"]),
    idAndPasscode: flag(m["idAndPasscode"]),
    hyperlinks: flag(m["hyperlinks"]),
    backgroundImage: text(m["backgroundImage"]),
    logo: text(m["logo"]),
  };
}

export function readLogin(m: Json): Login {
  return {
    ticket: text(m["ticket"]),
    space: text(m["space"]),
    spaceName: text(m["spaceName"]),
    jid: text(m["jid"]),
  };
}

function readIceServers(v: unknown): IceServer[] {
  return list(v)
    .map(object)
    .map((s) => {
      const server: IceServer = {
        urls: list(s["urls"])
          .map(text)
          .filter((u) => u !== ""),
      };
      if (text(s["username"]) !== "") server.username = text(s["username"]);
      if (text(s["credential"]) !== "") server.credential = text(s["credential"]);
      return server;
    })
    .filter((s) => s.urls.length > 0);
}

function readParticipant(m: Json): Participant {
  return {
    participant: number(m["participant"]),
    name: text(m["name"]),
    audioMuted: flag(m["audioMuted"]),
    videoMuted: flag(m["videoMuted"]),
    screen: flag(m["screen"]),
    hand: flag(m["hand"]),
    media: flag(m["media"]),
  };
}

/** The list padded with 0 (nobody) or cut to `size`. */
function readSlotList(v: unknown, size: number): number[] {
  const given = list(v).map(number);
  return Array.from({ length: size }, (_, i) => given[i] ?? 0);
}

function readFlags(v: unknown, size: number): boolean[] {
  const given = list(v).map(flag);
  return Array.from({ length: size }, (_, i) => given[i] ?? false);
}

function readSlots(m: Json): Slots {
  return {
    audio: readSlotList(m["audio"], AUDIO_SLOTS),
    video: readSlotList(m["video"], VIDEO_SLOTS),
    screen: number(m["screen"]),
    screenAudio: number(m["screenAudio"]),
    videoPaused: readFlags(m["videoPaused"], VIDEO_SLOTS),
    screenPaused: flag(m["screenPaused"]),
  };
}

export function readJoined(m: Json): Joined {
  const rights = object(m["rights"]);
  return {
    participant: number(m["participant"]),
    call: number(m["call"]),
    spaceName: text(m["spaceName"]),
    jid: text(m["jid"]),
    iceServers: readIceServers(m["iceServers"]),
    sessionToken: text(m["sessionToken"]),
    rights: {
      muteOthers: flag(rights["muteOthers"]),
      removeOthers: flag(rights["removeOthers"]),
      lock: flag(rights["lock"]),
    },
    participants: list(m["participants"]).map(object).map(readParticipant),
    locked: flag(m["locked"]),
    videoCodec: text(m["videoCodec"]) || "VP8",
    speaker: number(m["speaker"]),
    slots: readSlots(object(m["slots"])),
  };
}

const PHASES: readonly string[] = ["connecting", "connected", "failing", "failed"];

/** How each event is read: one row per `type`. */
export const readers: { [K in keyof Events]: (m: Json) => Events[K] } = {
  welcome: readWelcome,
  participant: readParticipant,
  left: (m) => number(m["participant"]),
  slots: readSlots,
  wanted: (m) => ({
    videoHeight: number(m["videoHeight"]),
    screenHeight: number(m["screenHeight"]),
  }),
  state: readJoined,
  speaker: (m) => number(m["participant"]),
  candidate: (m) => text(m["candidate"]),
  muted: (m) => ({ audio: flag(m["audio"]), video: flag(m["video"]), by: number(m["by"]) }),
  locked: (m) => flag(m["locked"]),
  media: (m) => ({
    state: (PHASES.includes(text(m["state"])) ? m["state"] : "connecting") as MediaPhase,
    cause: text(m["cause"]),
  }),
  restart: (m) => readIceServers(m["iceServers"]),
  ended: (m) => text(m["reason"]),
};

const CODES: readonly string[] = [
  "NOT_FOUND",
  "DENIED",
  "UNAVAILABLE",
  "DEADLINE",
  "CONFLICT",
  "INVALID",
  "INTERNAL",
];

export function readRefusal(m: Json): Refusal {
  const code = text(m["code"]);
  return new Refusal(
    (CODES.includes(code) ? code : "INTERNAL") as Code,
    text(m["message"]),
    flag(m["retry"]),
  );
}
