// SPDX-License-Identifier: Apache-2.0
// What the wire code needs of its surroundings, handed in: a socket and timers. The page hands in
// the browser's (src/platform.ts), the tests hand in fakes.

export interface SocketEvents {
  onOpen(): void;
  onText(text: string): void;
  /** The last call; also when opening failed. */
  onClose(): void;
}

export interface Socket {
  /** Throws nothing; text given before onOpen or after onClose is lost. */
  send(text: string): void;
  close(): void;
}

export interface Platform {
  open(events: SocketEvents): Socket;
  /** A clock in ms that never goes back. */
  now(): number;
  /** Calls `fn` once after `ms`; the returned function cancels it. */
  after(ms: number, fn: () => void): () => void;
}
