// SPDX-License-Identifier: Apache-2.0
// The page's whole state, in signals. Views read it; only src/app/ writes it.

import { computed, signal } from "@preact/signals";
import type { DeviceList, DeviceState } from "./media/devices";
import type { Peer } from "./media/peer";
import type { TextKey } from "./text";
import type { Login, Participant, Rights, Slots, Welcome } from "./wire/messages";

export type Page = "landing" | "callId" | "preview" | "meeting" | "ended";

/** A sentence for the guest, with what it is filled with. */
export interface Notice {
  key: TextKey;
  args?: string[];
}

export const page = signal<Page>("landing");
export const online = signal(false);
export const welcome = signal<Welcome | null>(null);
export const busy = signal(false);
export const error = signal<TextKey | null>(null);

// The way in.
export const callId = signal("");
export const passcode = signal("");
export const login = signal<Login | null>(null);
export const name = signal("");

// Own devices. A mute is a wish; a track is what there is.
export const micState = signal<DeviceState>("off");
export const cameraState = signal<DeviceState>("off");
export const micTrack = signal<MediaStreamTrack | null>(null);
export const cameraTrack = signal<MediaStreamTrack | null>(null);
export const screenTrack = signal<MediaStreamTrack | null>(null);
export const muted = signal(false);
export const cameraIsOff = signal(false);
export const devices = signal<DeviceList>({ audioinput: [], videoinput: [], audiooutput: [] });
export const chosen = {
  audioinput: signal(""),
  videoinput: signal(""),
  audiooutput: signal(""),
};

/** What others are told: without a track there is nothing to hear or see. */
export const audioMuted = computed(() => muted.value || micTrack.value === null);
export const videoMuted = computed(() => cameraIsOff.value || cameraTrack.value === null);

// The meeting.
export const NOBODY: Slots = {
  audio: [0, 0, 0],
  video: [0, 0, 0, 0, 0, 0, 0, 0, 0],
  screen: 0,
  screenAudio: 0,
};
export const NO_RIGHTS: Rights = { muteOthers: false, removeOthers: false, lock: false };

export const self = signal(0);
export const participants = signal<ReadonlyMap<number, Participant>>(new Map());
export const slots = signal<Slots>(NOBODY);
export const speaker = signal(0);
export const locked = signal(false);
export const rights = signal<Rights>(NO_RIGHTS);
export const handRaised = signal(false);
export const peer = signal<Peer | null>(null);
export const soundBlocked = signal(false);
export const peopleShown = signal(false);

export type MediaPhase =
  "connecting" | "connected" | "trouble" | "failing" | "failed" | "stalled" | "relay";
export const media = signal<{ phase: MediaPhase; cause: string }>({
  phase: "connecting",
  cause: "",
});
/** Not in the call although its page is shown: on the way back in. */
export const rejoining = signal(false);

/** Why the ended page is shown. */
export const endedBy = signal<TextKey>("endedLeft");
export const canJoinAgain = signal(false);

/** Spoken and shown for a moment; the newest last. */
export const said = signal<readonly { id: number; notice: Notice }[]>([]);

export const others = computed(() =>
  [...participants.value.values()].filter((p) => p.participant !== self.value),
);

export const nameOf = (participant: number): string =>
  participants.value.get(participant)?.name ?? "";
