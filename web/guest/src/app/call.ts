// SPDX-License-Identifier: Apache-2.0
// From Join call to the end: who is in the call, what happens in it, what the guest does in it.

import { effect } from "@preact/signals";
import { mark, resetTimings } from "../media/timings";
import {
  audioMuted,
  busy,
  canJoinAgain,
  endedBy,
  error,
  handRaised,
  locked,
  login,
  name,
  nameOf,
  NOBODY,
  page,
  participants,
  peer,
  peopleShown,
  rejoining,
  rights,
  screenTrack,
  self,
  slots,
  speaker,
  videoMuted,
} from "../store";
import type { TextKey } from "../text";
import { Refusal, type Joined, type Participant } from "../wire/messages";
import type { Changes, MediaChoice, Order } from "../wire/session";
import { attempt, connect, dropPeer, preparePeer, reconnect } from "./connection";
import { showPreview } from "./entry";
import { closeDevices, setCameraOff, setMuted, startScreen, stopScreen } from "./local";
import { save } from "./saved";
import { say } from "./say";
import { hooks, session } from "./session";

const JOIN_ERRORS: Record<string, TextKey> = {
  DENIED: "errJoinDenied",
  NOT_FOUND: "errNotFound",
  CONFLICT: "errConflict",
  UNAVAILABLE: "errUnavailable",
  DEADLINE: "errDeadline",
};

export async function join(): Promise<void> {
  if (busy.value) return;
  const given = name.value.trim().slice(0, 64);
  if (given === "") {
    error.value = "errNameEmpty";
    return;
  }
  resetTimings();
  mark("joinClick");
  save("name", given);
  busy.value = true;
  error.value = null;
  try {
    if (peer.value === null) preparePeer();
    told = ownMutes();
    const joined = await session.join(given, told);
    mark("joinAnswer");
    attempt(connect(joined));
    show(joined);
    handRaised.value = false;
    page.value = "meeting";
  } catch (e) {
    error.value = (e instanceof Refusal ? JOIN_ERRORS[e.code] : undefined) ?? "errOther";
  } finally {
    busy.value = false;
  }
}

/** The whole state, as a join or resume answer brings it. */
function show(joined: Joined): void {
  self.value = joined.participant;
  participants.value = new Map(joined.participants.map((p) => [p.participant, p]));
  slots.value = joined.slots;
  speaker.value = joined.speaker;
  locked.value = joined.locked;
  rights.value = joined.rights;
  rejoining.value = false;
}

function onBack(joined: Joined, sameMedia: boolean): void {
  const own = joined.participants.find((p) => p.participant === joined.participant);
  show(joined);
  if (own !== undefined) agree(own);
  if (sameMedia) {
    attempt(reconnect(joined));
  } else {
    preparePeer();
    attempt(connect(joined));
    if (screenTrack.value !== null) tell({ screen: true });
    handRaised.value = false;
  }
}

const ENDINGS: Record<string, TextKey> = {
  removed: "endedRemoved",
  "call-ended": "endedCallEnded",
  replaced: "endedReplaced",
  "server-stopping": "endedServer",
  "connection-lost": "endedLost",
  refused: "endedRefused",
};

function onEnded(reason: string): void {
  if (page.value !== "meeting") return;
  if (reason === "server-stopping" || reason === "connection-lost") {
    // Nobody's wish: another callbridge, or the same one restarted, takes us back.
    rejoining.value = true;
    session.rejoin();
    return;
  }
  end(ENDINGS[reason] ?? "endedLost", reason === "replaced");
}

function end(why: TextKey, again: boolean): void {
  self.value = 0; // first: closing the devices is nothing to tell any more
  dropPeer();
  closeDevices();
  participants.value = new Map();
  slots.value = NOBODY;
  speaker.value = 0;
  rejoining.value = false;
  peopleShown.value = false;
  endedBy.value = why;
  canJoinAgain.value = again && login.value !== null;
  page.value = "ended";
}

