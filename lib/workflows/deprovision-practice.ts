import { changeOffboarding, findOffboarding, lockOffboarding } from '../db/offboarding-store.ts';
import { DomainError } from '../domain/errors.ts';
import { daysAfter, finalSnapshotName, takeBack } from '../domain/offboarding.ts';
import type { RunContext, WorkflowDefinition } from '../runs/workflow.ts';
import { auditFailure, auditPractice, type LifeCycleParts } from './life-cycle-parts.ts';
import { confirmRemoved, deprovision } from './steps/confirm-removed.ts';
import { finalSnapshot } from './steps/final-snapshot.ts';
import { removeData, removeFoundation, removeService } from './steps/remove-silo.ts';

/** The steps of `deprovision-practice`, in order; a new run is recorded with these names. */
export const deprovisionSteps: readonly string[] = [
  'final-snapshot',
  'remove-service',
  'remove-data',
  'remove-foundation',
  'confirm-removed',
  'deprovision',
];

/**
 * Removes a silo whose grace period is over. First the final snapshot, read back; then the stacks, last things first, and the database
 * against that snapshot. Key, snapshot, buckets, logs and vault stay for the retention.
 */
export function deprovisionPractice(parts: LifeCycleParts): WorkflowDefinition {
  return {
    name: 'deprovision-practice',
    steps: [
      finalSnapshot(parts),
      removeService(parts),
      removeData(parts),
      removeFoundation(parts),
      confirmRemoved(parts),
      deprovision,
    ],
    failed: (trx, run, error, now) => auditFailure(trx, run, 'practice.deprovisioning_failed', error, now),
    cancel: (context) => takeBackToGrace(parts, context),
    cancelled: async (trx, run, kept, now) => {
      const offboarding = await lockOffboarding(trx, run.practiceId);
      if (offboarding === undefined) return;
      // The first grace period is over: there is a new one, or the next pass would begin at once again.
      const graceEndsAt = daysAfter(now, offboarding.graceDays);
      await changeOffboarding(trx, run.practiceId, {
        stage: 'grace',
        runId: null,
        graceBeganAt: now,
        graceEndsAt,
        deprovisioningBeganAt: null,
        finalSnapshot: null,
      });
      const details = { kept, graceEndsAt: graceEndsAt.toISOString() };
      await auditPractice(trx, run, 'practice.deprovisioning_cancelled', details, now);
    },
  };
}

/** Nothing was removed yet: only the snapshot goes, which costs money and will be made anew when the time has come again. */
async function takeBackToGrace({ ports }: LifeCycleParts, context: RunContext): Promise<readonly string[]> {
  const { run, db, signal } = context;
  const offboarding = await findOffboarding(db, run.practiceId);
  if (offboarding !== undefined && offboarding.removalBeganAt !== null) {
    const how = takeBack(offboarding, offboarding.cameFrom, true);
    throw new DomainError('wrong_state', 'refused' in how ? how.refused : 'It cannot be taken back.');
  }
  await context.checkpoint();
  await ports.removal(run.practiceId).removeSnapshot(finalSnapshotName(run.practiceId, run.id), signal);
  return ['The silo stays as it is, closed. A new grace period has begun; the final snapshot was deleted.'];
}
