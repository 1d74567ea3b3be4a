import { z } from 'zod';
import { findOffboarding, type Offboarding } from '../../db/offboarding-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { KeptResource } from '../../domain/offboarding.ts';
import type { SiloRemoval } from '../../ports/silo-removal.ts';
import type { RunContext, StepDefinition } from '../../runs/workflow.ts';
import type { LifeCycleParts } from '../life-cycle-parts.ts';

export const purged = {
  name: 'remove-copies',
  output: z.object({
    /** What AWS itself has still to empty, and what nobody here knows how to remove. */
    left: z.array(z.object({ type: z.string(), id: z.string() })),
  }),
};

/**
 * Removes what the destroyed key has left unreadable: the final snapshot, buckets, log groups, the vault. S3 empties a bucket within days
 * and a locked vault keeps its last recovery point until that expires: those are left for another time.
 */
export function removeCopies({ ports }: LifeCycleParts): StepDefinition<z.infer<typeof purged.output>> {
  return {
    ...purged,
    run: async (context) => {
      const { practiceId } = context.run;
      const offboarding = await findOffboarding(context.db, practiceId);
      if (offboarding === undefined) {
        throw new DomainError('not_found', `Practice ${practiceId} is not being offboarded.`);
      }
      const removal = ports.removal(practiceId);
      await removeSnapshot(removal, context, offboarding);
      const left: KeptResource[] = [];
      for (const resource of offboarding.kept) {
        await context.checkpoint();
        if (!(await removeResource(removal, context, resource))) left.push(resource);
      }
      return { left };
    },
  };
}

async function removeSnapshot(
  removal: SiloRemoval,
  context: RunContext,
  { finalSnapshot }: Offboarding,
): Promise<void> {
  if (finalSnapshot === null) return;
  await context.checkpoint();
  await removal.removeSnapshot(finalSnapshot.id, context.signal);
  if ((await removal.snapshot(finalSnapshot.id, context.signal)) === undefined) return;
  throw new DomainError(
    'cloud_failure',
    `The final snapshot ${finalSnapshot.id} was asked to go and is still there.`,
    {
      retryable: true,
    },
  );
}

/** Answers whether it is gone. */
async function removeResource(
  removal: SiloRemoval,
  { signal }: RunContext,
  { type, id }: KeptResource,
): Promise<boolean> {
  switch (type) {
    case 'AWS::KMS::Key':
      return true;
    case 'AWS::Logs::LogGroup':
      await removal.removeLogGroup(id, signal);
      return true;
    case 'AWS::S3::Bucket':
      await removal.letBucketExpire(id, signal);
      return (await removal.removeBucket(id, signal)) === 'gone';
    case 'AWS::Backup::BackupVault':
      return (await removal.removeBackupVault(id, signal)) === 'gone';
    default:
      return false;
  }
}
