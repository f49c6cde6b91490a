// SPDX-License-Identifier: Apache-2.0
// Keeps one WebSocket open: a lost one is opened again at once, then after 0.5 s doubling to 5 s.
// Knows JSON objects, not what they mean.

import { object, type Json } from "./messages";
import type { Platform, Socket } from "./platform";

export const RETRY_FIRST_MS = 500;
export const RETRY_MAX_MS = 5000;
/** A WebSocket that is not open by then is given up and tried anew. */
export const OPEN_TIMEOUT_MS = 5000;

export interface LinkEvents {
  onUp(): void;
  onMessage(message: Json): void;
  /** Once per loss of an open socket; not for further failed tries. */
  onDown(): void;
}

export class Link {
  private socket: Socket | null = null;
  private up = false;
  private stopped = true;
  private tries = 0;
  private cancelTimer: () => void = () => {};

  constructor(
    private readonly platform: Platform,
    private readonly events: LinkEvents,
  ) {}

  get isUp(): boolean {
    return this.up;
  }

  start(): void {
    if (!this.stopped) return;
    this.stopped = false;
    this.tries = 0;
    this.open();
  }

  stop(): void {
    this.stopped = true;
    this.drop();
  }

  /** False: not open, the message is lost. */
  send(message: Json): boolean {
    if (!this.up || this.socket === null) return false;
    this.socket.send(JSON.stringify(message));
    return true;
  }

  /** Gives the present socket up (it looks dead) and opens another at once. */
  renew(): void {
    if (this.stopped) return;
    this.drop();
    this.tries = 0;
    this.open();
  }

  private open(): void {
    let mine: Socket | null = null;
    let closed = false;
    const current = (): boolean => !closed && (mine === null || this.socket === mine);
    mine = this.platform.open({
      onOpen: () => {
        if (!current()) return;
        this.cancelTimer();
        this.up = true;
        this.events.onUp();
      },
      onText: (text) => {
        if (current()) this.onText(text);
      },
      onClose: () => {
        if (!current()) return;
        closed = true;
        this.lost();
      },
    });
    if (closed) return;
    this.socket = mine;
    this.cancelTimer();
    this.cancelTimer = this.platform.after(OPEN_TIMEOUT_MS, () => {
      if (!current()) return;
      this.drop();
      this.lost();
    });
  }

  private onText(text: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(text);
    } catch {
      return; // not of our protocol; webbridge never sends such a frame
    }
    const message = object(parsed);
    // Only a socket that really spoke resets the delay: one that opens and closes at once must not
    // spin.
    this.tries = 0;
    if (typeof message["type"] === "string") this.events.onMessage(message);
  }

  private drop(): void {
    this.cancelTimer();
    const old = this.socket;
    this.socket = null;
    const wasUp = this.up;
    this.up = false;
    old?.close();
    if (wasUp) this.events.onDown();
  }

  private lost(): void {
    this.cancelTimer();
    this.socket = null;
    const wasUp = this.up;
    this.up = false;
    if (wasUp) this.events.onDown();
    if (this.stopped) return;
    const n = this.tries++;
    const delay = n === 0 ? 0 : Math.min(RETRY_FIRST_MS * 2 ** (n - 1), RETRY_MAX_MS);
    this.cancelTimer = this.platform.after(delay, () => this.open());
  }
}
