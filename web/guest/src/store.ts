// SPDX-License-Identifier: Apache-2.0
// The page's whole state, in signals. Views read it; only src/app/ writes it.

import { computed, signal } from "@preact/signals";
import type { Interrupted } from "./app/saved";
import type { DeviceList, DeviceState } from "./media/devices";
import type { Peer } from "./media/peer";
import type { TextKey } from "./text";
import type { Cause } from "./media/watchdog";
import { NO_QUALITY, type Quality } from "./media/quality";
import type { Stats } from "./media/stats";
import type { Layout } from "./view/layout";
import type { Login, Participant, Rights, Slots, Wanted, Welcome } from "./wire/messages";

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
/** The page was opened with a link that has not been used yet. */
export const hasLink = signal(false);
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
  videoPaused: [],
  screenPaused: false,
};
/** Before the callbridge has said anything about it. */
export const ALL_WANTED: Wanted = { videoHeight: Infinity, screenHeight: Infinity };
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
export const wanted = signal<Wanted>(ALL_WANTED);
/** Whose hands are up, the first first. */
export const hands = signal<readonly number[]>([]);

// What the guest chose to see.
export const layout = signal<Layout>("auto");
export const pinned = signal(0);
export const selfHidden = signal(false);
export const shortcutsOn = signal(true);
export type DialogName = "settings" | "help" | "quality" | "remove";
export const dialog = signal<DialogName | null>(null);
/** Whom the dialog asks about. */
export const asked = signal(0);
/** Space is held: heard although muted. */
export const talking = signal(false);

/** `system`: muted by the system, a key or a switch. Silent: it works and delivers nothing. */
export const micTrouble = signal<"system" | null>(null);
export const micSilent = signal(false);
export const cameraTrouble = signal<"system" | null>(null);

/** `trouble`, `failed`: never got through; `stalled`: did, and stopped; `frozen`: no pictures. */
export type MediaPhase = "connecting" | "connected" | "trouble" | "failed" | "stalled" | "frozen";
export interface MediaTrouble {
  phase: MediaPhase;
  /** Why, as far as this page can tell. */
  why: Cause | null;
  /** What the callbridge said of it. */
  cause: string;
  /** What is being tried. */
  trying: TextKey | null;
}
export const NO_TROUBLE: MediaTrouble = {
  phase: "connecting",
  why: null,
  cause: "",
  trying: null,
};
export const media = signal<MediaTrouble>(NO_TROUBLE);
export const quality = signal<Quality>(NO_QUALITY);
export const stats = signal<Stats | null>(null);
/** Not in the call although its page is shown: on the way back in. */
export const rejoining = signal(false);

/** Why the ended page is shown. */
export const endedBy = signal<TextKey>("endedLeft");
export const canJoinAgain = signal(false);
/** One click leads back in: nobody left on purpose. */
export const straightBack = signal(false);
/** Left by loading the page anew: the call can be joined again. */
export const interrupted = signal<Interrupted | null>(null);

/** Spoken and shown for a moment; the newest last. */
export const said = signal<readonly { id: number; notice: Notice }[]>([]);

export const others = computed(() =>
  [...participants.value.values()].filter((p) => p.participant !== self.value),
);

export const nameOf = (participant: number): string =>
  participants.value.get(participant)?.name ?? "";
