// SPDX-License-Identifier: Apache-2.0
// Brings the session's signalling and the peer connection together: offer and answer, candidates,
// ICE restarts. What the guest is told when media does not flow is in trouble.ts.

import { effect } from "@preact/signals";
import { Peer } from "../media/peer";
import { mark } from "../media/timings";
import { Watch } from "../media/watch";
import {
  ALL_WANTED,
  cameraTrack,
  media,
  micTrack,
  peer,
  screenTrack,
  wanted,
} from "../store";
import { Refusal, type IceServer, type Joined } from "../wire/messages";
import { screenSound } from "./local";
import { due, resetQuality, takeStats } from "./quality";
import { hooks, session } from "./session";
import { Trouble } from "./trouble";

/** Pause before the page tries another ICE restart by itself. */
const RESTART_PAUSE_MS = 5000;
/** Pause before an offer is repeated that the callbridge could not take for the moment. */
const OFFER_PAUSE_MS = 1000;
/** Pause before a callbridge that is away is asked again whether it knows us. */
const ASK_PAUSE_MS = 1000;

let watch: Watch | null = null;
let servers: IceServer[] = [];
let codec = "";
let restartTimer = 0;
let asking = false;
let reported = new Set<string>();
const trouble = new Trouble(report);

const policy = (): RTCIceTransportPolicy =>
  new URLSearchParams(window.location.search).get("ice") === "relay" ? "relay" : "all";

/** Each thing once per connection: a report is a line in the server's log. */
function report(what: string, text: string): void {
  if (reported.has(what + text)) return;
  reported.add(what + text);
  session.report(what, text);
}

/** Makes the connection and its first offer ahead of the click. */
export function preparePeer(): void {
  dropPeer();
  trouble.reset();
  wanted.value = ALL_WANTED;
  const mine = new Peer(
    {
      onCandidate: (candidate, ufrag) => session.candidate(candidate, ufrag),
      onCandidateError: (code, text) => {
        // 701 is any address that cannot be reached, normal with several networks.
        if (code === 401 || code === 431) trouble.relayRefused(text);
        if (code !== 701) report("ice-candidate-error", text);
      },
      onState: (state) => onState(mine, state),
      onBroken: () => renew(mine),
    },
    policy(),
  );
  peer.value = mine;
}

export function dropPeer(): void {
  watch?.stop();
  watch = null;
  window.clearTimeout(restartTimer);
  peer.value?.close();
  peer.value = null;
  resetQuality();
  reported = new Set();
}

/** `since` is when the guest began to wait, for the time until something is said. */
export async function connect(
  joined: Pick<Joined, "iceServers" | "videoCodec">,
  since = performance.now(),
): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = joined.iceServers;
  codec = joined.videoCodec;
  watch = makeWatch(mine);
  watch.start(since);
  await exchange(mine, await mine.offer(servers, joined.videoCodec));
}

/** After a resume: whatever the dead WebSocket may have swallowed is said again. */
export async function reconnect(joined: Joined): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = joined.iceServers;
  const { unanswered } = mine;
  const first = mine.connection.remoteDescription === null;
  if (unanswered !== "" && first) await exchange(mine, unanswered);
  const state = mine.connection.connectionState;
  // Media went together with the signalling, as it does where a guest's relay is behind the same 443:
  // a relay that is gone does not come back by itself, and Chromium takes 8 s to say "failed". An ICE
  // restart that was begun meanwhile begins anew: it may have found no relay, and told nobody of it.
  if ((unanswered !== "" && !first) || state === "failed" || state === "disconnected")
    await restart(servers);
  else if (state !== "connected") mine.repeatCandidates();
}

/** Offers until there is an answer, another offer, or a reason to stop. */
async function exchange(mine: Peer, sdp: string): Promise<void> {
  const overtaken = (): boolean => peer.value !== mine || mine.unanswered !== sdp;
  for (;;) {
    try {
      mark("offerSent");
      const answer = await session.offer(sdp);
      if (overtaken()) return;
      mark("answer");
      await mine.answer(answer);
      mine.adapt("camera", wanted.value.videoHeight);
      mine.adapt("screen", wanted.value.screenHeight);
      return;
    } catch (e) {
      // A lost WebSocket or participant is taken up again by the session, which brings us back
      // here.
      if (overtaken() || !session.isUp || !(e instanceof Refusal) || e.code === "NOT_FOUND")
        throw e;
      if (!e.retry) {
        trouble.refused(e.message);
        throw e;
      }
      await new Promise((done) => window.setTimeout(done, OFFER_PAUSE_MS));
      if (overtaken() || !session.isUp) return;
    }
  }
}

