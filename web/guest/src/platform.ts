// SPDX-License-Identifier: Apache-2.0
// The browser's WebSocket and timers behind the small interface of the wire code.

import type { Platform, Socket, SocketEvents } from "./wire/platform";

function open(events: SocketEvents): Socket {
  const url = new URL("/ws", window.location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  const socket = new WebSocket(url, "stoa.guest.v1");
  socket.onopen = () => events.onOpen();
  socket.onmessage = (e) => {
    if (typeof e.data === "string") events.onText(e.data);
  };
  socket.onclose = () => events.onClose();
  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: () => socket.close(),
  };
}

export const browser: Platform = {
  open,
  now: () => performance.now(),
  after: (ms, fn) => {
    const timer = window.setTimeout(fn, ms);
    return () => window.clearTimeout(timer);
  },
};
