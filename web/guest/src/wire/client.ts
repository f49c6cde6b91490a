// SPDX-License-Identifier: Apache-2.0
// Requests with ids, answers and deadlines over a Link, and the events webbridge sends by itself.

import { Link } from "./link";
import { object, readers, readRefusal, Refusal, type Events, type Json } from "./messages";
import type { Platform } from "./platform";

/** webbridge answers within its own deadline; this one catches a socket that is dead and silent. */
export const REQUEST_TIMEOUT_MS = 10000;

export interface ClientEvents {
  /** The WebSocket is open again: whoever holds a participant resumes it. */
  onUp(): void;
  onDown(): void;
  onEvent<K extends keyof Events>(type: K, body: Events[K]): void;
}

interface Pending {
  resolve(body: Json): void;
  reject(refusal: Refusal): void;
  cancel(): void;
}

export class Client {
  private readonly link: Link;
  private readonly pending = new Map<number, Pending>();
  private nextId = 1;

  constructor(
    private readonly platform: Platform,
    private readonly events: ClientEvents,
  ) {
    this.link = new Link(platform, {
      onUp: () => this.events.onUp(),
      onDown: () => {
        this.failAll("the connection was lost");
        this.events.onDown();
      },
      onMessage: (m) => this.onMessage(m),
    });
  }

  get isUp(): boolean {
    return this.link.isUp;
  }

  start(): void {
    this.link.start();
  }

  stop(): void {
    this.link.stop();
  }

  renew(): void {
    this.link.renew();
  }

  /** Rejects with a Refusal: webbridge's own, UNAVAILABLE when the socket is lost, DEADLINE. */
  request(type: string, members: Json, timeoutMs = REQUEST_TIMEOUT_MS): Promise<Json> {
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      if (!this.link.send({ type, id, ...members })) {
        reject(new Refusal("UNAVAILABLE", "not connected", true));
        return;
      }
      const cancel = this.platform.after(timeoutMs, () => {
        this.pending.delete(id);
        reject(new Refusal("DEADLINE", "no answer in time", true));
        // An answer is always owed, so silence means that the socket is dead.
        this.link.renew();
      });
      this.pending.set(id, { resolve, reject, cancel });
    });
  }

  /** An event of the page: sent or lost, never answered. */
  tell(type: string, members: Json): void {
    this.link.send({ type, ...members });
  }

  private onMessage(message: Json): void {
    const type = message["type"] as string;
    if (type === "reply" || type === "error") this.onAnswer(type, message);
    else if (Object.hasOwn(readers, type)) this.onEvent(type as keyof Events, message);
  }

  private onAnswer(type: "reply" | "error", message: Json): void {
    const id = message["id"];
    const pending = typeof id === "number" ? this.pending.get(id) : undefined;
    if (pending === undefined) return;
    this.pending.delete(id as number);
    pending.cancel();
    if (type === "reply") pending.resolve(object(message["body"]));
    else pending.reject(readRefusal(message));
  }

  private onEvent<K extends keyof Events>(type: K, message: Json): void {
    this.events.onEvent(type, readers[type](message));
  }

  private failAll(text: string): void {
    const all = [...this.pending.values()];
    this.pending.clear();
    for (const pending of all) {
      pending.cancel();
      pending.reject(new Refusal("UNAVAILABLE", text, true));
    }
  }
}