async function restart(fresh: IceServer[]): Promise<void> {
  const mine = peer.value;
  if (mine === null) return;
  servers = fresh;
  trouble.restarting();
  watch?.start(performance.now());
  await exchange(mine, await mine.restart(servers));
}

/** Another connection in the place of one that is broken; the callbridge keeps the participant. */
function renew(broken: Peer): void {
  if (peer.value !== broken || !session.inside) return;
  preparePeer();
  attempt(connect({ iceServers: servers, videoCodec: codec }));
}

/** For event handlers: what fails here is retried by the next resume or restart. */
export function attempt(work: Promise<void>): void {
  work.catch((e: unknown) => report("offer-failed", e instanceof Error ? e.message : String(e)));
}

/** The guest's Retry: a fresh WebSocket too, for that may be what is dead. */
export function restartNow(): void {
  if (!session.inside) return;
  trouble.again();
  attempt(restart(servers));
}

function onState(mine: Peer, state: RTCPeerConnectionState): void {
  if (state === "connected") {
    mark("connected");
    trouble.flow();
    window.clearTimeout(restartTimer);
  } else if (state === "disconnected") {
    trouble.stall(mine);
    void ask(mine);
  } else if (state === "failed") {
    trouble.failed(mine);
    attempt(restart(servers));
    window.clearTimeout(restartTimer);
    restartTimer = window.setTimeout(() => {
      if (peer.value === mine && mine.connection.connectionState === "failed")
        onState(mine, "failed");
    }, RESTART_PAUSE_MS);
  }
}

/** Does the callbridge still know us? If not the session joins again by itself. */
async function ask(mine: Peer): Promise<void> {
  if (asking) return;
  asking = true;
  while (peer.value === mine && media.value.phase === "stalled" && session.inside && session.isUp) {
    try {
      trouble.trying("tryingAsk");
      await session.probe();
      trouble.trying("tryingWait");
      break;
    } catch (e) {
      // Away for the moment, perhaps restarting: its successor will not know us.
      if (!(e instanceof Refusal) || e.code !== "UNAVAILABLE") break;
      await new Promise((done) => window.setTimeout(done, ASK_PAUSE_MS));
    }
  }
  asking = false;
}

function makeWatch(mine: Peer): Watch {
  return new Watch(mine, {
    onFinding: (finding) => {
      if (finding === "flow") trouble.flow();
      else if (finding === "trouble") trouble.late(mine, false);
      else if (finding === "verdict") trouble.late(mine, true);
      else if (finding === "frozen") trouble.frozen(true);
      else if (finding === "thawed") trouble.frozen(false);
      else {
        trouble.stall(mine);
        void ask(mine);
      }
    },
    onStats: takeStats,
    due,
  });
}

export function startConnection(): void {
  effect(() => void peer.value?.send("mic", micTrack.value));
  effect(() => {
    const mine = peer.value;
    const height = wanted.value.videoHeight;
    void mine?.send("camera", cameraTrack.value).then(() => mine.adapt("camera", height));
  });
  effect(() => {
    const mine = peer.value;
    const height = wanted.value.screenHeight;
    void mine?.send("screen", screenTrack.value).then(() => mine.adapt("screen", height));
  });
  effect(() => void peer.value?.send("screenAudio", screenSound.value));

  hooks.events.candidate = (c) => peer.value?.addCandidate(c);
  hooks.events.restart = (fresh) => attempt(restart(fresh));
  hooks.events.wanted = (w) => {
    wanted.value = w;
  };
  hooks.events.media = ({ state, cause }) => {
    if (state === "connected") watch?.connected();
    trouble.told(state, cause);
  };

  // Another network: neither WebSocket nor media will notice soon by themselves.
  window.addEventListener("online", () => {
    if (session.inside) session.renew();
  });
}
