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
import { ViewSender, type View } from "./view";

/** Pause between two tries to get back in while the far side refuses for the moment. */
export const REJOIN_PAUSE_MS = 1000;
/** How long the page tries to get back in before it gives up. */
export const REJOIN_GIVE_UP_MS = 60000;
/** A probe not answered by then means that the socket is dead. */
export const PROBE_TIMEOUT_MS = 2000;
/** Asleep for longer, a guest whom the call has forgotten is asked before going back in. */
export const ASLEEP_MAX_MS = 5 * 60000;

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

/** `away`: so long asleep that coming back is the guest's to decide. */
export type Out = "refused" | "connection-lost" | "away";

export interface SessionEvents {
  onUp(): void;
  onDown(): void;
  /** Back in. `sameMedia`: resumed, the media lives on; otherwise everything starts anew. */
  onBack(joined: Joined, sameMedia: boolean): void;
  /** Out for good although no `ended` came: access refused, or no way back in time. */
  onOut(reason: Out): void;
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
  private giveUpAt = 0;
  private sleptLong = false;
  private readonly sight: ViewSender;

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
    this.sight = new ViewSender(platform, (v) => {
      if (!this.inside || !this.isUp) return false;
      this.client.tell("view", { ...this.address(), ...v });
      return true;
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

  /** The device slept: whatever its sockets say, they are dead. */
  awake(sleptMs: number): void {
    if (this.inside && sleptMs > ASLEEP_MAX_MS) this.sleptLong = true;
    this.giveUpAt = this.platform.now() + REJOIN_GIVE_UP_MS;
    this.client.renew();
  }

  /** Takes up a login of before: the page was loaded anew. */
  adopt(login: Login): void {
    this.login_ = login;
  }

  /** What the page shows, sent when it differs, at most every 250 ms. */
  view(view: View): void {
    this.sight.show(view);
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
      if (e instanceof Refusal && e.code === "NOT_FOUND" && this.inside) this.notKnown();
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
      this.sight.repeat();
    } else {
      // left while the answer was on its way
      const address = { ...this.address(), participant: joined.participant };
      this.client.request("leave", address).catch(() => {});
    }
    return joined;
  }

  private async resume(): Promise<Joined> {
    const joined = readJoined(
      await this.client.request("resume", { ...this.access(), participant: this.participant }),
    );
    this.sight.repeat();
    return joined;
  }

  /** One loop at a time; what happens while it runs only wakes it. */
  private comeBack(canResume: boolean): void {
    const epoch = this.epoch;
    if (this.returning === epoch) {
      this.wake();
      return;
    }
    this.returning = epoch;
    this.giveUpAt = this.platform.now() + REJOIN_GIVE_UP_MS;
    void this.tryBack(canResume).finally(() => {
      if (this.returning === epoch) this.returning = -1;
    });
  }

  private async tryBack(canResume: boolean): Promise<void> {
    const epoch = this.epoch;
    while (epoch === this.epoch) {
      try {
        const joined = canResume ? await this.resume() : await this.enter();
        this.sleptLong = false;
        if (epoch === this.epoch) this.events.onBack(joined, canResume);
        return;
      } catch (e) {
        if (!(e instanceof Refusal)) throw e;
        if (epoch !== this.epoch) return;
        if (canResume && e.code === "NOT_FOUND") {
          if (this.sleptLong) return this.out("away");
          canResume = false;
        } else if (e.code === "DENIED" || e.code === "INVALID") return this.out("refused");
        else if (this.platform.now() >= this.giveUpAt) return this.out("connection-lost");
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

  private notKnown(): void {
    if (this.sleptLong) this.out("away");
    else this.comeBack(false);
  }

  private out(reason: Out): void {
    this.forget();
    this.events.onOut(reason);
  }

  private forget(): void {
    this.participant = 0;
    this.sleptLong = false;
    this.epoch++;
    this.wake();
  }

  private onEvent<K extends keyof Events>(type: K, body: Events[K]): void {
    if (type === "ended") this.forget();
    this.events.onEvent(type, body);
  }
}
