import type { RunError } from '../domain/run.ts';
import { type Connection, toJson } from './database.ts';
import type { DeploymentTable } from './schema.ts';

export interface Deployment {
  readonly id: string;
  readonly practiceId: string;
  readonly releaseId: string;
  readonly runId: string;
  readonly state: DeploymentTable['state'];
  readonly reason: string | null;
  readonly error: RunError | null;
  readonly startedAt: Date;
  readonly finishedAt: Date | null;
}

/** Records that a release is to be applied to a practice by a run that waits for a worker. */
export async function queueDeployment(
  connection: Connection,
  deployment: Pick<Deployment, 'id' | 'practiceId' | 'releaseId' | 'runId'> & {
    readonly reason: string;
    readonly now: Date;
  },
): Promise<void> {
  await connection
    .insertInto('deployment')
    .values({
      id: deployment.id,
      practice_id: deployment.practiceId,
      release_id: deployment.releaseId,
      run_id: deployment.runId,
      state: 'queued',
      reason: deployment.reason,
      started_at: deployment.now,
    })
    .execute();
}

/** Records that a run applies a release to a practice; a repeated call for the same run opens the same deployment again. */
export async function openDeployment(
  connection: Connection,
  deployment: {
    readonly id: string;
    readonly practiceId: string;
    readonly releaseId: string;
    readonly runId: string;
    readonly now: Date;
  },
): Promise<void> {
  await connection
    .insertInto('deployment')
    .values({
      id: deployment.id,
      practice_id: deployment.practiceId,
      release_id: deployment.releaseId,
      run_id: deployment.runId,
      state: 'running',
      started_at: deployment.now,
    })
    .onConflict((conflict) =>
      conflict.column('run_id').doUpdateSet({ state: 'running', error: null, finished_at: null }),
    )
    .execute();
}

/** Records how a run's deployment stands; a run that never opened one changes nothing. */
export async function setDeploymentState(
  connection: Connection,
  runId: string,
  state: 'running' | 'succeeded' | 'cancelled',
  now: Date,
): Promise<void> {
  await connection
    .updateTable('deployment')
    .set({ state, error: null, finished_at: state === 'running' ? null : now })
    .where('run_id', '=', runId)
    .execute();
}

/** Records why a run's deployment failed; a run that never opened one changes nothing. */
export async function failDeployment(
  connection: Connection,
  runId: string,
  error: RunError,
  now: Date,
): Promise<void> {
  await connection
    .updateTable('deployment')
    .set({ state: 'failed', error: toJson(error), finished_at: now })
    .where('run_id', '=', runId)
    .execute();
}

/** A page of a practice's deployments, newest first; `before` is the last one of the page before. */
export async function listDeployments(
  connection: Connection,
  page: {
    readonly practiceId: string;
    readonly before?: { readonly startedAt: Date; readonly id: string } | undefined;
    readonly limit: number;
  },
): Promise<Deployment[]> {
  const { before } = page;
  let query = connection.selectFrom('deployment').selectAll().where('practice_id', '=', page.practiceId);
  if (before !== undefined) {
    query = query.where((eb) =>
      eb(eb.refTuple('started_at', 'id'), '<', eb.tuple(before.startedAt, before.id)),
    );
  }
  const rows = await query.orderBy('started_at', 'desc').orderBy('id', 'desc').limit(page.limit).execute();
  return rows.map((row) => ({
    id: row.id,
    practiceId: row.practice_id,
    releaseId: row.release_id,
    runId: row.run_id,
    state: row.state,
    reason: row.reason,
    error: row.error,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  }));
}
