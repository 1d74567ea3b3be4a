import { z } from 'zod';
import { changeOffboarding, lockOffboarding } from '../db/offboarding-store.ts';
import { daysAfter } from '../domain/offboarding.ts';
import type { StepDefinition, WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts, movedOn } from './life-cycle-parts.ts';
import { cancelKeyDeletion, confirmKey } from './steps/key-life.ts';

/** The steps of `keep-key`, in order; a new run is recorded with these names. */
export const keepKeySteps: readonly string[] = ['cancel-key-deletion', 'confirm-key-kept'];

const inputSchema = z.object({ retentionDays: z.number().int().nonnegative() });
const nothing = z.object({});

/** Takes a pending deletion of a practice's key back: the key is usable again, and the retention goes on. */
export function keepKey(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'keep-key',
    steps: [takeDeletionBack(parts), confirmKeyKept(parts)],
    failed: async (trx, run, error, now) => {
      // A key that is gone by now cannot be kept: then the way to the end is free.
      await changeOffboarding(trx, run.practiceId, { runId: null });
      await auditFailure(trx, run, 'practice.key_keeping_failed', error, now);
    },
    cancel: async () => [],
    cancelled: async (trx, run) => {
      await changeOffboarding(trx, run.practiceId, { runId: null });
    },
  };
}

function takeDeletionBack(parts: LifeCycleParts): StepDefinition<z.infer<typeof nothing>> {
  return {
    name: 'cancel-key-deletion',
    output: nothing,
    run: async (context) => {
      await cancelKeyDeletion(parts, context);
      return {};
    },
  };
}

function confirmKeyKept(parts: LifeCycleParts): StepDefinition<z.infer<typeof nothing>> {
  return {
    name: 'confirm-key-kept',
    output: nothing,
    run: async (context) => {
      await confirmKey(parts, context, 'kept', 'Look at the key in KMS, then retry the run.');
      return {};
    },
    commit: async (trx, _output, { run, now }) => {
      const at = now();
      const offboarding = await lockOffboarding(trx, run.practiceId);
      if (offboarding?.stage !== 'key_deletion_pending')
        throw movedOn(run.practiceId, 'pending deletion of its key');
      const retentionEndsAt = daysAfter(at, inputSchema.parse(run.input).retentionDays);
      await changeOffboarding(trx, run.practiceId, {
        stage: 'retention',
        runId: null,
        retentionEndsAt,
        keyDeletionScheduledAt: null,
        keyDeletionAt: null,
      });
      const details = { keyArn: offboarding.keyArn, retentionEndsAt: retentionEndsAt.toISOString() };
      await auditPractice(trx, run, 'practice.key_kept', details, at);
    },
  };
}
