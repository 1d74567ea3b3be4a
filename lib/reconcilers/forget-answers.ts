import { forgetIdTokens } from '../db/ci-exchange-store.ts';
import type { Db } from '../db/database.ts';
import { forgetAnswers } from '../db/idempotency-store.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { periodically, type Repeating } from './periodically.ts';

const hourMs = 60 * 60 * 1000;

/** How long a call may be repeated with its Idempotency-Key; longer than any client tries. */
const answersAreKeptMs = 7 * 24 * hourMs;

/** Forgets answers and ID tokens that nobody will send again, now and every hour; without it the tables would only grow. */
export function forgetOldAnswers(
  { db, clock, log }: { readonly db: Db; readonly clock: Clock; readonly log: Log },
  everyMs = hourMs,
): Repeating {
  return periodically('forget-answers', everyMs, log, async () => {
    const forgotten = await forgetAnswers(db, new Date(clock.now().getTime() - answersAreKeptMs));
    if (forgotten > 0) log.info({ forgotten }, 'forgot answers of calls that are too old to be repeated');
    const expired = await forgetIdTokens(db, new Date(clock.now().getTime() - hourMs));
    if (expired > 0)
      log.info({ forgotten: expired }, 'forgot ID tokens of pipelines that are refused for their age');
  });
}
