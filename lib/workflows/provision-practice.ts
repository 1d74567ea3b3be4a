import { appendAudit } from '../db/audit-store.ts';
import { releaseCapacity } from '../db/capacity-store.ts';
import type { Trx } from '../db/database.ts';
import { failDeployment, setDeploymentState } from '../db/deployment-store.ts';
import { closeSignUpOf, endProvisioning } from '../db/practice-lifecycle-store.ts';
import type { Run } from '../db/run-store.ts';
import { systemActor } from '../domain/access.ts';
import type { Kept, WorkflowDefinition } from '../runs/workflow.ts';
import { cancelProvisioning } from './cancel-provisioning.ts';
import { auditFailure, auditPractice } from './life-cycle-parts.ts';
import { type SiloParts, siloStepNames, siloSteps } from './silo-steps.ts';
import { activate } from './steps/record-release.ts';
import { subscriptionEnded } from './subscription-life.ts';

/** The steps of `provision-practice`, in order; a new run is recorded with these names. */
export const provisioningSteps: readonly string[] = [...siloStepNames, 'activate'];

/** Takes an approved practice from nothing to active: three stacks, a look at the app, verification. */
export function provisionPractice(parts: SiloParts): WorkflowDefinition {
  const { ports: cloud, pollIntervalMs } = parts;
  return {
    name: 'provision-practice',
    steps: [...siloSteps(parts), activate],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await failDeployment(trx, run.id, error, now);
      if (!(await endProvisioning(trx, run.practiceId, 'provisioning_failed', now))) return;
      await auditFailure(trx, run, 'practice.provisioning_failed', error, now);
    },
    cancel: (context) => cancelProvisioning({ cloud, pollIntervalMs }, context),
    cancelled: provisioningCancelled,
  };
}

/** What a cancelled provisioning means for its practice, subscription and sign-up: all are over, and the audit trail says so. */
export async function provisioningCancelled(trx: Trx, run: Run, kept: Kept, now: Date): Promise<void> {
  await setDeploymentState(trx, run.id, 'cancelled', now);
  if (!(await endProvisioning(trx, run.practiceId, 'provisioning_cancelled', now))) return;
  const reason = 'provisioning cancelled: nothing that uses a quota is left';
  await releaseCapacity(trx, run.practiceId, reason, { runId: run.id, now });
  await auditPractice(trx, run, 'practice.provisioning_cancelled', { kept }, now);
  await subscriptionEnded(trx, { practiceId: run.practiceId, at: now }, 'provisioning was cancelled');
  const signUpId = await closeSignUpOf(trx, run.practiceId, now);
  if (signUpId === undefined) return;
  await appendAudit(trx, {
    actor: systemActor,
    action: 'sign_up.closed',
    subject: { type: 'sign_up', id: signUpId },
    details: { runId: run.id, practiceId: run.practiceId },
    at: now,
  });
}
