import { failDeployment, setDeploymentState } from '../db/deployment-store.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { cancelUpdate } from './cancel-update.ts';
import { auditFailure, auditPractice } from './life-cycle-parts.ts';
import { reviewedSiloStepNames, reviewedSiloSteps, type SiloParts } from './silo-steps.ts';
import { finish } from './steps/record-release.ts';

/** The steps of `update-practice`, in order; a new run is recorded with these names. */
export const updateSteps: readonly string[] = [...reviewedSiloStepNames, 'finish'];

/**
 * Brings an active practice to a release and to its own settings, by the very steps that made it. The practice stays active
 * throughout; it counts as running the release once the silo is verified.
 */
export function updatePractice(parts: SiloParts): WorkflowDefinition {
  const { ports: cloud, pollIntervalMs } = parts;
  return {
    name: 'update-practice',
    steps: [...reviewedSiloSteps(parts), finish(parts.shapes)],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await failDeployment(trx, run.id, error, now);
      await auditFailure(trx, run, 'practice.update_failed', error, now);
    },
    cancel: (context) => cancelUpdate({ cloud, pollIntervalMs }, context),
    cancelled: async (trx, run, kept, now) => {
      await setDeploymentState(trx, run.id, 'cancelled', now);
      await auditPractice(trx, run, 'practice.update_cancelled', { kept }, now);
    },
  };
}
