// SPDX-License-Identifier: Apache-2.0
// A fake clock and a fake webbridge: the test sees every socket the code opens and every message it
// sends.

import type { Platform, Socket, SocketEvents } from "../src/wire/platform";

export type Message = Record<string, unknown>;

export class FakeSocket implements Socket {
  readonly sent: Message[] = [];
  closed = false;

  constructor(
    readonly events: SocketEvents,
    readonly openedAt: number,
  ) {}

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Message);
  }

  close(): void {
    this.closed = true;
  }

  /** The newest message of a type; fails the test if there was none. */
  last(type: string): Message {
    const found = [...this.sent].reverse().find((m) => m["type"] === type);
    if (found === undefined) throw new Error(`no ${type} among ${JSON.stringify(this.sent)}`);
    return found;
  }

  accept(): void {
    this.events.onOpen();
    this.say({ type: "welcome", version: "0.1.0", joinAvailable: true });
  }

  say(message: Message): void {
    this.events.onText(JSON.stringify(message));
  }

  reply(type: string, body: Message): void {
    this.say({ type: "reply", id: this.last(type)["id"], body });
  }

  refuse(type: string, code: string): void {
    this.say({ type: "error", id: this.last(type)["id"], code, message: code, retry: false });
  }

  fail(): void {
    this.events.onClose();
  }
}

export class FakePlatform implements Platform {
  time = 0;
  readonly sockets: FakeSocket[] = [];
  private timers: { at: number; fn: () => void }[] = [];

  open(events: SocketEvents): Socket {
    const socket = new FakeSocket(events, this.time);
    this.sockets.push(socket);
    return socket;
  }

  now(): number {
    return this.time;
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.time + ms, fn };
    this.timers.push(timer);
    return () => {
      this.timers = this.timers.filter((t) => t !== timer);
    };
  }

  get pendingTimers(): number {
    return this.timers.length;
  }

  /** Lets time pass, timer by timer, with the promises settled after each. */
  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await settle();
      const next = [...this.timers].sort((a, b) => a.at - b.at)[0];
      if (next === undefined || next.at > end) break;
      this.time = next.at;
      this.timers = this.timers.filter((t) => t !== next);
      next.fn();
    }
    this.time = end;
    await settle();
  }

  get socket(): FakeSocket {
    const last = this.sockets[this.sockets.length - 1];
    if (last === undefined) throw new Error("no socket was opened");
    return last;
  }
}

/** Lets every promise that can settle do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
