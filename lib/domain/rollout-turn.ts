import { type Chance, type Chances, within } from './rollout-chances.ts';
import type { Ring } from './schedule.ts';

/** A practice that is to get the release. */
export interface Candidate {
  readonly id: string;
  readonly cellId: string;
  readonly ring: Ring;
  readonly chances: Chances;
}

/** Who is updated when a ring's turn comes, and who goes with a later one. */
export interface Turn {
  /** In the order in which waves are filled. */
  readonly now: readonly Candidate[];
  readonly later: readonly Candidate[];
  /** Whether who is placed already moves for who would be late else. */
  readonly makesRoom: boolean;
  /** When a practice may start from a time on: the best list first. */
  tries(candidate: Candidate, from: number): (readonly Chance[])[];
}

/** Times in milliseconds since 1970. */
export interface Question {
  readonly ring: Ring;
  /** Of this ring, and those of earlier rings that were not to be waited for. */
  readonly here: readonly Candidate[];
  /** Of the rings after it. */
  readonly others: readonly Candidate[];
  readonly floor: number;
  /** Who starts later than this misses the deadline; undefined without one. */
  readonly lastOnTime: number | undefined;
  /** From a start to the earliest start of the next wave. */
  readonly step: number;
  readonly isLastRing: boolean;
}

/** How long a ring waits for its slower practices after its first one: two windows of a practice that has one a week. */
const patience = 14 * 86_400_000;

/**
 * Decides who goes with a ring. A practice that has its chance long after the others would hold up everybody who comes after its ring, so it
 * goes with a later ring. Under a deadline a ring waits for nobody who would make more practices miss it than are helped.
 */
export function turnOf(question: Question): Turn {
  const { here, others, floor, lastOnTime } = question;
  if (lastOnTime === undefined) return patientTurn(question, 'free');
  const isAnybodyOnTime = [...here, ...others].some(
    ({ chances }) => firstOf(chances.open, floor, lastOnTime) !== undefined,
  );
  // Nothing is gained by haste any more; rings protect those who come later.
  if (!isAnybodyOnTime) return patientTurn(question, 'open');
  return urgentTurn(question, lastOnTime);
}

function patientTurn({ ring, here, floor, isLastRing }: Question, kind: 'free' | 'open'): Turn {
  const firsts = withFirst(here, ({ chances }) => firstOf(chances[kind], floor, Number.POSITIVE_INFINITY));
  const end = isLastRing ? Number.POSITIVE_INFINITY : (firsts[ownFirst(firsts, ring)]?.first ?? 0) + patience;
  const now = firsts.flatMap(({ candidate, first }) => (first <= end ? [candidate] : []));
  return {
    now,
    later: without(here, now),
    makesRoom: false,
    tries: ({ chances }, from) => [within(chances[kind], from, Number.POSITIVE_INFINITY)],
  };
}

function urgentTurn(question: Question, lastOnTime: number): Turn {
  const { floor, isLastRing } = question;
  const unheld = ({ chances }: Candidate) => firstOf(chances.open, floor, lastOnTime);
  const asAsked = (candidate: Candidate) =>
    firstOf(candidate.chances.free, floor, lastOnTime) ?? unheld(candidate);
  const [respecting, yielding] = [asAsked, unheld].map((first) =>
    cut(withFirst(question.here, first), question, lastOnTime),
  ) as [Cut, Cut];
  const yields = !isLastRing && yielding.lost < respecting.lost;
  const { now, limit } = yields ? yielding : respecting;
  return {
    // Those with the fewest chances left are placed first.
    now: sortedBy(now, (candidate) => lastOf(candidate, lastOnTime)),
    later: without(question.here, now),
    makesRoom: true,
    tries: ({ chances: { free, open } }, from) =>
      (yields ? [open] : [free, open]).map((chances) => within(chances, from, limit)),
  };
}

