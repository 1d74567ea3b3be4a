import type { Chance } from './rollout-chances.ts';

/** A start that was found, and until when it may be put off. Milliseconds since 1970. */
export interface Place {
  readonly start: number;
  readonly last: number;
}

/** The planned deployments of one cell, all as long as each other: never more than so many at a time. */
export class CellLoad {
  readonly #length: number;
  readonly #most: number;
  /** Ascending. */
  readonly #starts: number[] = [];
  /** Where looking from a time has ended so far; nothing planned goes away again, so there is no room before. */
  readonly #fullUntil = new Map<number, number>();

  constructor(expectedMinutes: number, most: number) {
    this.#length = expectedMinutes * 60_000;
    this.#most = most;
  }

  /** Takes the earliest start that chances and load allow; undefined when there is none. */
  take(chances: readonly Chance[]): Place | undefined {
    for (const { from, last } of chances) {
      const start = this.#earliest(from);
      if (start > last) continue;
      this.#starts.splice(this.#after(start), 0, start);
      return { start, last };
    }
    return undefined;
  }

  /** The earliest time from `from` at which one more may start without ever being one too many before its end. */
  #earliest(from: number): number {
    let start = this.#fullUntil.get(from) ?? from;
    let first = this.#after(start - this.#length);
    for (let at = first; ; at += 1) {
      const begun = this.#starts[at];
      if (begun === undefined || begun >= start + this.#length) break;
      // Of those under way when this one begins, or when the new one does, the earliest that makes them as many as may be.
      const earliest = at - this.#most + 1;
      const end = (this.#starts[earliest] ?? 0) + this.#length;
      if (earliest < first || end <= Math.max(begun, start)) continue;
      start = end;
      first = this.#after(start - this.#length);
      at = first - 1;
    }
    this.#fullUntil.set(from, start);
    return start;
  }

  /** How many start at this time or before. */
  #after(time: number): number {
    let low = 0;
    let high = this.#starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#starts[middle] ?? 0) <= time) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
