import { sql } from 'kysely';
import type { RunEventBody } from '../domain/run.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { lockRun } from './run-store.ts';

export interface RunEvent {
  /** Grows over all runs; within one run it is the order of what happened. */
  readonly seq: number;
  readonly runId: string;
  readonly body: RunEventBody;
  readonly at: Date;
}

/**
 * Appends events in the transaction that changes the state they tell of. The run's row is locked first: so a run's
 * events commit in the order of their `seq`, and a reader that asks for "after seq" never misses one.
 */
export async function appendRunEvents(
  trx: Trx,
  runId: string,
  bodies: readonly RunEventBody[],
  at: Date,
): Promise<void> {
  if (bodies.length === 0) return;
  await lockRun(trx, runId);
  await trx
    .insertInto('run_event')
    .values(bodies.map((body) => ({ run_id: runId, kind: body.kind, body: toJson(body), at })))
    .execute();
}

/** A run's events after `afterSeq` (0: from the start), oldest first. */
export async function listRunEvents(
  connection: Connection,
  runId: string,
  page: { readonly afterSeq: number; readonly limit: number },
): Promise<RunEvent[]> {
  const rows = await connection
    .selectFrom('run_event')
    .selectAll()
    .where('run_id', '=', runId)
    .where('seq', '>', page.afterSeq)
    .orderBy('seq')
    .limit(page.limit)
    .execute();
  return rows.map((row) => ({ seq: row.seq, runId: row.run_id, body: row.body, at: row.at }));
}

/** CloudFormation's ids of the events of one stack that any run of its practice has told of. */
export async function knownStackEvents(
  connection: Connection,
  practiceId: string,
  stackId: string,
): Promise<Set<string>> {
  const rows = await connection
    .selectFrom('run_event')
    .select(sql<string>`body ->> 'eventId'`.as('event_id'))
    .where('run_id', 'in', (eb) => eb.selectFrom('run').select('id').where('practice_id', '=', practiceId))
    .where('kind', '=', 'resource')
    .where(sql<string>`body ->> 'stackId'`, '=', stackId)
    .execute();
  return new Set(rows.map((row) => row.event_id));
}

/** Whether a run has told what the review said of a change set. */
export async function hasToldOfChangeSet(
  connection: Connection,
  runId: string,
  changeSetId: string,
): Promise<boolean> {
  const told = await connection
    .selectFrom('run_event')
    .select('seq')
    .where('run_id', '=', runId)
    .where('kind', '=', 'change')
    .where(sql<string>`body ->> 'changeSetId'`, '=', changeSetId)
    .limit(1)
    .executeTakeFirst();
  return told !== undefined;
}
