// SPDX-License-Identifier: Apache-2.0
// The guest's own camera, microphone, speaker and screen: opening, switching, stopping.

import { signal, type Signal } from "@preact/signals";
import {
  listDevices,
  openBoth,
  openDevice,
  openScreen,
  type DeviceState,
  type Kind,
  type Opened,
} from "../media/devices";
import {
  cameraIsOff,
  cameraState,
  cameraTrack,
  chosen,
  devices,
  micState,
  micTrack,
  muted,
  screenTrack,
} from "../store";
import { load, save } from "./saved";

interface Own {
  kind: Kind;
  input: "audioinput" | "videoinput";
  state: Signal<DeviceState>;
  track: Signal<MediaStreamTrack | null>;
  /** Counts openings: an answer of the browser to an older one is thrown away. */
  turn: number;
}

const mic: Own = { kind: "audio", input: "audioinput", state: micState, track: micTrack, turn: 0 };
const camera: Own = {
  kind: "video",
  input: "videoinput",
  state: cameraState,
  track: cameraTrack,
  turn: 0,
};
const owns = { audioinput: mic, videoinput: camera };

/** The sound of a shared screen, where the browser gives it. */
export const screenSound = signal<MediaStreamTrack | null>(null);

export function startDevices(): void {
  for (const key of ["audioinput", "videoinput", "audiooutput"] as const)
    chosen[key].value = load(key);
  navigator.mediaDevices?.addEventListener("devicechange", () => void refreshDevices());
}

async function refreshDevices(): Promise<void> {
  devices.value = await listDevices();
}

function settle(own: Own, turn: number, opened: Opened): void {
  const track = opened.track;
  if (turn !== own.turn) {
    track?.stop();
    return;
  }
  own.track.value?.stop();
  own.track.value = track;
  own.state.value = opened.state;
  if (track === null) return;
  if (own === mic) track.enabled = !muted.value;
  const id = track.getSettings().deviceId ?? "";
  // A fallback is shown, not remembered: the wished device may be back the next time.
  if (chosen[own.input].value !== "" && id !== "") chosen[own.input].value = id;
  track.onended = () => {
    if (own.track.value !== track) return;
    own.track.value = null; // unplugged, or permission taken back
    own.state.value = "missing";
    void refreshDevices();
  };
}

/** Opens both for the preview, with one question to the guest. */
export async function openPreview(): Promise<void> {
  const wantMic = micTrack.value === null;
  const wantCamera = cameraTrack.value === null && !cameraIsOff.value;
  if (wantMic && wantCamera) {
    const [a, v] = [++mic.turn, ++camera.turn];
    micState.value = cameraState.value = "asking";
    const { audio, video } = await openBoth(chosen.audioinput.value, chosen.videoinput.value);
    settle(mic, a, audio);
    settle(camera, v, video);
  } else {
    if (wantMic) await open(mic);
    if (wantCamera) await open(camera);
  }
  await refreshDevices();
}

async function open(own: Own): Promise<void> {
  const turn = ++own.turn;
  own.state.value = "asking";
  settle(own, turn, await openDevice(own.kind, chosen[own.input].value));
  await refreshDevices();
}

function close(own: Own): void {
  own.turn++;
  own.track.value?.stop();
  own.track.value = null;
  own.state.value = "off";
}

export async function setMuted(value: boolean): Promise<void> {
  muted.value = value;
  if (micTrack.value !== null) micTrack.value.enabled = !value;
  else if (!value) await open(mic);
}

export async function setCameraOff(value: boolean): Promise<void> {
  cameraIsOff.value = value;
  // The camera is really let go, so that its light goes out.
  if (value) close(camera);
  else await open(camera);
}

export async function retry(kind: Kind): Promise<void> {
  await open(kind === "audio" ? mic : camera);
}

export async function choose(
  key: "audioinput" | "videoinput" | "audiooutput",
  id: string,
): Promise<void> {
  chosen[key].value = id;
  save(key, id);
  if (key === "audiooutput") return; // the audio elements follow the signal
  const own = owns[key];
  if (own.track.value === null && own.state.value === "off") return;
  // A device used by a stream cannot always be opened twice with other settings: let it go first.
  own.track.value?.stop();
  await open(own);
}

export async function startScreen(onEnd: () => void): Promise<boolean> {
  const shared = await openScreen();
  if (shared === null) return false;
  screenTrack.value = shared.video;
  screenSound.value = shared.audio;
  shared.video.onended = onEnd;
  return true;
}

export function stopScreen(): void {
  screenTrack.value?.stop();
  screenSound.value?.stop();
  screenTrack.value = screenSound.value = null;
}

export function closeDevices(): void {
  close(mic);
  close(camera);
  stopScreen();
}
