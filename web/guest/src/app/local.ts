// SPDX-License-Identifier: Apache-2.0
// The guest's own camera, microphone, speaker and screen: opening, switching, stopping.

import { signal, type Signal } from "@preact/signals";
import {
  listDevices,
  openBoth,
  openDevice,
  openScreen,
  type DeviceList,
  type DeviceState,
  type Kind,
  type Opened,
} from "../media/devices";
import {
  audioMuted,
  cameraIsOff,
  cameraState,
  cameraTrack,
  cameraTrouble,
  chosen,
  devices,
  micState,
  micTrack,
  micTrouble,
  muted,
  page,
  screenTrack,
  videoMuted,
} from "../store";
import { load, save } from "./saved";
import { say } from "./say";

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

const STAND_INS: readonly string[] = ["default", "communications"];

/** The sound of a shared screen, where the browser gives it. */
export const screenSound = signal<MediaStreamTrack | null>(null);

export function startDevices(): void {
  for (const key of ["audioinput", "videoinput", "audiooutput"] as const)
    chosen[key].value = load(key);
  navigator.mediaDevices?.addEventListener("devicechange", () => void onDeviceChange());
}

async function refreshDevices(): Promise<void> {
  devices.value = await listDevices();
}

/** Something was plugged in or out. What is in use and gone is replaced by onended. */
async function onDeviceChange(): Promise<void> {
  const before = devices.value;
  await refreshDevices();
  if (page.value !== "meeting" || before.audioinput.length === 0) return;
  const all = (d: DeviceList): MediaDeviceInfo[] => [...d.audioinput, ...d.videoinput];
  // Browsers list "Default" and "Communications" beside the device they stand for.
  const fresh = all(devices.value).filter(
    (d) => !STAND_INS.includes(d.deviceId) && !all(before).some((b) => b.deviceId === d.deviceId),
  );
  for (const label of new Set(fresh.map((d) => d.label))) say("deviceNew", label);
  const speaker = chosen.audiooutput.value;
  const had = before.audiooutput.some((d) => d.deviceId === speaker);
  if (had && !devices.value.audiooutput.some((d) => d.deviceId === speaker)) {
    chosen.audiooutput.value = ""; // shown, not remembered: it may be back the next time
    say("speakerGone");
  }
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
    if (own.track.value === track) void lost(own);
  };
  const system = own === mic ? micTrouble : cameraTrouble;
  system.value = track.muted ? "system" : null;
  track.onmute = () => {
    if (own.track.value === track) system.value = "system";
  };
  track.onunmute = () => {
    if (own.track.value === track) system.value = null;
  };
}

/** Unplugged, or permission taken back: another device if there is one, and the guest is told. */
async function lost(own: Own): Promise<void> {
  own.track.value = null;
  const label = (await open(own))?.label ?? "";
  if (page.value !== "meeting") return;
  if (label !== "") say(own === mic ? "micSwitched" : "cameraSwitched", label);
  else say(own === mic ? "micGone" : "cameraGone");
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

async function open(own: Own): Promise<MediaStreamTrack | null> {
  const turn = ++own.turn;
  own.state.value = "asking";
  settle(own, turn, await openDevice(own.kind, chosen[own.input].value));
  await refreshDevices();
  return own.track.value;
}

function close(own: Own): void {
  own.turn++;
  own.track.value?.stop();
  own.track.value = null;
  own.state.value = "off";
  (own === mic ? micTrouble : cameraTrouble).value = null;
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

export const toggleMic = (): void => void setMuted(!audioMuted.value);
export const toggleCamera = (): void => void setCameraOff(!videoMuted.value);

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
  if (shared === "unable") say("notShared");
  if (shared === null || shared === "unable") return false;
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
