// SPDX-License-Identifier: Apache-2.0
// Gathers news before they are told, so that ten people joining at once are one sentence and not
// ten. Nothing is said twice; who joins and leaves within a moment is not worth a word.

export type Kind = "joined" | "left";

/** How long the first of a burst waits for the others. */
export const GATHER_MS = 1200;
/** More of a kind are told as a number. */
export const NAMED_MOST = 2;

export interface Told {
  kind: Kind;
  /** Empty: only the number is told. */
  names: string[];
  count: number;
}

export class Gatherer {
  private coming: { kind: Kind; name: string }[] = [];
  private waiting = false;

  constructor(
    private readonly after: (ms: number, fn: () => void) => unknown,
    private readonly tell: (told: Told) => void,
  ) {}

  add(kind: Kind, name: string): void {
    const opposite = this.coming.findIndex((c) => c.name === name && c.kind !== kind);
    if (opposite >= 0) this.coming.splice(opposite, 1);
    else this.coming.push({ kind, name });
    if (this.waiting) return;
    this.waiting = true;
    this.after(GATHER_MS, () => this.flush());
  }

  private flush(): void {
    this.waiting = false;
    const all = this.coming.splice(0);
    for (const kind of ["joined", "left"] as const) {
      const names = all.filter((c) => c.kind === kind).map((c) => c.name);
      if (names.length > NAMED_MOST) this.tell({ kind, names: [], count: names.length });
      else for (const name of names) this.tell({ kind, names: [name], count: 1 });
    }
  }
}
