import { z } from 'zod';
import { releaseCapacity } from '../db/capacity-store.ts';
import { changeOffboarding, lockOffboarding } from '../db/offboarding-store.ts';
import { quotasOfKept } from '../domain/capacity.ts';
import { daysAfter } from '../domain/offboarding.ts';
import type { StepDefinition, WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts, movedOn } from './life-cycle-parts.ts';
import { confirmKey } from './steps/key-life.ts';
import { purged, removeCopies } from './steps/purge.ts';

/** The steps of `purge-practice`, in order; a new run is recorded with these names. */
export const purgeSteps: readonly string[] = ['confirm-key-gone', 'remove-copies', 'shred'];

/** How soon what AWS still has to empty is looked at again: S3 expires objects within about two days. */
const againAfterDays = 3;

const nothing = z.object({});

/**
 * Ends crypto-shredding: KMS has no key of the practice any more, so what it protected is unreadable; the copies that are left are
 * deleted. Also the later look at what could not be deleted at once.
 */
export function purgePractice(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'purge-practice',
    steps: [confirmKeyGone(parts), removeCopies(parts), shred],
    failed: (trx, run, error, now) => auditFailure(trx, run, 'practice.purge_failed', error, now),
    cancel: async () => ['What was deleted stays deleted.'],
    cancelled: async (trx, run, _kept, now) => {
      await changeOffboarding(trx, run.practiceId, { runId: null });
      await auditPractice(trx, run, 'practice.purge_cancelled', {}, now);
    },
  };
}

function confirmKeyGone(parts: LifeCycleParts): StepDefinition<z.infer<typeof nothing>> {
  return {
    name: 'confirm-key-gone',
    output: nothing,
    run: async (context) => {
      const nextAction = 'Nothing was deleted. KMS may take a day longer than it said: retry the run then.';
      await confirmKey(parts, context, 'gone', nextAction);
      return {};
    },
  };
}

const shred: StepDefinition<z.infer<typeof nothing>> = {
  name: 'shred',
  output: nothing,
  run: async () => ({}),
  commit: async (trx, _output, context) => {
    const { run } = context;
    const now = context.now();
    const { left } = context.outputOf(purged);
    const offboarding = await lockOffboarding(trx, run.practiceId);
    if (offboarding?.stage !== 'key_deletion_pending' && offboarding?.stage !== 'shredded') {
      throw movedOn(run.practiceId, 'pending deletion of its key');
    }
    await changeOffboarding(trx, run.practiceId, {
      stage: 'shredded',
      runId: null,
      shreddedAt: offboarding.shreddedAt ?? now,
      purgeAgainAt: left.length === 0 ? null : daysAfter(now, againAfterDays),
      kept: left,
    });
    const leftTypes = left.map(({ type }) => type);
    const except = quotasOfKept(leftTypes, false);
    await releaseCapacity(trx, run.practiceId, 'shredded', { runId: run.id, now, except });
    const action = offboarding.stage === 'shredded' ? 'practice.purged' : 'practice.shredded';
    await auditPractice(trx, run, action, { keyArn: offboarding.keyArn, left }, now);
  },
};