/** Stable. */
function sortedBy(candidates: readonly Candidate[], key: (candidate: Candidate) => number): Candidate[] {
  return candidates
    .map((candidate) => ({ candidate, at: key(candidate) }))
    .sort((one, other) => one.at - other.at)
    .map(({ candidate }) => candidate);
}

interface Cut {
  readonly now: readonly Candidate[];
  /** How many miss the deadline by it that need not. */
  readonly lost: number;
  /** Whom its cell keeps waiting longer than this is not waited for: it would make others late. */
  readonly limit: number;
}

/** Keeps as many as can be kept while the fewest miss the deadline; always the first of the ring's own. */
function cut(firsts: readonly First[], question: Question, lastOnTime: number): Cut {
  const { ring, others, floor, step, isLastRing } = question;
  const everybody = firsts.map(({ candidate }) => candidate);
  if (isLastRing) return { now: everybody, lost: 0, limit: lastOnTime };
  const lasts = others
    .map((candidate) => lastOf(candidate, lastOnTime))
    .filter((last) => last >= floor)
    .sort((one, other) => one - other);
  const own = ownFirst(firsts, ring);
  let best: Cut | undefined;
  for (let kept = own < 0 ? 0 : firsts.length; kept > own && kept > 0; kept -= 1) {
    // Equal starts stay together.
    if (firsts[kept]?.first === firsts[kept - 1]?.first) continue;
    const end = (firsts[kept - 1]?.first ?? 0) + step;
    const missed = countBelow(lasts, end);
    const lost = missed + strandedAfter(firsts, kept, end, lastOnTime);
    if (best === undefined || lost < best.lost) {
      const limit = Math.min(lastOnTime, (lasts[missed] ?? Number.POSITIVE_INFINITY) - step);
      best = { now: everybody.slice(0, kept), lost, limit };
    }
    if (lost === 0) break;
  }
  return best ?? { now: [], lost: 0, limit: lastOnTime };
}

/** How many that are not kept have no chance on time once the next ring may start. */
function strandedAfter(firsts: readonly First[], kept: number, end: number, lastOnTime: number): number {
  let stranded = 0;
  for (let at = kept; (firsts[at]?.first ?? end) < end; at += 1) {
    const candidate = firsts[at]?.candidate;
    if (candidate !== undefined && lastOf(candidate, lastOnTime) < end) stranded += 1;
  }
  return stranded;
}

interface First {
  readonly candidate: Candidate;
  readonly first: number;
}

/** Where the first of the ring's own is; -1 without one: a ring of others is none. */
const ownFirst = (firsts: readonly First[], ring: Ring): number =>
  firsts.findIndex(({ candidate }) => candidate.ring === ring);

/** Those who have a chance, in the order of their first; equal ones in the order of their ids. */
function withFirst(
  candidates: readonly Candidate[],
  first: (candidate: Candidate) => number | undefined,
): First[] {
  return candidates
    .flatMap((candidate) => {
      const at = first(candidate);
      return at === undefined ? [] : [{ candidate, first: at }];
    })
    .sort((one, other) => one.first - other.first || (one.candidate.id < other.candidate.id ? -1 : 1));
}

function firstOf(chances: readonly Chance[], from: number, last: number): number | undefined {
  const chance = chances.find((each) => each.last >= from);
  const first = chance === undefined ? Number.POSITIVE_INFINITY : Math.max(chance.from, from);
  return first <= last && chance !== undefined ? first : undefined;
}

/** The latest start on time; below every time when there is none. */
function lastOf({ chances }: Candidate, lastOnTime: number): number {
  const chance = chances.open.findLast(({ from }) => from <= lastOnTime);
  return chance === undefined ? Number.NEGATIVE_INFINITY : Math.min(chance.last, lastOnTime);
}

function countBelow(sorted: readonly number[], limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] ?? 0) < limit) low = middle + 1;
    else high = middle;
  }
  return low;
}

function without(all: readonly Candidate[], some: readonly Candidate[]): Candidate[] {
  const gone = new Set(some);
  return all.filter((candidate) => !gone.has(candidate));
}
