import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import {
  balanceOf,
  findLedgerTransaction,
  insertLedgerTransactions,
  type LedgerTransaction,
  type NewLedgerTransaction,
} from '../db/ledger-store.ts';
import { closedUntil } from '../db/statement-store.ts';
import { lockSubscription, wakeEnded } from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { entriesOf, exactCents, type LedgerKind, mirrorOf, owedBy, postingDay } from '../domain/ledger.ts';
import { type Day, dayIn } from '../domain/plan/day.ts';
import { notFound, wrongState } from './refusals.ts';

/** What a person posts by an amount. Charges are made by the calendar alone, and reversals by naming what they undo. */
export const postingKinds = ['credit', 'adjustment', 'payment'] as const;

export interface Posting {
  readonly practiceId: string;
  readonly kind: (typeof postingKinds)[number];
  /** Above 0, except for an adjustment by which the practice owes less. */
  readonly amountCents: number;
  /** The day on which it counts; the day of posting unless given. */
  readonly day?: Day | undefined;
}

export interface Authorship {
  readonly reason: string;
  readonly author: string;
  readonly at: Date;
}

/** What would be posted now; the practice's ledger is held until the transaction ends. */
export interface Draft extends NewLedgerTransaction {
  readonly kind: Exclude<LedgerKind, 'charge'>;
}

/** @throws DomainError `not_found`; `invalid_input` for an amount or a day that cannot be; `conflict` for a day of a closed period */
export function draftPosting(trx: Trx, posting: Posting, authorship: Authorship): Promise<Draft> {
  const { practiceId, kind, amountCents, day } = posting;
  return draft(
    trx,
    { practiceId, kind, day, entries: entriesOf(kind, amountCents), reverses: null },
    authorship,
  );
}

/** @throws DomainError `not_found`; `wrong_state` for a reversal, which stays; `conflict` for what is reversed already */
export async function draftReversal(trx: Trx, id: string, authorship: Authorship): Promise<Draft> {
  const { practiceId, kind, entries } = await requireTransaction(trx, id);
  if (kind === 'reversal') {
    throw wrongState(
      kind,
      'A reversal is not reversed. Post what is right now, as a credit or an adjustment.',
    );
  }
  const what = {
    practiceId,
    kind: 'reversal',
    day: undefined,
    entries: mirrorOf(entries),
    reverses: id,
  } as const;
  const drafted = await draft(trx, what, authorship);
  // Asked once the ledger is held: of two at once, the second sees what the first has posted.
  const { reversedBy } = await requireTransaction(trx, id);
  if (reversedBy === null) return drafted;
  throw new DomainError('conflict', `It is reversed already, by ${reversedBy}, and can be only once.`);
}

async function requireTransaction(trx: Trx, id: string): Promise<LedgerTransaction> {
  const transaction = await findLedgerTransaction(trx, id);
  if (transaction === undefined) throw notFound('ledger transaction');
  return transaction;
}

async function draft(
  trx: Trx,
  what: Pick<Draft, 'practiceId' | 'kind' | 'entries' | 'reverses'> & { readonly day: Day | undefined },
  authorship: Authorship,
): Promise<Draft> {
  const subscription = await lockSubscription(trx, what.practiceId);
  if (subscription === undefined) throw notFound('practice');
  const { timeZone, createdAt } = subscription;
  const { currency } = subscription.terms;
  const day = postingDay(what.day, {
    today: dayIn(timeZone, authorship.at),
    since: dayIn(timeZone, createdAt),
    closedUntil: await closedUntil(trx, what.practiceId),
  });
  return { ...what, ...authorship, day, currency, approvedBy: null, sourceKey: null, charge: null };
}

/** Posts a draft, with its audit row; answers the id of the transaction. */
export async function post(trx: Trx, draft: Draft, actor: Actor): Promise<string> {
  const { practiceId, kind, day, currency, reason, author, approvedBy, reverses, at } = draft;
  const owedCents = owedBy(draft.entries);
  const balanceCents = exactCents((await balanceOf(trx, practiceId)) + owedCents);
  const [transactionId] = await insertLedgerTransactions(trx, [draft]);
  if (transactionId === undefined) throw new Error('nothing was posted');
  await wakeEnded(trx, practiceId, at);
  const why = { reason, author, approvedBy, reverses };
  await appendAudit(trx, {
    actor,
    action: 'ledger.posted',
    subject: { type: 'subscription', id: practiceId },
    details: { transactionId, kind, day, owedCents, balanceCents, currency, ...why },
    at,
  });
  return transactionId;
}
