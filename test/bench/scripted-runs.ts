import { type Db, toJson } from '../../lib/db/database.ts';
import type { Clock } from '../../lib/ports/clock.ts';
import type { RunQueue } from '../../lib/runs/queue.ts';

const minute = 60_000;

/** Every so many runs one fails: its practice goes back. */
const failsEvery = 200;

const failure = {
  code: 'deployment_failed',
  message: 'The app was not ready.',
  step: 'deploy-service',
  retryable: false,
  nextAction: 'Publish a release that starts.',
};

interface Scripted {
  readonly id: string;
  readonly endsAt: number;
  readonly succeeds: boolean;
}

/** In place of workers: runs that are enqueued end by themselves, 8 to 22 minutes later, as if a worker had deployed the release. */
export class ScriptedRuns {
  readonly #clock: Clock;
  #begun = 0;
  #open: Scripted[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  readonly queue: RunQueue = {
    enqueue: async (_trx, { id }) => {
      this.#begun += 1;
      const endsAt = this.#clock.now().getTime() + (8 + (this.#begun % 15)) * minute;
      this.#open.push({ id, endsAt, succeeds: this.#begun % failsEvery !== 0 });
    },
  };

  /** When the next one ends, in milliseconds of the epoch; infinity while there is none. */
  get nextEnd(): number {
    return this.#open.reduce((first, { endsAt }) => Math.min(first, endsAt), Number.POSITIVE_INFINITY);
  }

  /** Writes the ends of those whose time has come, as a worker leaves them. */
  async end(db: Db): Promise<void> {
    const now = this.#clock.now();
    const isOver = ({ endsAt }: Scripted): boolean => endsAt <= now.getTime();
    const over = this.#open.filter(isOver);
    this.#open = this.#open.filter((run) => !isOver(run));
    for (const succeeds of [true, false]) {
      const ids = over.filter((run) => run.succeeds === succeeds).map(({ id }) => id);
      if (ids.length > 0) await writeEnd(db, ids, succeeds, now);
    }
  }
}

async function writeEnd(db: Db, ids: readonly string[], succeeds: boolean, now: Date): Promise<void> {
  const state = succeeds ? 'succeeded' : 'failed';
  const ended = { state, finished_at: now } as const;
  await db
    .updateTable('run')
    .set((eb) => ({
      ...ended,
      started_at: eb.ref('created_at'),
      ...(succeeds ? {} : { error: toJson(failure) }),
    }))
    .where('id', 'in', ids)
    .execute();
  await db.updateTable('deployment').set(ended).where('run_id', 'in', ids).execute();
  if (!succeeds) return;
  await db
    .updateTable('practice')
    .from('deployment')
    .set((eb) => ({ release_id: eb.ref('deployment.release_id') }))
    .whereRef('deployment.practice_id', '=', 'practice.id')
    .where('deployment.run_id', 'in', ids)
    .execute();
}
