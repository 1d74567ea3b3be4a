import type { Database } from '../../lib/db/database.ts';
import { addFact, insertSubscription } from '../../lib/db/subscription-store.ts';
import type { Day } from '../../lib/domain/plan/day.ts';
import { periodsOf } from '../../lib/domain/plan/periods.ts';
import type { PlanTerms, Quantities } from '../../lib/domain/plan/terms.ts';
import type { Timeline } from '../../lib/domain/plan/timeline.ts';
import type { Statement } from '../../lib/domain/statement.ts';
import { closePeriod } from '../../lib/workflows/close-period.ts';
import { enrolment, foundingTerms } from './plan-terms.ts';
import { approvedPractice } from './runs.ts';

/** A practice in Chicago with a subscription that was activated on a day, and what follows from that. */
export interface BilledPractice {
  readonly id: string;
  readonly timeline: Timeline;
  /** Closes the periods that are over before a day, as the calendar does; answers the statements that came of it. */
  readonly close: (before: Day) => Promise<Statement[]>;
}

const signature = { payloadType: 'test', payload: '', signatures: [{ keyid: 'test', sig: 'dGVzdA==' }] };

/** Activated on 22 November 2026, so that 20 February 2027 is the first day that costs anything, unless said otherwise. */
export async function billedPractice(
  { db }: Pick<Database, 'db'>,
  id: string,
  of: { readonly on?: Day; readonly terms?: Partial<PlanTerms>; readonly quantities?: Quantities } = {},
): Promise<BilledPractice> {
  const { on = '2026-11-22', terms = {}, quantities = { clinicians: 5, locations: 1 } } = of;
  const at = new Date(`${on}T18:00:00Z`);
  const recording = { actor: 'token:test', reason: null, at };
  const { signUp, practice } = approvedPractice(id, at);
  const timeline = await db.transaction().execute(async (trx) => {
    await trx.insertInto('sign_up').values(signUp).execute();
    await trx.insertInto('practice').values(practice).execute();
    const enrolled = enrolment({ on, terms: { ...foundingTerms, ...terms }, quantities });
    const subscription = await insertSubscription(
      trx,
      { practiceId: id, timeZone: 'America/Chicago', enrolled },
      { ...recording, signature },
    );
    return (await addFact(trx, subscription, { kind: 'activated', on }, recording)).timeline;
  });
  const close = async (before: Day): Promise<Statement[]> => {
    const over = periodsOf(timeline, { from: on, until: before }).filter(({ until }) => until <= before);
    const statements: Statement[] = [];
    for (const period of over) {
      const now = new Date(`${period.until}T18:00:00Z`);
      const statement = await db
        .transaction()
        .execute((trx) => closePeriod(trx, { practiceId: id, timeline, period, today: before, now }));
      if (statement !== undefined) statements.push(statement);
    }
    return statements;
  };
  return { id, timeline, close };
}
