import { randomUUID } from 'node:crypto';
import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { queueDeployment } from '../db/deployment-store.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import { readSubscription } from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import type { PracticeState } from '../domain/practice.ts';
import { takeForRelease } from '../workflows/capacity-of-release.ts';
import { refuseHalted } from '../workflows/halted-release.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import { beginRunFor, idlePractice, type LifeChange, requirePublished } from './begin-change.ts';
import type { Core } from './core.ts';
import { wrongState } from './refusals.ts';

/** A change of a practice's life that was taken: the state is the one that still holds, until the run has seen another. */
export interface AccessReceipt {
  readonly practiceId: string;
  readonly state: PracticeState;
  readonly runId: string;
}

/**
 * Asks for a practice's access to be blocked: run, audit row and queue entry commit together, once for each idempotency key. The practice
 * is `suspended` once its entrance was read as closed.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state` (not active, or a run is open, which it names).
 */
export function suspendPractice(
  core: Core,
  change: LifeChange,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<AccessReceipt>> {
  const { practiceId, reason } = change;
  const scope = `POST /v1/practices/:id/suspend ${actor.id}`;
  // If-Match belongs to one try, not to the request: a repeat of it gets the first answer.
  const request = { practiceId, reason };
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => ({
    status: 202,
    body: await requestSuspension(core, trx, change, actor),
  }));
}

/** `suspendPractice` in the transaction of whoever decides it. */
export async function requestSuspension(
  core: Core,
  trx: Trx,
  change: LifeChange,
  actor: Actor,
): Promise<AccessReceipt> {
  const practice = await idlePractice(trx, change);
  if (practice.state !== 'active') throw wrongState(practice.state, notSuspendable(practice));
  const runId = await beginRunFor(core, trx, change, { workflow: 'suspend-practice', input: {} }, actor);
  await audit(core, trx, 'practice.suspension_requested', { ...change, runId }, actor);
  return { practiceId: practice.id, state: practice.state, runId };
}

/**
 * Asks for a suspended practice to be let in again, on the release that it has or on another one. It is active once its silo was
 * verified, as at its activation.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` (no such release); `wrong_state` (not suspended, or a run is
 * open, which it names); `conflict` when the release uses more than the practice's cell has left.
 */
export function resumePractice(
  core: Core,
  change: LifeChange & { readonly releaseId?: string | undefined },
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<AccessReceipt>> {
  const { practiceId, reason, releaseId } = change;
  const scope = `POST /v1/practices/:id/resume ${actor.id}`;
  const request = { practiceId, reason, releaseId };
  return answerOnce(core, { scope, key: call.idempotencyKey, request }, async (trx) => {
    // Held first: somebody may be suspending it for its payment at this moment.
    await lockPractice(trx, practiceId);
    await refuseWhileUnpaid(trx, practiceId);
    return { status: 202, body: await requestResumption(core, trx, change, actor) };
  });
}

/** `resumePractice` in the transaction of whoever decides it. */
export async function requestResumption(
  core: Core,
  trx: Trx,
  change: LifeChange & { readonly releaseId?: string | undefined },
  actor: Actor,
): Promise<AccessReceipt> {
  const practice = await idlePractice(trx, change);
  if (practice.state !== 'suspended') throw wrongState(practice.state, notResumable(practice));
  const runId = await beginResumption(core, trx, practice, change, actor);
  await audit(core, trx, 'practice.resumption_requested', { ...change, runId }, actor);
  return { practiceId: practice.id, state: practice.state, runId };
}

/** A practice that was suspended for its payment would have access and not be charged. */
async function refuseWhileUnpaid(trx: Trx, practiceId: string): Promise<void> {
  const subscription = await readSubscription(trx, practiceId);
  if (subscription?.state !== 'suspended') return;
  throw wrongState(
    'suspended',
    `The practice was suspended because a payment is overdue. A plan administrator resumes it: npx lumenality subscription resume ${practiceId}`,
  );
}

/**
 * Starts the `resume-practice` run in the caller's transaction, with its deployment: a resumption brings the silo to a release and to
 * the practice's settings, as an update does.
 */
export async function beginResumption(
  core: Core,
  trx: Trx,
  practice: PracticeRow,
  change: LifeChange & { readonly releaseId?: string | undefined },
  actor: Actor,
): Promise<string> {
  const releaseId = change.releaseId ?? practice.release_id;
  if (releaseId === null) {
    throw wrongState(practice.state, `The practice is ${practice.state} and has no verified release.`);
  }
  await requirePublished(trx, releaseId);
  await refuseHalted(trx, releaseId, practice.release_id);
  const run = { workflow: 'resume-practice', input: { releaseId } } as const;
  const runId = await beginRunFor(core, trx, change, run, actor);
  const now = core.clock.now();
  await takeForRelease(trx, core.shapes, { practice, releaseId, runId, now });
  await queueDeployment(trx, {
    id: randomUUID(),
    practiceId: practice.id,
    releaseId,
    runId,
    reason: change.reason,
    now,
  });
  return runId;
}

function audit(
  core: Core,
  trx: Trx,
  action: string,
  { practiceId, reason, runId }: LifeChange & { readonly runId: string },
  actor: Actor,
): Promise<void> {
  const subject = { type: 'practice', id: practiceId };
  return appendAudit(trx, { actor, action, subject, details: { reason, runId }, at: core.clock.now() });
}

function notSuspendable({ state }: PracticeRow): string {
  if (state === 'suspended') return 'The practice is suspended already. It can be resumed or offboarded.';
  if (state === 'offboarding') return 'The practice is being offboarded: its access is closed already.';
  return `The practice is ${state}; only an active practice can be suspended.`;
}

function notResumable({ id, state }: PracticeRow): string {
  if (state === 'active') return 'The practice is active: there is nothing to resume.';
  if (state === 'offboarding') {
    return `The practice is being offboarded. To take that back: npx lumenality practice cancel-offboarding ${id}`;
  }
  return `The practice is ${state}; only a suspended practice can be resumed.`;
}