export function leave(): void {
  session.leave();
  end("endedLeft", true);
}

export function joinAgain(): void {
  showPreview();
}

// --- what others do ------------------------------------------------------------------------------

function onParticipant(p: Participant): void {
  const before = participants.value.get(p.participant);
  participants.value = new Map(participants.value).set(p.participant, p);
  if (p.participant === self.value) {
    handRaised.value = p.hand;
    return;
  }
  if (before === undefined) say("saidJoined", p.name);
  if (p.hand && before?.hand !== true) say("saidHand", p.name);
  if (p.screen && before?.screen !== true) say("saidSharing", p.name);
}

function onLeft(participant: number): void {
  const rest = new Map(participants.value);
  const gone = rest.get(participant);
  if (gone === undefined) return;
  rest.delete(participant);
  participants.value = rest;
  say("saidLeft", gone.name);
}

function onMuted({ audio, video, by }: { audio: boolean; video: boolean; by: number }): void {
  if (audio) void setMuted(true);
  if (video) void setCameraOff(true);
  const who = nameOf(by);
  if (who === "") say("saidMuted");
  else say("saidMutedBy", who);
}

// --- what the guest does -------------------------------------------------------------------------

/** What the callbridge was last told about our microphone and camera. */
let told: MediaChoice = { audioMuted: false, videoMuted: false };

const ownMutes = (): MediaChoice => ({
  audioMuted: audioMuted.value,
  videoMuted: videoMuted.value,
});

/** A switch of ours could not be told. */
let unsaid = false;

/**
 * After signalling was away: what was switched here meanwhile is told now; otherwise a difference is
 * the order of somebody who muted us meanwhile.
 */
function agree(own: MediaChoice): void {
  const mine = ownMutes();
  const audio = !unsaid && own.audioMuted && !mine.audioMuted;
  const video = !unsaid && own.videoMuted && !mine.videoMuted;
  unsaid = false;
  told = { audioMuted: own.audioMuted, videoMuted: own.videoMuted };
  if (audio || video) onMuted({ audio, video, by: 0 });
  tellMutes();
}

function tellMutes(): void {
  const now = ownMutes();
  if (self.value === 0) return;
  const changes: Changes = {};
  if (now.audioMuted !== told.audioMuted) changes.audioMuted = now.audioMuted;
  if (now.videoMuted !== told.videoMuted) changes.videoMuted = now.videoMuted;
  told = now;
  if (Object.keys(changes).length > 0) tell(changes);
}

/** A failure is made good by the next resume. */
function tell(changes: Changes): void {
  session.setMedia(changes).catch(() => {
    unsaid = true;
  });
}

export async function shareScreen(): Promise<void> {
  if (screenTrack.value !== null) endScreen();
  else if (await startScreen(endScreen)) tell({ screen: true });
}

function endScreen(): void {
  stopScreen();
  tell({ screen: false });
}

export function raiseHand(): void {
  handRaised.value = !handRaised.value;
  tell({ hand: handRaised.value });
}

export async function control(target: number, order: Order): Promise<void> {
  try {
    await session.control(target, order);
  } catch (e) {
    say(e instanceof Refusal && e.code === "DENIED" ? "notAllowed" : "notDone");
  }
}

export function startCall(): void {
  hooks.onBack = onBack;
  hooks.onOut = (reason) => end(ENDINGS[reason] ?? "endedLost", reason === "connection-lost");
  Object.assign(hooks.events, {
    participant: onParticipant,
    left: onLeft,
    muted: onMuted,
    ended: onEnded,
    slots: (s) => {
      slots.value = s;
    },
    speaker: (n) => {
      speaker.value = n;
    },
    locked: (l) => {
      locked.value = l;
      say(l ? "saidLocked" : "saidUnlocked");
    },
  } satisfies typeof hooks.events);

  effect(tellMutes);
  window.addEventListener("pagehide", () => session.leave());
}
