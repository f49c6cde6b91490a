// SPDX-License-Identifier: Apache-2.0
// The way in: landing, call ID and passcode, or a link; up to the preview.

import {
  busy,
  callId,
  canJoinAgain,
  error,
  hasLink,
  interrupted,
  login,
  name,
  online,
  page,
  passcode,
  rejoining,
  welcome,
} from "../store";
import type { TextKey } from "../text";
import { Refusal, type Welcome } from "../wire/messages";
import { dropPeer, preparePeer } from "./connection";
import { closeDevices, openPreview } from "./local";
import { load, loadCall } from "./saved";
import { hooks, session } from "./session";

type Access = { passcode: string } | { secret: string };

/** The link the page was opened with: tried once, as soon as joining is possible. */
let link: { callId: string; secret: string } | null = null;

export function startEntry(): void {
  name.value = load("name");
  interrupted.value = loadCall();
  const query = new URLSearchParams(window.location.search);
  const id = query.get("id") ?? "";
  if (id !== "") {
    callId.value = id;
    link = { callId: id, secret: query.get("secret") ?? "" };
    hasLink.value = true;
  }
  hooks.events.welcome = onWelcome;
}

function onWelcome(w: Welcome): void {
  welcome.value = w;
  // After a reload of a page that was in a call the guest chooses: back, or in anew.
  if (interrupted.value === null) followLink();
}

function followLink(): void {
  if (link !== null && welcome.value?.joinAvailable === true && page.value === "landing")
    void useLink();
}

async function useLink(): Promise<void> {
  const { callId: id, secret } = link!;
  link = null;
  hasLink.value = false;
  const bySecret = secret !== "" && welcome.value?.hyperlinks === true;
  page.value = "callId";
  await enter(id, bySecret ? { secret } : { passcode: "" });
  // Without a passcode it was only a try: a refusal means no more than that one is needed.
  if (error.value === "errDenied") error.value = bySecret ? "errLinkDenied" : "needPasscode";
}

const LOGIN_ERRORS: Record<string, TextKey> = {
  DENIED: "errDenied",
  NOT_FOUND: "errDenied",
  INVALID: "errDenied", // for example letters in the call ID: not a call's ID either
  UNAVAILABLE: "errUnavailable",
  DEADLINE: "errDeadline",
};

async function enter(id: string, access: Access): Promise<void> {
  busy.value = true;
  error.value = null;
  try {
    login.value = await session.login(id, access);
    passcode.value = "";
    showPreview();
  } catch (e) {
    error.value = (e instanceof Refusal ? LOGIN_ERRORS[e.code] : undefined) ?? "errOther";
  } finally {
    busy.value = false;
  }
}

/** Join call: by the link the page was opened with, else by call ID. */
export function showCallId(): void {
  error.value = null;
  if (link !== null) followLink();
  else page.value = "callId";
}

export async function submitCallId(): Promise<void> {
  if (busy.value) return;
  const id = callId.value.replace(/\s/g, "");
  if (id === "") {
    error.value = "errCallIdEmpty";
    return;
  }
  await enter(id, { passcode: passcode.value });
}

export function showPreview(): void {
  error.value = null;
  page.value = "preview";
  preparePeer();
  void openPreview();
}

export function backToLanding(): void {
  leaveRoom();
  page.value = "landing";
}

export function backToCallId(): void {
  leaveRoom();
  page.value = "callId";
}

function leaveRoom(): void {
  error.value = null;
  login.value = null;
  canJoinAgain.value = false;
  rejoining.value = false;
  dropPeer();
  closeDevices();
}

export function onUp(): void {
  online.value = true;
}

export function onDown(): void {
  online.value = false;
}
