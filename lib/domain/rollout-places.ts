import type { CellLoad } from './cell-load.ts';
import type { Chance } from './rollout-chances.ts';
import type { Candidate } from './rollout-turn.ts';

/** A start that was found for a practice. Milliseconds since 1970. */
export interface Placement {
  readonly candidate: Candidate;
  /** When it may start: the best list first. */
  readonly tries: readonly (readonly Chance[])[];
  start: number;
  /** Until when it may be put off. */
  last: number;
}

/**
 * Finds places for the practices of a wave, one after the other, each the earliest. Where there is none left under a deadline, others
 * move to a later place of theirs: all updates take as long, so who moves leaves exactly the room that is needed (augmenting paths of
 * bipartite matching). Answers the placed ones and those for whom no room can be made.
 */
export function placeAll(
  batch: readonly Candidate[],
  options: {
    readonly tries: (candidate: Candidate) => readonly (readonly Chance[])[];
    readonly loadOf: (cellId: string) => CellLoad;
    readonly makesRoom: boolean;
  },
): { readonly placed: readonly Placement[]; readonly unplaced: readonly Candidate[] } {
  const cells = new Map<string, CellInMaking>();
  const unplaced: Candidate[] = [];
  for (const candidate of batch) {
    const { cellId } = candidate;
    const cell = cells.get(cellId) ?? new CellInMaking(options.loadOf(cellId));
    cells.set(cellId, cell);
    const wanted: Placement = { candidate, tries: options.tries(candidate), start: 0, last: 0 };
    if (!cell.add(wanted, options.makesRoom)) unplaced.push(candidate);
  }
  return { placed: [...cells.values()].flatMap(({ placed }) => placed), unplaced };
}

/** What of a wave is in one cell. */
class CellInMaking {
  readonly placed: Placement[] = [];
  readonly #load: CellLoad;
  /** Without those who were asked to move and led nowhere: nobody will ever find room by way of them. */
  #movable: Placement[] = [];

  constructor(load: CellLoad) {
    this.#load = load;
  }

  /** Answers whether there is room. */
  add(wanted: Placement, makesRoom: boolean): boolean {
    if (!this.#move(wanted) && !(makesRoom && this.#makeRoom(wanted))) return false;
    this.placed.push(wanted);
    this.#movable.push(wanted);
    return true;
  }

  /** Takes the best place that is free. */
  #move(placement: Placement): boolean {
    for (const chances of placement.tries) {
      const place = this.#load.take(chances);
      if (place === undefined) continue;
      Object.assign(placement, place);
      return true;
    }
    return false;
  }

  /** Looks for somebody who can move, or who could if somebody else did, and so on; breadth first. */
  #makeRoom(wanted: Placement): boolean {
    const askedBy = new Map<Placement, Placement>();
    const queue = [wanted];
    for (const asking of queue) {
      for (const other of this.#movable) {
        if (askedBy.has(other) || chanceAt(asking, other.start) === undefined) continue;
        askedBy.set(other, asking);
        const { start } = other;
        if (this.#move(other)) {
          handOn(start, asking, askedBy);
          return true;
        }
        queue.push(other);
      }
    }
    this.#movable = this.#movable.filter((other) => !askedBy.has(other));
    return false;
  }
}

/** Gives a start that has become free to the one who asked for it, its start to the one who asked for that, and so on. */
function handOn(free: number, first: Placement, askedBy: ReadonlyMap<Placement, Placement>): void {
  let start = free;
  for (let next: Placement | undefined = first; next !== undefined; next = askedBy.get(next)) {
    const left = next.start;
    next.last = chanceAt(next, start)?.last ?? start;
    next.start = start;
    start = left;
  }
}

const chanceAt = ({ tries }: Placement, start: number): Chance | undefined =>
  tries
    .map((chances) => chances.find(({ from, last }) => from <= start && start <= last))
    .find((chance) => chance !== undefined);
