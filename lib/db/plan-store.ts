import type { Selectable } from 'kysely';
import type { PlanTerms } from '../domain/plan/terms.ts';
import type { PlanPromise } from '../domain/plan/version-check.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionById, positionOf } from './page.ts';
import type { PlanTable, PlanVersionTable } from './plan-tables.ts';

type PlanVersionRow = Selectable<PlanVersionTable>;
/** A plan with its versions, oldest first. */
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

/** The same of versions that were read, oldest first. */
export const offeredOn = (versions: readonly PlanVersionRow[], day: string): PlanVersionRow | undefined =>
  versions.findLast(({ effective_from: from }) => from <= day);

export async function findPlan(db: Connection, id: string): Promise<PlanRow | undefined> {
  const plan = await db.selectFrom('plan').selectAll().where('id', '=', id).executeTakeFirst();
  return plan === undefined ? undefined : { ...plan, versions: await versionsOf(db, [id]) };
}

/**
 * Reads a plan and keeps others from publishing a version of it, or taking a place in it, until the transaction ends. Whoever changes
 * practices or subscriptions too holds the plan first.
 */
export async function lockPlan(trx: Trx, id: string): Promise<PlanRow | undefined> {
  const plan = await trx
    .selectFrom('plan')
    .selectAll()
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return plan === undefined ? undefined : { ...plan, versions: await versionsOf(trx, [id]) };
}

/**
 * Keeps others from publishing a version of a plan until the transaction ends, but not from becoming members: for plans without a cap,
 * whose approvals need not wait for each other.
 */
export async function holdPlan(trx: Trx, planId: string): Promise<void> {
  await trx.selectFrom('plan').select('id').where('id', '=', planId).forShare().execute();
}

/** By id. */
export async function listPlans(db: Connection, page: PageRequest): Promise<Page<PlanRow>> {
  let query = db.selectFrom('plan').selectAll();
  if (page.cursor !== undefined) query = query.where('id', '>', positionOf(page.cursor, 'text').id);
  const plans = await query
    .orderBy('id')
    .limit(page.limit + 1)
    .execute();
  const versions = await versionsOf(
    db,
    plans.map(({ id }) => id),
  );
  const rows = plans.map((plan) => ({
    ...plan,
    versions: versions.filter((version) => version.plan_id === plan.id),
  }));
  return pageFrom(rows, page.limit, ({ id }) => positionById(id));
}

async function versionsOf(db: Connection, planIds: readonly string[]): Promise<PlanVersionRow[]> {
  if (planIds.length === 0) return [];
  return db
    .selectFrom('plan_version')
    .selectAll()
    .where('plan_id', 'in', planIds)
    .orderBy('plan_id')
    .orderBy('version')
    .execute();
}

export interface NewPlan {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly promise: PlanPromise;
}

/** Whether the id was free; nothing is changed otherwise. */
export async function insertPlan(trx: Trx, { id, name, description, promise }: NewPlan): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('plan')
    .values({ id, name, description, promise: toJson(promise) })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

/** Adds a version to a plan that the transaction has locked. */
export async function insertPlanVersion(
  trx: Trx,
  version: {
    readonly planId: string;
    readonly version: number;
    readonly effectiveFrom: string;
    readonly terms: PlanTerms;
  },
): Promise<void> {
  const { planId, effectiveFrom, terms } = version;
  await trx
    .insertInto('plan_version')
    .values({
      plan_id: planId,
      version: version.version,
      effective_from: effectiveFrom,
      terms: toJson(terms),
    })
    .execute();
  await trx
    .updateTable('plan')
    .set((eb) => ({ revision: eb('revision', '+', 1) }))
    .where('id', '=', planId)
    .execute();
}
