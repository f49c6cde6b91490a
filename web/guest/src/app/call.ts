// SPDX-License-Identifier: Apache-2.0
// From Join call to the end: who is in the call, what happens in it, what the guest does in it.

import { effect } from "@preact/signals";
import { mark, resetTimings, timings } from "../media/timings";
import {
  audioMuted,
  busy,
  cameraIsOff,
  canJoinAgain,
  dialog,
  endedBy,
  error,
  handRaised,
  hands,
  interrupted,
  locked,
  login,
  muted,
  name,
  NOBODY,
  page,
  participants,
  peer,
  peopleShown,
  pinned,
  rejoining,
  rights,
  screenTrack,
  self,
  slots,
  speaker,
  straightBack,
  videoMuted,
} from "../store";
import type { TextKey } from "../text";
import { Refusal, type Joined, type Participant } from "../wire/messages";
import type { Changes, MediaChoice, Order } from "../wire/session";
import { attempt, connect, dropPeer, preparePeer, reconnect, restartNow } from "./connection";
import { showPreview } from "./entry";
import { closeDevices, openPreview, startScreen, stopScreen } from "./local";
import { onLeft, onMuted, onParticipant, showPeople } from "./people";
import { save, saveCall } from "./saved";
import { say } from "./say";
import { hooks, session } from "./session";
import { startSleepClock } from "./wake";

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
  save("name", given);
  await enter(given);
}

async function enter(given: string): Promise<void> {
  resetTimings();
  mark("joinClick");
  busy.value = true;
  error.value = null;
  try {
    if (peer.value === null) preparePeer();
    told = ownMutes();
    const joined = await session.join(given, told);
    mark("joinAnswer");
    attempt(connect(joined, timings.joinClick));
    show(joined);
    handRaised.value = false;
    interrupted.value = null;
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
  showPeople(joined.participants);
  slots.value = joined.slots;
  speaker.value = joined.speaker;
  locked.value = joined.locked;
  rights.value = joined.rights;
  rejoining.value = false;
}

/** Events may have been lost: what we knew of the call is void. */
function onState(joined: Joined): void {
  if (page.value !== "meeting" || joined.participant !== self.value) return;
  show(joined);
  const own = participants.value.get(self.value);
  if (own !== undefined) agree(own);
}

function onBack(joined: Joined, sameMedia: boolean): void {
  const own = joined.participants.find((p) => p.participant === joined.participant);
  show(joined);
  if (own !== undefined) agree(own);
  if (sameMedia) {
    attempt(reconnect(joined));
    if (slept) restartNow(); // what was a path before the sleep is hardly one now
  } else {
    preparePeer();
    attempt(connect(joined));
  }
  slept = false;
}

const ENDINGS: Record<string, TextKey> = {
  removed: "endedRemoved",
  "call-ended": "endedCallEnded",
  replaced: "endedReplaced",
  "server-stopping": "endedServer",
  "connection-lost": "endedLost",
  refused: "endedRefused",
  away: "endedAway",
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

function end(why: TextKey, again: boolean, straight = false): void {
  saveCall(null);
  error.value = null;
  self.value = 0; // first: closing the devices is nothing to tell any more
  dropPeer();
  closeDevices();
  participants.value = new Map();
  slots.value = NOBODY;
  speaker.value = 0;
  rejoining.value = false;
  peopleShown.value = false;
  dialog.value = null;
  hands.value = [];
  pinned.value = 0;
  straightBack.value = straight;
  endedBy.value = why;
  canJoinAgain.value = again && login.value !== null;
  page.value = "ended";
}

export function leave(): void {
  session.leave();
  end("endedLeft", true);
}

export function joinAgain(): void {
  if (!straightBack.value) {
    showPreview();
    return;
  }
  void goBackIn(name.value.trim());
}

/** The call a reload interrupted: by its ticket, with the name of before. */
export async function returnToCall(): Promise<void> {
  const call = interrupted.value;
  if (call === null || busy.value) return;
  session.adopt(call.login);
  login.value = call.login;
  name.value = call.name;
  muted.value = call.muted;
  cameraIsOff.value = call.cameraOff;
  await goBackIn(call.name);
  if (error.value === "errJoinDenied" || error.value === "errNotFound") {
    saveCall(null);
    interrupted.value = null;
    closeDevices();
    dropPeer();
    login.value = null;
    error.value = "returnFailed";
  }
}

/** Without another look into the mirror. The devices come when the browser gives them. */
async function goBackIn(given: string): Promise<void> {
  if (busy.value) return;
  preparePeer();
  void openPreview();
  await enter(given);
}

// --- what the guest does -------------------------------------------------------------------------

/** The device slept since the last word of the server. */
let slept = false;

/** What the callbridge was last told about our microphone and camera. */
let told: MediaChoice = { audioMuted: false, videoMuted: false };

const ownMutes = (): MediaChoice => ({
  audioMuted: audioMuted.value,
  videoMuted: videoMuted.value,
});

/** A switch of ours could not be told, or is on its way. */
let unsaid = false;
let saying = 0;

/**
 * After signalling was away: what was switched here meanwhile is told now; otherwise a difference is
 * the order of somebody who muted us meanwhile.
 */
function agree(own: Participant): void {
  const mine = ownMutes();
  const ours = unsaid || saying > 0;
  const audio = !ours && own.audioMuted && !mine.audioMuted;
  const video = !ours && own.videoMuted && !mine.videoMuted;
  unsaid = false;
  const sharing = screenTrack.value !== null;
  if (own.screen !== sharing) tell({ screen: sharing });
  if (ours && own.hand !== handRaised.value) tell({ hand: handRaised.value });
  else handRaised.value = own.hand;
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
  saying++;
  session
    .setMedia(changes)
    .catch(() => {
      unsaid = true;
    })
    .finally(() => {
      saying--;
    });
}

export async function shareScreen(): Promise<void> {
  if (screenTrack.value !== null) {
    endScreen();
    return;
  }
  if (!(await startScreen(endScreen))) return;
  try {
    await session.setMedia({ screen: true });
  } catch (e) {
    if (!(e instanceof Refusal) || e.code !== "DENIED") return; // told again by the next resume
    stopScreen();
    say("notAllowed");
  }
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
  hooks.onOut = (reason) => end(ENDINGS[reason] ?? "endedLost", reason !== "refused", true);
  Object.assign(hooks.events, {
    participant: onParticipant,
    left: onLeft,
    muted: onMuted,
    ended: onEnded,
    state: onState,
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
  effect(keepCall);
  startSleepClock((ms) => {
    slept = session.inside;
    session.awake(ms);
  });
  window.addEventListener("pagehide", () => {
    keepCall();
    session.leave();
  });
  // Shown again from the browser's memory, with all sockets dead: start as after a reload.
  window.addEventListener("pageshow", (e) => {
    if (e.persisted) window.location.reload();
  });
}

/** What a reload needs to offer the way back. */
function keepCall(): void {
  if (page.value !== "meeting" || login.value === null) return;
  saveCall({
    login: login.value,
    name: name.value.trim(),
    muted: muted.value,
    cameraOff: cameraIsOff.value,
  });
}
