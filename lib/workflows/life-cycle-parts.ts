import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { newestRunOf, type Run, reopenSteps } from '../db/run-store.ts';
import { systemActor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { RunError } from '../domain/run.ts';
import type { RunContext } from '../runs/workflow.ts';
import type { SiloParts } from './silo-steps.ts';
import type { Removal } from './stack-removal.ts';

/** What the workflows of a practice's life work with: everything that makes a silo, and what removes it. */
export interface LifeCycleParts extends SiloParts {
  /** How long the entrance may take to show as closed, the database to be copied, or what was removed to be gone; an hour unless told. */
  readonly settledWithinMs?: number;
}

export const standardSettledWithinMs = 3_600_000;

/** Watches a stack for a step, or for a cancellation. */
export function removalOf(
  { ports, pollIntervalMs }: LifeCycleParts,
  context: RunContext,
  step: string,
): Removal {
  return { context, stacks: ports.stacks, actions: ports.actions, step, intervalMs: pollIntervalMs };
}

/** The row of the audit trail for what a run did to its practice, in the transaction that records it. */
export function auditPractice(
  trx: Trx,
  { id: runId, practiceId }: Pick<Run, 'id' | 'practiceId'>,
  action: string,
  details: Readonly<Record<string, unknown>>,
  at: Date,
): Promise<void> {
  const subject = { type: 'practice', id: practiceId };
  return appendAudit(trx, { actor: systemActor, action, subject, details: { runId, ...details }, at });
}

/** The same for a run that failed: in which step, and why. */
export function auditFailure(
  trx: Trx,
  run: Pick<Run, 'id' | 'practiceId'>,
  action: string,
  { step, code }: RunError,
  at: Date,
): Promise<void> {
  return auditPractice(trx, run, action, { step, code }, at);
}

/** The error for a practice whose record is not (any more) what a run that ends would change. */
export function movedOn(practiceId: string, was: string): DomainError {
  return new DomainError('wrong_state', `Practice ${practiceId} is not ${was} any more.`);
}

/** Closing took what a failed provisioning had made of the service: its retry goes through all steps again, which find what is there. */
export async function reopenProvisioning(trx: Trx, practiceId: string): Promise<void> {
  const provisioning = await newestRunOf(trx, practiceId, 'provision-practice');
  if (provisioning !== undefined) await reopenSteps(trx, provisioning.id);
}
