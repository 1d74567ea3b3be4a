import type { Selectable } from 'kysely';
import type { Connection } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';
import type { PlanTable, PlanVersionTable } from './schema.ts';

export type PlanVersionRow = Selectable<PlanVersionTable>;
export type PlanRow = Selectable<PlanTable> & { readonly versions: PlanVersionRow[] };

export async function planExists(db: Connection, id: string): Promise<boolean> {
  return (await db.selectFrom('plan').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
}

/** The version of a plan that is offered on a day (ISO date): the newest that has come into effect. */
export function planVersionOn(
  db: Connection,
  planId: string,
  day: string,
): Promise<PlanVersionRow | undefined> {
  return db
    .selectFrom('plan_version')
    .selectAll()
    .where('plan_id', '=', planId)
    .where('effective_from', '<=', day)
    .orderBy('effective_from', 'desc')
    .orderBy('version', 'desc')
    .executeTakeFirst();
}

/** Plans carry no time of their own, so the cursor's time is a constant. */
const noTime = new Date(0);

/** By id, each with its versions, oldest first. */
export async function listPlans(db: Connection, page: PageRequest): Promise<Page<PlanRow>> {
  let query = db.selectFrom('plan').selectAll();
  if (page.cursor !== undefined) query = query.where('id', '>', positionOf(page.cursor, 'text').id);
  const plans = await query
    .orderBy('id')
    .limit(page.limit + 1)
    .execute();
  const versions = await db.selectFrom('plan_version').selectAll().orderBy('version').execute();
  const rows = plans.map((plan) => ({
    ...plan,
    versions: versions.filter((version) => version.plan_id === plan.id),
  }));
  return pageFrom(rows, page.limit, (row) => ({ at: noTime, id: row.id }));
}
