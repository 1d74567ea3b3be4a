import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { lockPractice } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { queueUpdate } from '../workflows/queue-update.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import { requirePublished } from './begin-change.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

export interface DeploymentRequest {
  readonly practiceId: string;
  readonly releaseId: string;
  readonly reason: string;
}

/** A deployment that waits for a worker. */
export interface DeploymentReceipt {
  readonly id: string;
  readonly runId: string;
  readonly releaseId: string;
  readonly state: 'queued';
  readonly reason: string;
  readonly error: null;
  /** RFC 3339, UTC. */
  readonly startedAt: string;
  readonly finishedAt: null;
}

/**
 * Asks for a release to be applied to an active practice: deployment, run, audit row and queue entry commit together, once for each
 * idempotency key. The release that the practice has already may be asked for, too: it brings the silo back to it.
 * @throws DomainError `not_found`; `invalid_input` (no such release); `wrong_state` (not active, or a run is open, which it names).
 */
export function requestDeployment(
  core: Core,
  request: DeploymentRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<DeploymentReceipt>> {
  const scope = `POST /v1/practices/:id/deployments ${actor.id}`;
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => ({
    status: 202,
    body: await record(core, trx, request, actor),
  }));
}

async function record(
  core: Core,
  trx: Trx,
  { practiceId, releaseId, reason }: DeploymentRequest,
  actor: Actor,
): Promise<DeploymentReceipt> {
  const practice = await lockPractice(trx, practiceId);
  if (practice === undefined) throw notFound('practice');
  await requirePublished(trx, releaseId);
  const { deploymentId, runId } = await queueUpdate(core, trx, { practice, releaseId, reason }, actor);
  const at = core.clock.now();
  await appendAudit(trx, {
    actor,
    action: 'practice.update_requested',
    subject: { type: 'practice', id: practiceId },
    details: { reason, releaseId, from: practice.release_id, deploymentId, runId },
    at,
  });
  return {
    id: deploymentId,
    runId,
    releaseId,
    state: 'queued',
    reason,
    error: null,
    startedAt: at.toISOString(),
    finishedAt: null,
  };
}
