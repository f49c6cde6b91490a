// SPDX-License-Identifier: Apache-2.0
// What others do: come, go, speak, raise hands, share, mute us. Kept in the store and told.

import { hands, handRaised, nameOf, participants, pinned, self } from "../store";
import type { Events, Participant } from "../wire/messages";
import { setCameraOff, setMuted } from "./local";
import { comings, say } from "./say";

/** The whole list, as an answer to join or resume brings it. */
export function showPeople(all: readonly Participant[]): void {
  participants.value = new Map(all.map((p) => [p.participant, p]));
  const up = all.filter((p) => p.hand).map((p) => p.participant);
  // The order in which we saw them go up; who is new to us comes after.
  hands.value = [
    ...hands.value.filter((h) => up.includes(h)),
    ...up.filter((h) => !hands.value.includes(h)),
  ];
  if (pinned.value !== 0 && !participants.value.has(pinned.value)) pinned.value = 0;
}

function keepHand(participant: number, up: boolean): void {
  if (hands.value.includes(participant) === up) return;
  const rest = hands.value.filter((h) => h !== participant);
  hands.value = up ? [...rest, participant] : rest;
}

export function onParticipant(p: Participant): void {
  const before = participants.value.get(p.participant);
  participants.value = new Map(participants.value).set(p.participant, p);
  keepHand(p.participant, p.hand);
  if (p.participant === self.value) {
    handRaised.value = p.hand;
    return;
  }
  if (before === undefined) comings.add("joined", p.name);
  if (p.hand && before?.hand !== true) say("saidHand", p.name);
  if (!p.hand && before?.hand === true) say("saidHandDown", p.name);
  if (p.screen && before?.screen !== true) say("saidSharing", p.name);
  if (!p.screen && before?.screen === true) say("saidShareEnd", p.name);
}

export function onLeft(participant: number): void {
  const rest = new Map(participants.value);
  const gone = rest.get(participant);
  if (gone === undefined) return;
  rest.delete(participant);
  participants.value = rest;
  keepHand(participant, false);
  if (pinned.value === participant) pinned.value = 0;
  comings.add("left", gone.name);
}

export function onMuted({ audio, video, by }: Events["muted"]): void {
  if (audio) void setMuted(true);
  if (video) void setCameraOff(true);
  const who = nameOf(by);
  if (who === "") say("saidMuted");
  else say("saidMutedBy", who);
}

/** Somebody is kept large, or nobody any more. */
export function pin(participant: number): void {
  pinned.value = pinned.value === participant ? 0 : participant;
  if (pinned.value === 0) say("saidUnpinned");
  else say("saidPinned", nameOf(participant));
}
