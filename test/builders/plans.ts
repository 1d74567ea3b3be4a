import type { Db } from '../../lib/db/database.ts';
import { insertPlan, insertPlanVersion } from '../../lib/db/plan-store.ts';
import type { PlanTerms } from '../../lib/domain/plan/terms.ts';
import { foundingTerms } from './plan-terms.ts';

let made = 0;

/** A plan of a test's own on the founding member's terms, with changes. Answers its id. */
export async function makePlan(db: Db, changes: Partial<PlanTerms>): Promise<string> {
  made += 1;
  const id = `plan-${made}`;
  const terms = { ...foundingTerms, ...changes };
  await db.transaction().execute(async (trx) => {
    await insertPlan(trx, {
      id,
      name: id,
      description: 'Of a test',
      promise: { freeDays: 0, lockMonths: 0 },
    });
    await insertPlanVersion(trx, { planId: id, version: 1, effectiveFrom: '2026-01-01', terms });
  });
  return id;
}
