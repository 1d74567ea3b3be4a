import { forgetIdTokens } from '../db/ci-exchange-store.ts';
import type { Db } from '../db/database.ts';
import { forgetAnswers } from '../db/idempotency-store.ts';
import { forgetNotices } from '../db/notice-delivery-store.ts';
import { forgetStripeEvents } from '../db/stripe-store.ts';
import { forgetCiTokens } from '../db/token-store.ts';
import type { NoticeKind } from '../domain/notice.ts';
import type { Clock } from '../ports/clock.ts';
import type { Log } from '../ports/log.ts';
import { periodically, type Repeating } from './periodically.ts';

const hourMs = 60 * 60 * 1000;
const dayMs = 24 * hourMs;

/** What nobody asks about after a year. Kinds that are not named here are kept for ever: others count on what was told. */
const passingNotices = [
  'update_scheduled',
  'update_started',
  'update_finished',
  'update_failed',
  'security_override',
  'pinned_release_halted',
  'rollout_paused',
  'test',
] as const satisfies readonly NoticeKind[];

/** Records that have done their work, and how long each kind is kept all the same. What they were stands in the audit trail. */
const passing: readonly {
  readonly what: string;
  readonly keptMs: number;
  readonly forget: (db: Db, before: Date) => Promise<number>;
}[] = [
  // Longer than any client repeats a call with its Idempotency-Key.
  { what: 'answers of calls that are too old to be repeated', keptMs: 7 * dayMs, forget: forgetAnswers },
  { what: 'ID tokens of pipelines that are refused for their age', keptMs: hourMs, forget: forgetIdTokens },
  // A pipeline takes one every few minutes.
  { what: 'expired tokens of pipelines', keptMs: 30 * dayMs, forget: forgetCiTokens },
  // Stripe repeats an event for three days, and people for a month; what was paid is in the ledger once all the same.
  { what: 'events of Stripe that are not repeated any more', keptMs: 90 * dayMs, forget: forgetStripeEvents },
  {
    what: 'notices of more than a year ago',
    keptMs: 400 * dayMs,
    forget: (db, time) => forgetNotices(db, { kinds: passingNotices, time }),
  },
];

/** Forgets records that nobody needs any more, now and every hour; without it their tables would only grow. */
export function forgetOldRecords(
  { db, clock, log }: { readonly db: Db; readonly clock: Clock; readonly log: Log },
  everyMs = hourMs,
): Repeating {
  return periodically('forget-old-records', everyMs, log, async () => {
    for (const { what, keptMs, forget } of passing) {
      const forgotten = await forget(db, new Date(clock.now().getTime() - keptMs));
      if (forgotten > 0) log.info({ forgotten }, `forgot ${what}`);
    }
  });
}
