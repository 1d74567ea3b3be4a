import type { Selectable } from 'kysely';
import type { RunError, RunEventBody, RunState, StepState, Workflow } from '../domain/run.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { RunStepTable, RunTable } from './run-tables.ts';

export interface Run {
  readonly id: string;
  readonly workflow: Workflow;
  readonly practiceId: string;
  readonly state: RunState;
  /** What a `waiting` run waits for, in words; null in any other state. */
  readonly waitingFor: string | null;
  readonly input: Readonly<Record<string, unknown>>;
  readonly error: RunError | null;
  readonly kept: readonly string[];
  readonly generation: number;
  readonly requestedBy: string;
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

export interface RunStep {
  readonly name: string;
  readonly state: StepState;
  readonly attempt: number;
  readonly output: unknown;
  readonly error: RunError | null;
  readonly startedAt: Date | null;
  readonly finishedAt: Date | null;
}

/** A run with its steps in the order of their execution. */
export interface RunWithSteps extends Run {
  readonly steps: readonly RunStep[];
}

/** Which work may write: the run, and the generation that the worker was started for. */
export interface RunClaim {
  readonly id: string;
  readonly generation: number;
}

/** States in which a worker has something to do. */
export const openRunStates = ['queued', 'running', 'cancelling'] as const satisfies readonly RunState[];

/** States of a run that has not ended: of a practice there is never more than one. */
export const unendedRunStates = ['waiting', ...openRunStates] as const;

/** Records a new run as `queued`, or as `waiting`, with its steps as `pending`. */
export async function insertRun(
  connection: Connection,
  run: {
    readonly id: string;
    readonly workflow: Workflow;
    readonly practiceId: string;
    readonly input: Readonly<Record<string, unknown>>;
    readonly steps: readonly string[];
    readonly requestedBy: string;
    /** Why no worker may take it up yet; absent: it is queued. */
    readonly waitingFor?: string | undefined;
    readonly now: Date;
  },
): Promise<void> {
  await connection
    .insertInto('run')
    .values({
      id: run.id,
      workflow: run.workflow,
      practice_id: run.practiceId,
      state: run.waitingFor === undefined ? 'queued' : 'waiting',
      waiting_for: run.waitingFor ?? null,
      input: toJson(run.input),
      kept: toJson([]),
      generation: 1,
      requested_by: run.requestedBy,
      created_at: run.now,
    })
    .execute();
  const steps = run.steps.map((name, ordinal) => ({
    run_id: run.id,
    name,
    ordinal,
    state: 'pending' as const,
    attempt: 0,
  }));
  await connection.insertInto('run_step').values(steps).execute();
}

export async function readRun(connection: Connection, id: string): Promise<RunWithSteps | undefined> {
  const row = await connection.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirst();
  if (row === undefined) return undefined;
  const steps = await stepsOf(connection, [id]);
  return { ...toRun(row), steps: steps.get(id) ?? [] };
}

/** The run, with its row locked until the transaction ends: whoever changes a run or appends an event does this first. */
export async function lockRun(trx: Trx, id: string): Promise<Run | undefined> {
  const row = await trx.selectFrom('run').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

/** Newest first, of all practices or of one. */
export async function listRuns(
  connection: Connection,
  page: PageRequest & { readonly practiceId?: string | undefined; readonly state?: RunState | undefined },
): Promise<Page<RunWithSteps>> {
  const { practiceId, state } = page;
  let query = connection.selectFrom('run').selectAll();
  if (practiceId !== undefined) query = query.where('practice_id', '=', practiceId);
  if (state !== undefined) query = query.where('state', '=', state);
  const { items, nextCursor } = await newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
  const steps = await stepsOf(
    connection,
    items.map((row) => row.id),
  );
  return { items: items.map((row) => ({ ...toRun(row), steps: steps.get(row.id) ?? [] })), nextCursor };
}

/** The newest run of each of these practices, and what it waits for. A run that has not ended is always the newest: none is begun beside it. */
export async function latestRuns(
  connection: Connection,
  practiceIds: readonly string[],
): Promise<Map<string, Pick<Run, 'id' | 'state' | 'waitingFor'>>> {
  if (practiceIds.length === 0) return new Map();
  const rows = await connection
    .selectFrom('run')
    .select(['practice_id', 'id', 'state', 'waiting_for'])
    .distinctOn('practice_id')
    .where('practice_id', 'in', practiceIds)
    .orderBy('practice_id')
    .orderBy('created_at', 'desc')
    .orderBy('id', 'desc')
    .execute();
  return new Map(
    rows.map(({ practice_id: practiceId, id, state, waiting_for: waitingFor }) => [
      practiceId,
      { id, state, waitingFor },
    ]),
  );
}

/** The run of a practice that was asked for last, of all or of one workflow. */
export async function newestRunOf(
  connection: Connection,
  practiceId: string,
  workflow?: Workflow,
): Promise<Run | undefined> {
  let runs = connection.selectFrom('run').selectAll().where('practice_id', '=', practiceId);
  if (workflow !== undefined) runs = runs.where('workflow', '=', workflow);
  const row = await runs.orderBy('created_at', 'desc').orderBy('id', 'desc').limit(1).executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

/** The run of a practice that has not ended, if there is one: there is never more than one. */
export async function openRunOf(connection: Connection, practiceId: string): Promise<Run | undefined> {
  const row = await connection
    .selectFrom('run')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .where('state', 'in', [...unendedRunStates])
    .executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

/** Every run that a worker should be at work on, oldest first. */
export async function listOpenRuns(connection: Connection): Promise<Run[]> {
  const rows = await connection
    .selectFrom('run')
    .selectAll()
    .where('state', 'in', [...openRunStates])
    .orderBy('created_at')
    .execute();
  return rows.map(toRun);
}

export async function countRunsByState(connection: Connection): Promise<Map<RunState, number>> {
  const rows = await connection
    .selectFrom('run')
    .select(['state', (eb) => eb.fn.countAll<number>().as('count')])
    .groupBy('state')
    .execute();
  return new Map(rows.map((row) => [row.state, row.count]));
}

/** One step, as the journal has it. */
export async function readStep(
  connection: Connection,
  runId: string,
  step: string,
): Promise<RunStep | undefined> {
  const row = await connection
    .selectFrom('run_step')
    .selectAll()
    .where('run_id', '=', runId)
    .where('name', '=', step)
    .executeTakeFirst();
  return row === undefined ? undefined : toStep(row);
}

/** `queued | running → running`, for the worker of this generation; undefined when another generation has taken over. */
export async function startRun(
  trx: Trx,
  claim: RunClaim,
  now: Date,
): Promise<{ readonly run: Run; readonly wasQueued: boolean } | undefined> {
  const before = await lockRun(trx, claim.id);
  const row = await trx
    .updateTable('run')
    .set((eb) => ({ state: 'running', started_at: eb.fn.coalesce('started_at', eb.val(now)) }))
    .where('id', '=', claim.id)
    .where('generation', '=', claim.generation)
    .where('state', 'in', ['queued', 'running'])
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : { run: toRun(row), wasQueued: before?.state === 'queued' };
}

/** Ends a run. False, and nothing is written, when its generation or state has moved on. */
export async function finishRun(
  trx: Trx,
  claim: RunClaim,
  end: {
    readonly from: RunState;
    readonly to: 'succeeded' | 'failed' | 'cancelled';
    readonly error?: RunError | null;
    readonly kept?: readonly string[];
    readonly now: Date;
  },
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('run')
    .set({
      state: end.to,
      finished_at: end.now,
      ...(end.error === undefined ? {} : { error: end.error === null ? null : toJson(end.error) }),
      ...(end.kept === undefined ? {} : { kept: toJson(end.kept) }),
    })
    .where('id', '=', claim.id)
    .where('generation', '=', claim.generation)
    .where('state', '=', end.from)
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/**
 * `failed → queued`: a new generation that goes on from the step that failed. Undefined when the run is not `failed`.
 * The caller enqueues the generation returned, in the same transaction.
 */
export async function requeueRun(trx: Trx, id: string): Promise<Run | undefined> {
  const row = await trx
    .updateTable('run')
    .set((eb) => ({
      state: 'queued',
      error: null,
      finished_at: null,
      generation: eb('generation', '+', 1),
    }))
    .where('id', '=', id)
    .where('state', '=', 'failed')
    .returningAll()
    .executeTakeFirst();
  if (row === undefined) return undefined;
  await trx
    .updateTable('run_step')
    .set({ state: 'pending', error: null, finished_at: null })
    .where('run_id', '=', id)
    .where('state', 'in', ['failed', 'running'])
    .execute();
  return toRun(row);
}

/**
 * `queued | running | failed → cancelling`: a new generation that tears down. Undefined when the run is in another
 * state. The caller enqueues the generation returned, in the same transaction.
 */
export async function requestCancel(trx: Trx, id: string): Promise<Run | undefined> {
  const row = await trx
    .updateTable('run')
    .set((eb) => ({ state: 'cancelling', finished_at: null, generation: eb('generation', '+', 1) }))
    .where('id', '=', id)
    .where('state', 'in', ['queued', 'running', 'failed'])
    .returningAll()
    .executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

/**
 * Marks a step as running and counts the attempt. Returns the attempt's number, from 1; undefined, and nothing is written, for a step
 * that has succeeded: whoever begins it has read the journal before somebody else finished it.
 */
export async function startStep(
  trx: Trx,
  runId: string,
  step: string,
  now: Date,
): Promise<number | undefined> {
  const row = await trx
    .updateTable('run_step')
    .set((eb) => ({
      state: 'running',
      attempt: eb('attempt', '+', 1),
      error: null,
      started_at: now,
      finished_at: null,
    }))
    .where('run_id', '=', runId)
    .where('name', '=', step)
    .where('state', '<>', 'succeeded')
    .returning('attempt')
    .executeTakeFirst();
  return row?.attempt;
}

/** Records how a step ended; a succeeded step keeps its output for the steps after it and for later generations. */
export async function finishStep(
  trx: Trx,
  runId: string,
  step: string,
  end:
    | { readonly state: 'succeeded'; readonly output: unknown; readonly now: Date }
    | { readonly state: 'failed'; readonly error: RunError; readonly now: Date },
): Promise<void> {
  const outcome =
    end.state === 'succeeded' ? { output: toJson(end.output), error: null } : { error: toJson(end.error) };
  await trx
    .updateTable('run_step')
    .set({ state: end.state, finished_at: end.now, ...outcome })
    .where('run_id', '=', runId)
    .where('name', '=', step)
    .execute();
}

/** All steps back to `pending`: a retry goes through each of them again. */
export async function reopenSteps(trx: Trx, runId: string): Promise<void> {
  await trx
    .updateTable('run_step')
    .set({ state: 'pending', output: null, error: null, started_at: null, finished_at: null })
    .where('run_id', '=', runId)
    .execute();
}

/** Marks the steps that a cancelled run never reached or finished as `skipped`. Returns what the run's events tell of it, in order. */
export async function skipOpenSteps(trx: Trx, runId: string, now: Date): Promise<RunEventBody[]> {
  const rows = await trx
    .updateTable('run_step')
    .set({ state: 'skipped', finished_at: now })
    .where('run_id', '=', runId)
    .where('state', 'in', ['pending', 'running'])
    .returning(['name', 'ordinal', 'attempt'])
    .execute();
  return rows
    .sort((a, b) => a.ordinal - b.ordinal)
    .map(({ name, attempt }) => ({ kind: 'step', step: name, state: 'skipped', attempt }));
}

async function stepsOf(connection: Connection, runIds: readonly string[]): Promise<Map<string, RunStep[]>> {
  const byRun = new Map<string, RunStep[]>();
  if (runIds.length === 0) return byRun;
  const rows = await connection
    .selectFrom('run_step')
    .selectAll()
    .where('run_id', 'in', runIds)
    .orderBy('run_id')
    .orderBy('ordinal')
    .execute();
  for (const row of rows) byRun.set(row.run_id, [...(byRun.get(row.run_id) ?? []), toStep(row)]);
  return byRun;
}

function toRun(row: Selectable<RunTable>): Run {
  return {
    id: row.id,
    workflow: row.workflow,
    practiceId: row.practice_id,
    state: row.state,
    waitingFor: row.waiting_for,
    input: row.input,
    error: row.error,
    kept: row.kept,
    generation: row.generation,
    requestedBy: row.requested_by,
    createdAt: row.created_at,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}

function toStep(row: Selectable<RunStepTable>): RunStep {
  return {
    name: row.name,
    state: row.state,
    attempt: row.attempt,
    output: row.output,
    error: row.error,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
