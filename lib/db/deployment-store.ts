import type { Selectable } from 'kysely';
import type { RunError } from '../domain/run.ts';
import { type Connection, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { DeploymentTable } from './release-tables.ts';

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

type NewDeployment = Pick<Deployment, 'id' | 'practiceId' | 'releaseId' | 'runId'> & { readonly now: Date };

/** Records that a release is to be applied to a practice by a run that waits for a worker. */
export async function queueDeployment(
  connection: Connection,
  deployment: NewDeployment & { readonly reason: string },
): Promise<void> {
  await connection
    .insertInto('deployment')
    .values({ ...rowOf(deployment), state: 'queued', reason: deployment.reason })
    .execute();
}

/** Records that a run applies a release to a practice; a repeated call for the same run opens the same deployment again. */
export async function openDeployment(connection: Connection, deployment: NewDeployment): Promise<void> {
  await connection
    .insertInto('deployment')
    .values({ ...rowOf(deployment), state: 'running' })
    .onConflict((conflict) =>
      conflict.column('run_id').doUpdateSet({ state: 'running', error: null, finished_at: null }),
    )
    .execute();
}

function rowOf({ id, practiceId, releaseId, runId, now }: NewDeployment) {
  return { id, practice_id: practiceId, release_id: releaseId, run_id: runId, started_at: now };
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

/** Releases that were applied to a practice, newest first. */
export async function listDeployments(
  connection: Connection,
  page: PageRequest & { readonly practiceId: string },
): Promise<Page<Deployment>> {
  const query = connection.selectFrom('deployment').selectAll().where('practice_id', '=', page.practiceId);
  const { items, nextCursor } = await newestFirst(query, page, { at: 'started_at', ids: 'uuid' });
  return { items: items.map(toDeployment), nextCursor };
}

function toDeployment(row: Selectable<DeploymentTable>): Deployment {
  return {
    id: row.id,
    practiceId: row.practice_id,
    releaseId: row.release_id,
    runId: row.run_id,
    state: row.state,
    reason: row.reason,
    error: row.error,
    startedAt: row.started_at,
    finishedAt: row.finished_at,
  };
}
