import { CellLoad } from './cell-load.ts';
import type { Reasoned, RolloutPlan, RolloutTarget, Wave } from './rollout.ts';
import { watchedMinutes } from './rollout-bake.ts';
import { type Chance, chanceFinder, within } from './rollout-chances.ts';
import { holdsOn } from './rollout-holds.ts';
import type { PlanInput, PlanPractice } from './rollout-input.ts';
import { type Placement, placeAll } from './rollout-places.ts';
import { type Candidate, turnOf } from './rollout-turn.ts';
import { whyLate, whyLeft, whyNot } from './rollout-words.ts';
import { type Ring, rings } from './schedule.ts';

const minute = 60_000;
const day = 1_440 * minute;

/**
 * Plans who gets a release when. Pure: the same input gives the same plan, in whatever order the practices come.
 *
 * Rings follow one another: a wave's first start is not before the one before could have ended and was watched for the bake time. Who
 * would hold up the others goes with a later ring (`rollout-turn.ts`), never with an earlier one. Each practice gets the earliest
 * start in its window that its cell has room for.
 *
 * Of a security release pins, deferrals and freezes yield where the deadline would be missed because of them, except freezes that a
 * security administrator has renewed. Who cannot make it is planned for the first chance after it, where that takes nobody's place.
 */
export function planRollout(input: PlanInput): RolloutPlan {
  return new Planning(input).plan();
}

/** One plan in the making. Times in milliseconds since 1970. */
class Planning {
  readonly #input: PlanInput;
  readonly #until: Date;
  /** From a start to the end of the deployment. */
  readonly #length: number;
  /** Who starts later misses the deadline; undefined without one. */
  readonly #lastOnTime: number | undefined;
  readonly #practices: ReadonlyMap<string, PlanPractice>;
  readonly #loads = new Map<string, CellLoad>();
  readonly #waves: { ring: Ring; floor: number; targets: RolloutTarget[] }[] = [];
  readonly #left: Reasoned[] = [];
  readonly #floors: Record<Ring, number> = { canary: 0, early: 0, general: 0 };
  /** The earliest start of the wave that comes next. */
  #floor: number;

  constructor(input: PlanInput) {
    const { now, policy, release, horizonDays, practices } = input;
    this.#input = input;
    this.#until = new Date(now.getTime() + horizonDays * day);
    this.#length = policy.expectedMinutes * minute;
    const deadline = release.kind === 'security' ? release.deadline : null;
    this.#lastOnTime = deadline === null ? undefined : deadline.getTime() - this.#length;
    this.#practices = new Map(practices.map((practice) => [practice.id, practice]));
    this.#floor = now.getTime();
  }

