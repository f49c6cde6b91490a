// SPDX-License-Identifier: Apache-2.0
// The `view` event: how large each slot is shown. Layouts change in bursts (a window being
// resized), so what is sent is the newest, at most every 250 ms, and only when it differs.

import type { Platform } from "./platform";

export const VIEW_PERIOD_MS = 250;

export interface View {
  /** Device pixels of height by video slot; 0: not shown. */
  heights: number[];
  screenHeight: number;
  /** 0: nobody. */
  pinned: number;
}

export class ViewSender {
  private wish: View | null = null;
  private sent = "";
  private sentAt = -Infinity;
  private waiting = false;

  constructor(
    private readonly platform: Pick<Platform, "after" | "now">,
    /** False: it could not be sent; `repeat` follows when it can. */
    private readonly send: (view: View) => boolean,
  ) {}

  show(view: View): void {
    this.wish = view;
    this.plan();
  }

  /** The far side may have forgotten it, or knows us under another number. */
  repeat(): void {
    this.sent = "";
    this.plan();
  }

  private plan(): void {
    if (this.waiting || this.wish === null || JSON.stringify(this.wish) === this.sent) return;
    this.waiting = true;
    // Also the first of a burst waits a moment: half a layout is no layout. But never longer than
    // the period since the last one.
    const since = this.platform.now() - this.sentAt;
    this.platform.after(since >= VIEW_PERIOD_MS ? 50 : VIEW_PERIOD_MS - since, () => this.flush());
  }

  private flush(): void {
    this.waiting = false;
    const text = JSON.stringify(this.wish);
    if (this.wish === null || text === this.sent || !this.send(this.wish)) return;
    this.sent = text;
    this.sentAt = this.platform.now();
  }
}
