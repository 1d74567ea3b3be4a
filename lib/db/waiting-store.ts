import { sql } from 'kysely';
import { type Connection, type Trx, toJson } from './database.ts';
import { changePractice } from './practice-lifecycle-store.ts';
import type { PracticeRow } from './practice-store.ts';

/** A practice that waits for a cell, with the run that will make its silo. */
export interface WaitingPractice extends PracticeRow {
  readonly runId: string;
  readonly runInput: Readonly<Record<string, unknown>>;
  readonly waitingFor: string | null;
}

export async function anyoneWaits(connection: Connection): Promise<boolean> {
  const first = await connection
    .selectFrom('practice')
    .select('id')
    .where('state', '=', 'waiting')
    .limit(1)
    .executeTakeFirst();
  return first !== undefined;
}

/** Practices that wait, in the order of their approval, after one of them or from the first. */
export function waitingPractices(
  connection: Connection,
  { after, limit }: { readonly after: WaitingPractice | undefined; readonly limit: number },
): Promise<WaitingPractice[]> {
  let query = connection
    .selectFrom('practice')
    .innerJoin('run', 'run.practice_id', 'practice.id')
    .selectAll('practice')
    .select(['run.id as runId', 'run.input as runInput', 'run.waiting_for as waitingFor'])
    .where('practice.state', '=', 'waiting')
    .where('run.state', '=', 'waiting');
  if (after !== undefined) {
    query = query.where(
      sql<boolean>`(${sql.ref('practice.created_at')}, ${sql.ref('practice.id')}) > (${after.created_at}, ${after.id})`,
    );
  }
  return query.orderBy('practice.created_at').orderBy('practice.id').limit(limit).execute();
}

/** `waiting → provisioning`, in a cell. False, and nothing is written, when the practice does not wait. */
export function placePractice(
  trx: Trx,
  id: string,
  { cellId, hostName, now }: { readonly cellId: string; readonly hostName: string; readonly now: Date },
): Promise<boolean> {
  const place = { state: 'provisioning', cell_id: cellId, host_name: hostName } as const;
  return changePractice(trx, { id, from: ['waiting'], now }, place);
}

/**
 * Puts practices into a cell that have host names already and were never placed: those from before there were cells.
 * Answers them, by id.
 */
export async function assignUnplaced(trx: Trx, cellId: string): Promise<PracticeRow[]> {
  const rows = await trx
    .updateTable('practice')
    .set({ cell_id: cellId })
    .where('cell_id', 'is', null)
    .where('host_name', 'is not', null)
    .returningAll()
    .execute();
  return rows.sort((one, other) => (one.id < other.id ? -1 : 1));
}

/**
 * `waiting → queued`, with what it is to do by now. False, and nothing is written, when the run does not wait. The caller enqueues it, in
 * the same transaction.
 */
export async function queueWaitingRun(
  trx: Trx,
  id: string,
  input: Readonly<Record<string, unknown>>,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('run')
    .set({ state: 'queued', waiting_for: null, input: toJson(input) })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** `waiting → cancelled`: a run that nobody ever worked on. False, and nothing is written, when it does not wait. */
export async function cancelWaitingRun(trx: Trx, id: string, now: Date): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('run')
    .set((eb) => ({
      state: 'cancelled',
      waiting_for: null,
      finished_at: now,
      generation: eb('generation', '+', 1),
    }))
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Says anew what a run waits for. False when it said so already, or does not wait. */
export async function setWaitingFor(trx: Trx, id: string, waitingFor: string): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('run')
    .set({ waiting_for: waitingFor })
    .where('id', '=', id)
    .where('state', '=', 'waiting')
    .where('waiting_for', '<>', waitingFor)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}
