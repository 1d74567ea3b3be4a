import { randomUUID } from 'node:crypto';
import type { Trx } from '../db/database.ts';
import { queueDeployment } from '../db/deployment-store.ts';
import type { PracticeRow } from '../db/practice-store.ts';
import { newestRunOf, openRunOf } from '../db/run-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Workflow } from '../domain/run.ts';
import type { Clock } from '../ports/clock.ts';
import type { Shapes } from '../ports/shapes.ts';
import { beginRun, type RunStarts } from '../runs/begin-run.ts';
import { takeForRelease } from './capacity-of-release.ts';
import { refuseHalted } from './halted-release.ts';

/** What an update is started with. */
export interface UpdateStarts extends RunStarts {
  readonly clock: Clock;
  readonly shapes: Shapes;
}

interface Update {
  readonly practice: PracticeRow;
  readonly releaseId: string;
  readonly reason: string;
}

export interface QueuedUpdate {
  readonly deploymentId: string;
  readonly runId: string;
}

/**
 * Starts an `update-practice` run in the caller's transaction: deployment, run with its steps and queue entry. The caller holds the
 * practice's row (`lockPractice`), so two that ask at once cannot both find it idle, and writes the audit row.
 * @throws DomainError `wrong_state` when the practice is not active, a run of it is open, which it names, or the release is halted and not
 * the one that it has; `conflict` when the release uses more than the practice's cell has left.
 */
export async function queueUpdate(
  parts: UpdateStarts,
  trx: Trx,
  update: Update,
  actor: Actor,
): Promise<QueuedUpdate> {
  const { practice, releaseId } = update;
  await refuseHalted(trx, releaseId, practice.release_id);
  const queued = await queueDeploying(parts, trx, 'update-practice', update, actor);
  await takeForRelease(trx, parts.shapes, {
    practice,
    releaseId,
    runId: queued.runId,
    now: parts.clock.now(),
  });
  return queued;
}

/**
 * Starts a `roll-back-practice` run in the same way. What the practice has reserved stays so: the newer release's foundation and data do.
 * @throws DomainError `wrong_state` as for an update
 */
export function queueRollBack(
  parts: UpdateStarts,
  trx: Trx,
  rollBack: Update,
  actor: Actor,
): Promise<QueuedUpdate> {
  return queueDeploying(parts, trx, 'roll-back-practice', rollBack, actor);
}

/**
 * Whether the silo has what stands on the practice's record: whoever changes that starts a run with it, so it does once the newest run
 * has succeeded. After one that failed or was cancelled the same change may be asked for again.
 */
export async function isSiloAsRecorded(trx: Trx, practiceId: string): Promise<boolean> {
  return (await newestRunOf(trx, practiceId))?.state === 'succeeded';
}

async function queueDeploying(
  parts: UpdateStarts,
  trx: Trx,
  workflow: Workflow,
  { practice, releaseId, reason }: Update,
  actor: Actor,
): Promise<QueuedUpdate> {
  await requireIdle(trx, practice);
  const now = parts.clock.now();
  const deploymentId = randomUUID();
  const runId = await beginRun(trx, parts, {
    workflow,
    practiceId: practice.id,
    input: { releaseId },
    requestedBy: actor.name,
    reason,
    now,
  });
  await queueDeployment(trx, { id: deploymentId, practiceId: practice.id, releaseId, runId, reason, now });
  return { deploymentId, runId };
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

const wrongState = (state: string, message: string): DomainError =>
  new DomainError('wrong_state', message, { context: { state } });
