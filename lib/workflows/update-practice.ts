import { appendAudit } from '../db/audit-store.ts';
import { failDeployment, setDeploymentState } from '../db/deployment-store.ts';
import { systemActor } from '../domain/access.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { cancelUpdate } from './cancel-update.ts';
import { type SiloParts, siloStepNames, siloSteps } from './silo-steps.ts';
import { finish } from './steps/record-release.ts';
import { reviewUpdate } from './steps/review-changes.ts';

/** The steps of `update-practice`, in order; a new run is recorded with these names. */
export const updateSteps: readonly string[] = [...siloStepNames.toSpliced(1, 0, 'review-changes'), 'finish'];

/**
 * Brings an active practice to a release and to its own settings, by the very steps that made it. The practice stays active
 * throughout; it counts as running the release once the silo is verified.
 */
export function updatePractice(parts: SiloParts): WorkflowDefinition {
  const { pollIntervalMs } = parts;
  return {
    name: 'update-practice',
    steps: [
      ...siloSteps(parts).toSpliced(1, 0, reviewUpdate({ cloud: parts.ports, pollIntervalMs })),
      finish(parts.shapes),
    ],
    begun: (trx, run, now) => setDeploymentState(trx, run.id, 'running', now),
    failed: async (trx, run, error, now) => {
      await failDeployment(trx, run.id, error, now);
      await appendAudit(trx, {
        actor: systemActor,
        action: 'practice.update_failed',
        subject: { type: 'practice', id: run.practiceId },
        details: { runId: run.id, step: error.step, code: error.code },
        at: now,
      });
    },
    cancel: (context) => cancelUpdate({ cloud: parts.ports, pollIntervalMs }, context),
    cancelled: async (trx, run, kept, now) => {
      await setDeploymentState(trx, run.id, 'cancelled', now);
      await appendAudit(trx, {
        actor: systemActor,
        action: 'practice.update_cancelled',
        subject: { type: 'practice', id: run.practiceId },
        details: { runId: run.id, kept },
        at: now,
      });
    },
  };
}
