import { randomUUID } from 'node:crypto';
import type { Trx } from '../db/database.ts';
import { queueDeployment } from '../db/deployment-store.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { newestRunOf, openRunOf } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import { beginRun } from '../runs/begin-run.ts';
import { takeForRelease } from '../workflows/capacity-of-release.ts';
import type { Core } from './core.ts';
import { wrongState } from './refusals.ts';

export interface QueuedUpdate {
  readonly deploymentId: string;
  readonly runId: string;
}

/**
 * Starts an `update-practice` run in the caller's transaction: deployment, run with its steps and queue entry. The caller holds the
 * practice's row (`lockPractice`), so two that ask at once cannot both find it idle, and writes the audit row.
 * @throws DomainError `wrong_state` when the practice is not active or a run of it is open, which it names; `conflict` when the release
 * uses more than the practice's cell has left.
 */
export async function queueUpdate(
  core: Core,
  trx: Trx,
  update: { readonly practice: PracticeRow; readonly releaseId: string; readonly reason: string },
  actor: Actor,
): Promise<QueuedUpdate> {
  const { practice, releaseId, reason } = update;
  await requireIdle(trx, practice);
  const now = core.clock.now();
  const deploymentId = randomUUID();
  const runId = await beginRun(trx, core, {
    workflow: 'update-practice',
    practiceId: practice.id,
    input: { releaseId },
    requestedBy: actor.name,
    reason,
    now,
  });
  await takeForRelease(trx, core.shapes, { practice, releaseId, runId, now });
  await queueDeployment(trx, {
    id: deploymentId,
    practiceId: practice.id,
    releaseId,
    runId,
    reason,
    now,
  });
  return { deploymentId, runId };
}

/**
 * Whether the silo has what stands on the practice's record: whoever changes that starts a run with it, so it does once the newest run
 * has succeeded. After one that failed or was cancelled the same change may be asked for again.
 */
export async function isSiloAsRecorded(trx: Trx, practiceId: string): Promise<boolean> {
  return (await newestRunOf(trx, practiceId))?.state === 'succeeded';
}

/** @throws DomainError `wrong_state` */
async function requireIdle(trx: Trx, practice: PracticeRow): Promise<void> {
  const open = await openRunOf(trx, practice.id);
  if (open !== undefined) {
    throw wrongState(
      open.state,
      `Run ${open.id} (${open.workflow}) of this practice is ${open.state}. Wait for its end or cancel it, then ask again.`,
    );
  }
  if (practice.state !== 'active') {
    throw wrongState(
      practice.state,
      `The practice is ${practice.state}; only an active practice is updated.${practice.state === 'suspended' ? ' Resume it first, to another release if need be.' : ''}`,
    );
  }
}
