import { failDeployment, setDeploymentState } from '../db/deployment-store.ts';
import { changeOffboarding, lockOffboarding } from '../db/offboarding-store.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { cancelUpdate } from './cancel-update.ts';
import { auditFailure, auditPractice, type LifeCycleParts } from './life-cycle-parts.ts';
import { reviewedSiloStepNames, reviewedSiloSteps } from './silo-steps.ts';
import { confirmEntranceClosed } from './steps/confirm-closed.ts';
import { resume } from './steps/record-life.ts';
import { setEntrance } from './steps/set-entrance.ts';

/** The steps of `resume-practice`, in order; a new run is recorded with these names. */
export const resumeSteps: readonly string[] = [...reviewedSiloStepNames, 'resume'];

/**
 * Lets a practice in again whose access is closed, by the very steps that made it: its silo is brought to the release and the settings
 * that the practice is to have, opened, and verified as at its activation. Also the way back out of an offboarding's grace period.
 */
export function resumePractice(parts: LifeCycleParts): WorkflowDefinition {
  const { ports: cloud, pollIntervalMs } = parts;
  return {
    name: 'resume-practice',
    steps: [...reviewedSiloSteps({ ...parts, access: 'open' }), resume(parts.shapes)],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await failDeployment(trx, run.id, error, now);
      await auditFailure(trx, run, 'practice.resumption_failed', error, now);
    },
    // What was opened is closed again, and seen to be: the practice counts as closed all the while.
    cancel: async (context) => {
      const kept = await cancelUpdate({ cloud, pollIntervalMs }, context);
      await setEntrance(parts, context, 'closed', 'cancel');
      await confirmEntranceClosed(parts, context);
      return kept;
    },
    cancelled: async (trx, run, kept, now) => {
      await setDeploymentState(trx, run.id, 'cancelled', now);
      await auditPractice(trx, run, 'practice.resumption_cancelled', { kept }, now);
      const offboarding = await lockOffboarding(trx, run.practiceId);
      if (offboarding?.stage !== 'cancelling') return;
      await changeOffboarding(trx, run.practiceId, { stage: 'grace', runId: null });
    },
  };
}
