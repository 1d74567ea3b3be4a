import { appendAudit } from '../db/audit-store.ts';
import { addChargeExport } from '../db/charge-export-store.ts';
import type { Trx } from '../db/database.ts';
import { insertLedgerTransactions, type NewLedgerTransaction } from '../db/ledger-store.ts';
import { closedUntil, findStatement, insertClosedPeriod } from '../db/statement-store.ts';
import { systemActor } from '../domain/access.ts';
import { entriesOf } from '../domain/ledger.ts';
import { type Charge, chargeKey, chargesOf } from '../domain/plan/charges.ts';
import { addDays, type Day } from '../domain/plan/day.ts';
import { firstStatementDay, type Period } from '../domain/plan/periods.ts';
import type { Timeline } from '../domain/plan/timeline.ts';
import type { Statement } from '../domain/statement.ts';

/**
 * Posts what a period costs and closes it: from then on its statement stands, and is on its way out. Answers the statement, or undefined
 * when the period is closed already: whoever does it twice posts once. The caller holds the subscription (`lockSubscription`).
 * @param of.today the day at the practice
 * @throws Error for a period that is not over, or one after which the last closed one does not come
 */
export async function closePeriod(
  trx: Trx,
  of: {
    readonly practiceId: string;
    readonly timeline: Timeline;
    readonly period: Period;
    readonly today: Day;
    readonly now: Date;
  },
): Promise<Statement | undefined> {
  const { practiceId, timeline, period, today, now } = of;
  const { from, until } = period;
  if (today < until) throw new Error(`The period from ${from} of ${practiceId} is not over before ${until}.`);
  const next = (await closedUntil(trx, practiceId)) ?? firstStatementDay(timeline);
  if (next === null || from > next) {
    throw new Error(`The period from ${from} of ${practiceId} cannot be closed: ${next} comes first.`);
  }
  if (from < next) return undefined;
  const closed = { from, until, currency: timeline.currency, closedAt: now };
  if (!(await insertClosedPeriod(trx, practiceId, closed))) return undefined;
  const charges = chargesOf(timeline, period);
  await insertLedgerTransactions(
    trx,
    charges.map((charge) => toTransaction(practiceId, charge, now)),
  );
  await addChargeExport(trx, practiceId, from, now);
  const statement = await findStatement(trx, practiceId, from);
  if (statement === undefined) throw new Error(`The period from ${from} of ${practiceId} was not closed.`);
  const { costCents, closingCents, currency } = statement;
  await appendAudit(trx, {
    actor: systemActor,
    action: 'subscription.period_closed',
    subject: { type: 'subscription', id: practiceId },
    details: { from, until, charges: charges.length, costCents, closingCents, currency },
    at: now,
  });
  return statement;
}

/** A charge counts on the last day of its period, so that it stands in that period's statement. */
function toTransaction(practiceId: string, charge: Charge, at: Date): NewLedgerTransaction {
  return {
    practiceId,
    kind: 'charge',
    day: addDays(charge.period.until, -1),
    currency: charge.currency,
    reason: `${words[charge.component]}, ${charge.from} to ${addDays(charge.until, -1)}`,
    author: systemActor.name,
    approvedBy: null,
    sourceKey: chargeKey(practiceId, charge),
    reverses: null,
    charge,
    entries: entriesOf('charge', charge.amountCents),
    at,
  };
}

const words = { base: 'Base', per_clinician: 'Clinicians', per_location: 'Locations' } as const;
