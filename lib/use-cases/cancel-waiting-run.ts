import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import { type Run, skipOpenSteps } from '../db/run-store.ts';
import { cancelWaitingRun } from '../db/waiting-store.ts';
import type { Actor } from '../domain/access.ts';
import { provisioningCancelled } from '../workflows/provision-practice.ts';
import type { Core } from './core.ts';
import { wrongState } from './refusals.ts';

/**
 * Ends a run that waits for a cell, with its practice and sign-up: nothing was made, so there is nothing to remove and no
 * worker to ask. The caller holds run and practice.
 * @throws DomainError `wrong_state` when it does not wait.
 */
export async function endWaitingRun(
  core: Core,
  trx: Trx,
  run: Run,
  reason: string,
  actor: Actor,
): Promise<void> {
  const now = core.clock.now();
  if (!(await cancelWaitingRun(trx, run.id, now))) {
    throw wrongState(run.state, `The run is ${run.state} and waits for nothing.`);
  }
  await appendAudit(trx, {
    actor,
    action: 'run.cancel_requested',
    subject: { type: 'run', id: run.id },
    details: { reason, practiceId: run.practiceId, from: run.state, generation: run.generation + 1 },
    at: now,
  });
  const skipped = await skipOpenSteps(trx, run.id, now);
  await provisioningCancelled(trx, run, [], now);
  await appendRunEvents(trx, run.id, [...skipped, { kind: 'run', state: 'cancelled', message: reason }], now);
}
