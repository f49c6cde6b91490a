// SPDX-License-Identifier: Apache-2.0
// Camera and microphone: asking for them, and saying in one word why there is none.

export type DeviceState =
  | "off" // not asked for
  | "asking" // the browser asks the guest
  | "on"
  | "denied" // refused by the guest, the browser or the system
  | "missing" // there is none
  | "busy" // another program holds it
  | "insecure" // the page did not come over HTTPS
  | "failed";

export type Kind = "audio" | "video";

export interface Opened {
  track: MediaStreamTrack | null;
  state: DeviceState;
}

const CAMERA: MediaTrackConstraints = {
  width: { ideal: 1280 },
  height: { ideal: 720 },
  frameRate: { ideal: 30, max: 30 },
};
const MICROPHONE: MediaTrackConstraints = {
  echoCancellation: true,
  noiseSuppression: true,
  autoGainControl: true,
  channelCount: { ideal: 1 },
};

const REASONS: Record<string, DeviceState> = {
  NotAllowedError: "denied",
  SecurityError: "denied",
  NotFoundError: "missing",
  OverconstrainedError: "missing",
  NotReadableError: "busy",
  AbortError: "busy",
};

function constraints(kind: Kind, deviceId: string): MediaTrackConstraints {
  const base = kind === "audio" ? MICROPHONE : CAMERA;
  // `exact`: with `ideal` another wish, such as one channel, may weigh as much as the device.
  return deviceId === "" ? base : { ...base, deviceId: { exact: deviceId } };
}

const failure = (e: unknown): DeviceState =>
  (e instanceof DOMException ? REASONS[e.name] : undefined) ?? "failed";

export async function openDevice(kind: Kind, deviceId: string): Promise<Opened> {
  if (navigator.mediaDevices === undefined) return { track: null, state: "insecure" };
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      [kind]: constraints(kind, deviceId),
    });
    return { track: stream.getTracks()[0] ?? null, state: "on" };
  } catch (e) {
    // A chosen device that is gone must not leave the guest without any.
    if (deviceId !== "" && failure(e) === "missing") return openDevice(kind, "");
    return { track: null, state: failure(e) };
  }
}

async function permission(kind: Kind): Promise<string> {
  try {
    const name = (kind === "audio" ? "microphone" : "camera") as PermissionName;
    return (await navigator.permissions.query({ name })).state;
  } catch {
    return "prompt"; // this browser does not tell
  }
}

/** Both with one question to the guest; what one of them cannot have does not cost the other. */
export async function openBoth(
  audioId: string,
  videoId: string,
): Promise<{ audio: Opened; video: Opened }> {
  if (navigator.mediaDevices === undefined) {
    const none: Opened = { track: null, state: "insecure" };
    return { audio: none, video: none };
  }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: constraints("audio", audioId),
      video: constraints("video", videoId),
    });
    return {
      audio: { track: stream.getAudioTracks()[0] ?? null, state: "on" },
      video: { track: stream.getVideoTracks()[0] ?? null, state: "on" },
    };
  } catch (e) {
    const refused = failure(e) === "denied";
    const single = async (kind: Kind, id: string): Promise<Opened> => {
      // After a refusal ask only for what was allowed before: a second question would be a
      // nuisance.
      if (refused && (await permission(kind)) !== "granted")
        return { track: null, state: "denied" };
      return openDevice(kind, id);
    };
    const audio = await single("audio", audioId);
    return { audio, video: await single("video", videoId) };
  }
}

export interface DeviceList {
  audioinput: MediaDeviceInfo[];
  videoinput: MediaDeviceInfo[];
  audiooutput: MediaDeviceInfo[];
}

/** The devices with names; empty lists while the browser keeps them secret. */
export async function listDevices(): Promise<DeviceList> {
  const list: DeviceList = { audioinput: [], videoinput: [], audiooutput: [] };
  const all = (await navigator.mediaDevices?.enumerateDevices().catch(() => [])) ?? [];
  for (const device of all) {
    if (device.deviceId !== "" && device.label !== "") list[device.kind].push(device);
  }
  return list;
}

export interface Shared {
  video: MediaStreamTrack;
  audio: MediaStreamTrack | null;
}

/** Null: the guest changed their mind. `unable`: the browser or system would not. */
export async function openScreen(): Promise<Shared | null | "unable"> {
  if (navigator.mediaDevices?.getDisplayMedia === undefined) return "unable";
  const wishes = {
    video: { frameRate: 15 },
    audio: true,
    // Not known to every browser, and passed over there.
    systemAudio: "include",
    surfaceSwitching: "include",
  };
  try {
    const stream = await navigator.mediaDevices.getDisplayMedia(wishes);
    const video = stream.getVideoTracks()[0];
    if (video === undefined) return "unable";
    video.contentHint = "detail";
    return { video, audio: stream.getAudioTracks()[0] ?? null };
  } catch (e) {
    return failure(e) === "denied" ? null : "unable";
  }
}
