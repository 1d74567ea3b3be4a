import type { Db } from '../../lib/db/database.ts';
import type { Done } from '../../lib/reconcilers/rollout-decisions.ts';

const minute = 60_000;

interface Turn {
  readonly startsAt: number;
  readonly latestStartAt: number;
}

/** When something is to be done for the practices of a rollout: kept from what a pass says that it did, so that the database is asked little. */
export class RolloutAgenda {
  readonly #db: Db;
  readonly #rolloutId: string;
  readonly #bakeMs: number;
  readonly #turns = new Map<string, Turn>();
  readonly #bakedUntil = new Map<string, number>();

  /** @param bakeMs the bake time of the rollout's policy, in milliseconds */
  constructor(db: Db, rolloutId: string, bakeMs: number) {
    this.#db = db;
    this.#rolloutId = rolloutId;
    this.#bakeMs = bakeMs;
  }

  /** Reads the turns of everybody, as planned. */
  open(): Promise<void> {
    return this.#readTurns();
  }

  async note({ practiceId, did }: Done, now: Date): Promise<void> {
    if (practiceId === undefined) return;
    if (did === 'replan') await this.#readTurns(practiceId);
    else this.#turns.delete(practiceId);
    if (did === 'bake') this.#bakedUntil.set(practiceId, now.getTime() + this.#bakeMs);
    else if (did !== 'wait') this.#bakedUntil.delete(practiceId);
  }

  /** The next moment after `now`, in milliseconds of the epoch; infinity when nothing is left. */
  nextAfter(now: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { startsAt, latestStartAt } of this.#turns.values()) {
      // Whose start was hindered has missed the window a minute after the latest.
      next = Math.min(next, startsAt > now ? startsAt : Math.max(latestStartAt, now) + minute);
    }
    for (const bakedUntil of this.#bakedUntil.values()) {
      // Bake time that is over and was not judged waits for figures.
      next = Math.min(next, Math.max(bakedUntil, now + minute));
    }
    return next;
  }

  async #readTurns(practiceId?: string): Promise<void> {
    let query = this.#db
      .selectFrom('rollout_target')
      .select(['practice_id', 'starts_at', 'latest_start_at'])
      .where('rollout_id', '=', this.#rolloutId);
    if (practiceId !== undefined) query = query.where('practice_id', '=', practiceId);
    for (const { practice_id: id, starts_at: startsAt, latest_start_at: latest } of await query.execute()) {
      this.#turns.set(id, { startsAt: startsAt.getTime(), latestStartAt: latest.getTime() });
    }
  }
}
