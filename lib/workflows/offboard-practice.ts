import { changeOffboarding } from '../db/offboarding-store.ts';
import type { WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts, reopenProvisioning } from './life-cycle-parts.ts';
import { confirmClosed } from './steps/confirm-closed.ts';
import { cameFrom } from './steps/offboarding-input.ts';
import { beginGrace } from './steps/record-life.ts';
import { closeEntrance, reopenEntrance } from './steps/set-entrance.ts';

/** The steps of `offboard-practice`, in order; a new run is recorded with these names. */
export const offboardSteps: readonly string[] = ['close-entrance', 'confirm-closed', 'begin-grace'];

/** Begins a practice's exit: access is closed as in a suspension, and the clock of the grace period starts once that was seen. */
export function offboardPractice(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'offboard-practice',
    steps: [closeEntrance(parts), confirmClosed(parts), beginGrace],
    failed: (trx, run, error, now) => auditFailure(trx, run, 'practice.offboarding_failed', error, now),
    // The entrance becomes what it was: closed for one that was suspended before, and of one that never was active nothing was open.
    cancel: async (context) => (cameFrom(context.run) === 'active' ? reopenEntrance(parts, context) : []),
    cancelled: async (trx, run, kept, now) => {
      await changeOffboarding(trx, run.practiceId, {
        stage: 'cancelled',
        runId: null,
        cancelledAt: now,
      });
      if (cameFrom(run) === 'provisioning_failed') await reopenProvisioning(trx, run.practiceId);
      await auditPractice(trx, run, 'practice.offboarding_cancelled', { kept }, now);
    },
  };
}
