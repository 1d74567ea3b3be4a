import { z } from 'zod';
import { changeOffboarding, lockOffboarding } from '../db/offboarding-store.ts';
import { daysAfter, standardReprieveDays } from '../domain/offboarding.ts';
import type { StepDefinition, WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts, movedOn } from './life-cycle-parts.ts';
import { cancelKeyDeletion, confirmKey, keyScheduled, scheduleKeyDeletion } from './steps/key-life.ts';

/** The steps of `shred-practice`, in order; a new run is recorded with these names. */
export const shredSteps: readonly string[] = ['schedule-key-deletion', 'confirm-key-deletion'];

/** Begins crypto-shredding when the retention is over: the key is pending deletion, and usable again only if that is taken back. */
export function shredPractice(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'shred-practice',
    steps: [scheduleKeyDeletion(parts), confirmKeyDeletion(parts)],
    failed: (trx, run, error, now) => auditFailure(trx, run, 'practice.shredding_failed', error, now),
    cancel: async (context) => {
      const keyArn = await cancelKeyDeletion(parts, context);
      if (keyArn === null) return [];
      await confirmKey(parts, context, 'kept', 'Look at the key in KMS, then cancel the run again.');
      return [`KMS key ${keyArn} is kept; the retention goes on for ${standardReprieveDays} days.`];
    },
    cancelled: async (trx, run, kept, now) => {
      const retentionEndsAt = daysAfter(now, standardReprieveDays);
      await changeOffboarding(trx, run.practiceId, { stage: 'retention', runId: null, retentionEndsAt });
      const details = { kept, retentionEndsAt: retentionEndsAt.toISOString() };
      await auditPractice(trx, run, 'practice.shredding_cancelled', details, now);
    },
  };
}

const nothing = z.object({});

function confirmKeyDeletion(parts: LifeCycleParts): StepDefinition<z.infer<typeof nothing>> {
  return {
    name: 'confirm-key-deletion',
    output: nothing,
    run: async (context) => {
      await confirmKey(parts, context, 'pending', 'Look at the key in KMS, then retry the run.');
      return {};
    },
    commit: async (trx, _output, context) => {
      const { run } = context;
      const now = context.now();
      const { keyArn, deletionAt } = context.outputOf(keyScheduled);
      const offboarding = await lockOffboarding(trx, run.practiceId);
      if (offboarding?.stage !== 'retention') throw movedOn(run.practiceId, 'in its retention');
      await changeOffboarding(trx, run.practiceId, {
        stage: 'key_deletion_pending',
        runId: null,
        keyDeletionScheduledAt: now,
        keyDeletionAt: new Date(deletionAt),
      });
      await auditPractice(trx, run, 'practice.key_deletion_scheduled', { keyArn, deletionAt }, now);
    },
  };
}