  plan(): RolloutPlan {
    const candidates = this.#candidates();
    let waiting: readonly Candidate[] = [];
    for (const [place, ring] of rings.entries()) {
      const here = [...waiting, ...candidates.filter((candidate) => candidate.ring === ring)];
      const after = rings.slice(place + 1);
      waiting = this.#ring(
        ring,
        here,
        candidates.filter((candidate) => after.includes(candidate.ring)),
      );
    }
    this.#afterTheDeadline(waiting);
    const byId = new Map(candidates.map((candidate) => [candidate.id, candidate]));
    return {
      waves: this.#waves.map(({ ring, targets }): Wave => ({ ring, targets: targets.sort(byStart) })),
      left: this.#left.sort(byPractice),
      late: this.#late(byId),
      until: this.#until,
    };
  }

  /** In the order of their ids. */
  #candidates(): Candidate[] {
    const { now, release, policy, freezes } = this.#input;
    const span = { releaseId: release.id, now, until: this.#until, freezes, ...policy };
    const chancesOf = chanceFinder(span);
    const candidates: Candidate[] = [];
    for (const practice of this.#practices.values()) {
      const { id, cellId, ring } = practice;
      const reason = whyNot(this.#input, practice);
      if (reason !== undefined) this.#left.push({ practiceId: id, reason });
      else if (cellId !== null) candidates.push({ id, cellId, ring, chances: chancesOf(practice) });
    }
    return candidates.sort((one, other) => (one.id < other.id ? -1 : 1));
  }

  /** Plans a ring; answers who is to go with a later one. */
  #ring(ring: Ring, here: readonly Candidate[], others: readonly Candidate[]): Candidate[] {
    const { bakeMinutes, practicesPerWave } = this.#input.policy;
    this.#floors[ring] = this.#floor;
    const turn = turnOf({
      ring,
      here,
      others,
      floor: this.#floor,
      lastOnTime: this.#lastOnTime,
      step: this.#length + watchedMinutes(bakeMinutes) * minute,
      isLastRing: ring === rings.at(-1),
    });
    const later = [...turn.later];
    for (const batch of inBatches(turn.now, practicesPerWave?.[ring])) {
      const from = this.#floor;
      const { placed, unplaced } = this.#place(batch, turn.makesRoom, (candidate) =>
        turn.tries(candidate, from),
      );
      later.push(...unplaced);
      if (placed.length > 0) this.#addWave(ring, placed);
    }
    return later;
  }

  /** Ends the wave that is planned: the next one has to wait for it. */
  #addWave(ring: Ring, targets: RolloutTarget[]): void {
    this.#waves.push({ ring, floor: this.#floor, targets });
    const lastStart = targets.reduce((latest, { startsAt }) => Math.max(latest, startsAt.getTime()), 0);
    this.#floor = lastStart + this.#length + watchedMinutes(this.#input.policy.bakeMinutes) * minute;
  }

  /** Who missed all turns: of a security release at the first chance there is, else not at all. */
  #afterTheDeadline(waiting: readonly Candidate[]): void {
    const last = this.#waves.at(-1);
    const from = last?.ring === 'general' ? last.floor : this.#floor;
    const { placed, unplaced } = this.#place(waiting, false, ({ chances: { open } }) =>
      this.#lastOnTime === undefined ? [] : [within(open, from, Number.POSITIVE_INFINITY)],
    );
    for (const candidate of unplaced) this.#leave(candidate);
    if (placed.length === 0) return;
    if (last?.ring === 'general') last.targets.push(...placed);
    else this.#addWave('general', placed);
  }

  #leave(candidate: Candidate): void {
    const practice = this.#practiceOf(candidate);
    const span = { floor: this.#floors[candidate.ring], until: this.#until };
    this.#left.push({ practiceId: candidate.id, reason: whyLeft(this.#input, practice, candidate, span) });
  }

  #place(
    batch: readonly Candidate[],
    makesRoom: boolean,
    tries: (candidate: Candidate) => readonly (readonly Chance[])[],
  ): { readonly placed: RolloutTarget[]; readonly unplaced: readonly Candidate[] } {
    const { placed, unplaced } = placeAll(batch, { tries, makesRoom, loadOf: (id) => this.#loadOf(id) });
    return { placed: placed.map((placement) => this.#targetOf(placement)), unplaced };
  }

  #loadOf(cellId: string): CellLoad {
    const { expectedMinutes, concurrencyPerCell } = this.#input.policy;
    const load = this.#loads.get(cellId) ?? new CellLoad(expectedMinutes, concurrencyPerCell);
    this.#loads.set(cellId, load);
    return load;
  }

  #targetOf({ candidate, start, last }: Placement): RolloutTarget {
    const { release, freezes } = this.#input;
    const { id: practiceId, pin, deferral } = this.#practiceOf(candidate);
    const startsAt = new Date(start);
    const yielded = holdsOn(release.id, { practiceId, pin, deferral }, freezes, startsAt);
    return { practiceId, startsAt, latestStartAt: new Date(last), yielded };
  }

  #late(candidates: ReadonlyMap<string, Candidate>): Reasoned[] {
    const lastOnTime = this.#lastOnTime;
    if (lastOnTime === undefined) return [];
    const planned = this.#waves
      .flatMap(({ targets }) => targets)
      .filter(({ startsAt }) => startsAt.getTime() > lastOnTime);
    return [...planned, ...this.#left]
      .flatMap(({ practiceId }) => {
        const candidate = candidates.get(practiceId);
        if (candidate === undefined) return [];
        const floors = { own: this.#floors[candidate.ring], last: this.#floors.general };
        return [{ practiceId, reason: whyLate(this.#input, candidate, lastOnTime, floors) }];
      })
      .sort(byPractice);
  }

  #practiceOf({ id }: Candidate): PlanPractice {
    return this.#practices.get(id) as PlanPractice;
  }
}

function inBatches<Item>(items: readonly Item[], size = Math.max(items.length, 1)): (readonly Item[])[] {
  const batches: (readonly Item[])[] = [];
  for (let start = 0; start < items.length; start += size) batches.push(items.slice(start, start + size));
  return batches;
}

const byPractice = (one: Reasoned, other: Reasoned): number => (one.practiceId < other.practiceId ? -1 : 1);
const byStart = (one: RolloutTarget, other: RolloutTarget): number =>
  one.startsAt.getTime() - other.startsAt.getTime() || (one.practiceId < other.practiceId ? -1 : 1);
