// SPDX-License-Identifier: Apache-2.0
// One guest's way through the protocol: login, join, and staying in. After a lost WebSocket it
// resumes; if the participant is no longer known (NOT_FOUND) it joins again with the ticket,
// without asking anybody.

import { Client } from "./client";
import {
  readJoined,
  readLogin,
  Refusal,
  type Events,
  type Joined,
  type Json,
  type Login,
} from "./messages";
import type { Platform } from "./platform";

/** Pause between two tries to get back in while the far side refuses for the moment. */
export const REJOIN_PAUSE_MS = 1000;
/** How long the page tries to get back in before it gives up. */
export const REJOIN_GIVE_UP_MS = 60000;
/** A probe not answered by then means that the socket is dead. */
export const PROBE_TIMEOUT_MS = 2000;

export interface MediaChoice {
  audioMuted: boolean;
  videoMuted: boolean;
}

export interface Changes {
  audioMuted?: boolean;
  videoMuted?: boolean;
  screen?: boolean;
  hand?: boolean;
}

export interface Order {
  muteAudio?: boolean;
  muteVideo?: boolean;
  remove?: boolean;
  lock?: boolean;
}

export interface SessionEvents {
  onUp(): void;
  onDown(): void;
  /** Back in. `sameMedia`: resumed, the media lives on; otherwise everything starts anew. */
  onBack(joined: Joined, sameMedia: boolean): void;
  /** Out for good although no `ended` came: access refused, or no way back in time. */
  onOut(reason: "refused" | "connection-lost"): void;
  onEvent<K extends keyof Events>(type: K, body: Events[K]): void;
}

export class Session {
  private readonly client: Client;
  private login_: Login | null = null;
  private participant = 0;
  private name = "";
  private media: MediaChoice = { audioMuted: false, videoMuted: false };
  /** The epoch whose way back is being tried; -1: none. */
  private returning = -1;
  /** Counts departures: what was begun before one is void after it. */
  private epoch = 0;
  private wake: () => void = () => {};

  constructor(
    private readonly platform: Platform,
    private readonly events: SessionEvents,
  ) {
    this.client = new Client(platform, {
      onUp: () => {
        this.events.onUp();
        if (this.participant !== 0) this.comeBack(true);
      },
      onDown: () => this.events.onDown(),
      onEvent: (type, body) => this.onEvent(type, body),
    });
  }

  get inside(): boolean {
    return this.participant !== 0;
  }

  get isUp(): boolean {
    return this.client.isUp;
  }

  start(): void {
    this.client.start();
  }

  renew(): void {
    this.client.renew();
  }

  async login(callId: string, access: { passcode: string } | { secret: string }): Promise<Login> {
    const login = readLogin(await this.client.request("login", { callId, ...access }));
    this.login_ = login;
    return login;
  }

  async join(name: string, media: MediaChoice): Promise<Joined> {
    this.name = name;
    this.media = { ...media };
    return this.enter();
  }

  /** Answers with the callbridge's SDP. */
  async offer(sdp: string): Promise<string> {
    const answer = await this.ask("offer", { sdp });
    return typeof answer["sdp"] === "string" ? answer["sdp"] : "";
  }

  async setMedia(changes: Changes): Promise<void> {
    if (changes.audioMuted !== undefined) this.media.audioMuted = changes.audioMuted;
    if (changes.videoMuted !== undefined) this.media.videoMuted = changes.videoMuted;
    await this.ask("setMedia", { ...changes });
  }

  async control(target: number, order: Order): Promise<void> {
    await this.client.request("control", { ...this.address(), target, ...order });
  }

  /**
   * Asks whether the far side still knows this participant; comes back in by itself if it does not.
   */
  async probe(): Promise<void> {
    await this.ask("setMedia", { audioMuted: this.media.audioMuted }, PROBE_TIMEOUT_MS);
  }

  candidate(candidate: string, ufrag: string): void {
    if (this.inside) this.client.tell("candidate", { ...this.address(), candidate, ufrag });
  }

  report(what: string, text: string): void {
    if (this.inside)
      this.client.tell("report", { ...this.address(), what, text: text.slice(0, 1000) });
  }

  /**
   * Goes out. The request is sent before this returns, so it may be called while the page closes.
   */
  leave(): void {
    if (!this.inside) return;
    const address = this.address();
    this.forget();
    this.client.request("leave", address).catch(() => {});
  }

  /** Joins again with the ticket, as after an `ended` that was nobody's wish. */
  rejoin(): void {
    if (this.login_ !== null) this.comeBack(false);
  }

  private address(): Json {
    return { space: this.login_?.space ?? "", participant: this.participant };
  }

  private async ask(type: string, members: Json, timeoutMs?: number): Promise<Json> {
    try {
      return await this.client.request(type, { ...this.address(), ...members }, timeoutMs);
    } catch (e) {
      if (e instanceof Refusal && e.code === "NOT_FOUND" && this.inside) this.comeBack(false);
      throw e;
    }
  }

  private access(): Json {
    return { space: this.login_?.space ?? "", ticket: this.login_?.ticket ?? "" };
  }

  private async enter(): Promise<Joined> {
    const epoch = this.epoch;
    const joined = readJoined(
      await this.client.request("join", { ...this.access(), name: this.name, ...this.media }),
    );
    if (epoch === this.epoch) {
      this.participant = joined.participant;
    } else {
      // left while the answer was on its way
      const address = { ...this.address(), participant: joined.participant };
      this.client.request("leave", address).catch(() => {});
    }
    return joined;
  }

  private async resume(): Promise<Joined> {
    return readJoined(
      await this.client.request("resume", { ...this.access(), participant: this.participant }),
    );
  }

  /** One loop at a time; what happens while it runs only wakes it. */
  private comeBack(canResume: boolean): void {
    const epoch = this.epoch;
    if (this.returning === epoch) {
      this.wake();
      return;
    }
    this.returning = epoch;
    let late = false;
    const cancel = this.platform.after(REJOIN_GIVE_UP_MS, () => {
      late = true;
    });
    void this.tryBack(canResume, () => late).finally(() => {
      cancel();
      if (this.returning === epoch) this.returning = -1;
    });
  }

  private async tryBack(canResume: boolean, isLate: () => boolean): Promise<void> {
    const epoch = this.epoch;
    while (epoch === this.epoch) {
      try {
        const joined = canResume ? await this.resume() : await this.enter();
        if (epoch === this.epoch) this.events.onBack(joined, canResume);
        return;
      } catch (e) {
        if (!(e instanceof Refusal)) throw e;
        if (epoch !== this.epoch) return;
        if (canResume && e.code === "NOT_FOUND") canResume = false;
        else if (e.code === "DENIED" || e.code === "INVALID") return this.out("refused");
        else if (isLate()) return this.out("connection-lost");
        else await this.pause();
      }
    }
  }

  private pause(): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.platform.after(REJOIN_PAUSE_MS, resolve);
      this.wake = () => {
        cancel();
        resolve();
      };
    });
  }

  private out(reason: "refused" | "connection-lost"): void {
    this.forget();
    this.events.onOut(reason);
  }

  private forget(): void {
    this.participant = 0;
    this.epoch++;
    this.wake();
  }

  private onEvent<K extends keyof Events>(type: K, body: Events[K]): void {
    if (type === "ended") this.forget();
    this.events.onEvent(type, body);
  }
}
