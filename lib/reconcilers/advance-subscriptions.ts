import type { Db } from '../db/database.ts';
import { putOffSubscription, subscriptionsDue } from '../db/subscription-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { periodically, type Repeating } from './periodically.ts';
import { advanceSubscription } from './subscription-day.ts';

export interface SubscriptionParts {
  readonly db: Db;
  readonly clock: Clock;
  readonly log: Log;
  /** How often this process asks what is due; 5 seconds unless told. */
  readonly everyMs?: number;
}

/** Looked at in one pass at most: the rest comes with the next. */
const batch = 200;

/** One that fails is looked at again after this long: those behind it are due before. */
const untilNextTryMs = 60_000;

/**
 * Brings subscriptions to the day that it is at their practices: closes periods, ends free periods, announces prices and lets them come,
 * tells of ends. Any number of processes may do so at the same time; one that was away catches up.
 */
export function advanceSubscriptions(parts: SubscriptionParts): Repeating {
  return periodically('advance-subscriptions', parts.everyMs ?? 5_000, parts.log, async (signal) => {
    // After a version of a plan all its members are due at once.
    while ((await advanceDueSubscriptions(parts, signal)) === batch && !signal.aborted);
  });
}

/** One pass; answers how many subscriptions it looked at. One that fails does not hold up the others. */
export async function advanceDueSubscriptions(
  { db, clock, log }: SubscriptionParts,
  signal?: AbortSignal,
): Promise<number> {
  const now = clock.now();
  const due = await subscriptionsDue(db, now, batch);
  const faults: unknown[] = [];
  for (const practiceId of due) {
    if (signal?.aborted) break;
    try {
      await db.transaction().execute((trx) => advanceSubscription(trx, practiceId, now));
    } catch (fault) {
      log.error({ err: fault, practiceId }, 'a subscription could not be brought to its day');
      faults.push(fault);
      await putOffSubscription(db, practiceId, new Date(now.getTime() + untilNextTryMs));
    }
  }
  if (faults.length > 0) throw faults[0];
  return due.length;
}
