import type { Db } from '../db/database.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunQueue } from '../runs/queue.ts';

/** What every use-case works with. Made once, where the process starts. */
export interface Core {
  readonly db: Db;
  readonly clock: Clock;
  readonly queue: RunQueue;
  /** Practices answer at `<id>.<domain>`. */
  readonly domain: string;
  /** Names of the steps of provision-practice, in order: the journal of a new run. */
  readonly provisioningSteps: readonly string[];
}
