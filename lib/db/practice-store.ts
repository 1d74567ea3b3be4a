import type { Insertable, Selectable } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import type { PracticeState } from '../domain/practice.ts';
import type { PracticeSettings } from '../domain/settings.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { PracticeTable, SiloStackTable } from './practice-tables.ts';
import { latestRuns } from './run-store.ts';

export type PracticeRow = Selectable<PracticeTable>;

/**
 * Where a practice answers.
 * @throws DomainError `wrong_state` while it waits for a cell, which gives it a host name.
 */
export function hostNameOf({ id, host_name: hostName }: Pick<PracticeRow, 'id' | 'host_name'>): string {
  if (hostName !== null) return hostName;
  throw new DomainError('wrong_state', `Practice ${id} has no host name yet: it waits for a cell with room.`);
}

/** A practice with what is known about it elsewhere: its stacks as last observed and its newest run. */
export interface PracticeOverview extends PracticeRow {
  readonly stacks: Pick<
    Selectable<SiloStackTable>,
    'practice_id' | 'component' | 'stack_name' | 'status' | 'observed_at'
  >[];
  readonly latestRunId: string | null;
  /** What the newest run waits for, in words; null when it does not wait. */
  readonly waitingFor: string | null;
}

/**
 * Adds a practice unless its id or its host name was ever taken; answers whether it did. Practice rows are never
 * removed. No index is named: of two that are added at once, either unique index may be the one that tells.
 */
export async function insertPractice(db: Trx, row: Insertable<PracticeTable>): Promise<boolean> {
  const inserted = await db
    .insertInto('practice')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

export async function findPractice(db: Connection, id: string): Promise<PracticeOverview | undefined> {
  const rows = await db.selectFrom('practice').selectAll().where('id', '=', id).execute();
  return (await withOverview(db, rows))[0];
}

/**
 * Reads a practice and keeps others from changing it until the transaction ends. Not from adding rows that name it (evidence, drift
 * records): whoever does so may hold what this transaction is about to wait for.
 */
export function lockPractice(db: Trx, id: string): Promise<PracticeRow | undefined> {
  return db.selectFrom('practice').selectAll().where('id', '=', id).forNoKeyUpdate().executeTakeFirst();
}

export interface PracticeFilter {
  readonly state?: PracticeState | undefined;
  /** Id of a cell. */
  readonly cell?: string | undefined;
}

/** Newest first. */
export async function listPractices(
  db: Connection,
  page: PageRequest & PracticeFilter,
): Promise<Page<PracticeOverview>> {
  let query = db.selectFrom('practice').selectAll();
  if (page.state !== undefined) query = query.where('state', '=', page.state);
  if (page.cell !== undefined) query = query.where('cell_id', '=', page.cell);
  const { items, nextCursor } = await newestFirst(query, page, { at: 'created_at', ids: 'text' });
  return { items: await withOverview(db, items), nextCursor };
}

export async function setPracticeState(db: Trx, id: string, state: PracticeState, at: Date): Promise<void> {
  await db
    .updateTable('practice')
    .set((eb) => ({ state, revision: eb('revision', '+', 1), updated_at: at }))
    .where('id', '=', id)
    .execute();
}

/** Answers the practice's new revision. */
export async function setPracticeSettings(
  db: Trx,
  id: string,
  settings: PracticeSettings,
  at: Date,
): Promise<number> {
  const { revision } = await db
    .updateTable('practice')
    .set((eb) => ({ settings: toJson(settings), revision: eb('revision', '+', 1), updated_at: at }))
    .where('id', '=', id)
    .returning('revision')
    .executeTakeFirstOrThrow();
  return revision;
}

/** The version of the plan whose rates the practice has. */
export async function setPracticePlan(
  db: Trx,
  id: string,
  { planId, planVersion }: { readonly planId: string; readonly planVersion: number },
  at: Date,
): Promise<void> {
  await db
    .updateTable('practice')
    .set((eb) => ({
      plan_id: planId,
      plan_version: planVersion,
      revision: eb('revision', '+', 1),
      updated_at: at,
    }))
    .where('id', '=', id)
    .execute();
}

export async function countPractices(db: Connection): Promise<{ state: PracticeState; count: number }[]> {
  return db
    .selectFrom('practice')
    .select((eb) => ['state', eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
}

/** Two more queries for the whole page, never one a row. */
async function withOverview(db: Connection, rows: PracticeRow[]): Promise<PracticeOverview[]> {
  if (rows.length === 0) return [];
  const ids = rows.map((row) => row.id);
  const stacks = await db
    .selectFrom('silo_stack')
    .select(['practice_id', 'component', 'stack_name', 'status', 'observed_at'])
    .where('practice_id', 'in', ids)
    .execute();
  const runs = await latestRuns(db, ids);
  return rows.map((row) => ({
    ...row,
    stacks: stacks.filter((stack) => stack.practice_id === row.id),
    latestRunId: runs.get(row.id)?.id ?? null,
    waitingFor: runs.get(row.id)?.waitingFor ?? null,
  }));
}
