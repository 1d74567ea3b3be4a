import { z } from 'zod';
import { findOffboarding } from '../../db/offboarding-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { safeguards } from '../../domain/silo-check.ts';
import type { RunContext, StepDefinition } from '../../runs/workflow.ts';
import { failureWords, keepEvidence } from '../keep-evidence.ts';
import type { LifeCycleParts } from '../life-cycle-parts.ts';

export const keyScheduled = {
  name: 'schedule-key-deletion',
  output: z.object({
    /** Null when no key was ever made. */
    keyArn: z.string().nullable(),
    /** When KMS deletes the key; RFC 3339, UTC. */
    deletionAt: z.string(),
  }),
};

/** Asks KMS to delete the practice's key after its longest waiting period. One that is scheduled already keeps its date. */
export function scheduleKeyDeletion({
  ports,
}: LifeCycleParts): StepDefinition<z.infer<typeof keyScheduled.output>> {
  return {
    ...keyScheduled,
    run: async (context) => {
      const keyArn = await keyOf(context);
      const now = context.now().toISOString();
      if (keyArn === null) return { keyArn, deletionAt: now };
      const removal = ports.removal(context.run.practiceId);
      if ((await removal.keyLife(keyArn, context.signal)) === undefined) return { keyArn, deletionAt: now };
      await context.checkpoint();
      return {
        keyArn,
        deletionAt: (await removal.scheduleKeyDeletion(keyArn, context.signal)).toISOString(),
      };
    },
  };
}

/** The key of the practice's offboarding, as it was written down before the silo went. */
async function keyOf({ db, run }: RunContext): Promise<string | null> {
  return (await findOffboarding(db, run.practiceId))?.keyArn ?? null;
}

/** Takes a pending deletion of the practice's key back; answers that key, null when there never was one. */
export async function cancelKeyDeletion(
  { ports }: LifeCycleParts,
  context: RunContext,
): Promise<string | null> {
  const keyArn = await keyOf(context);
  if (keyArn === null) return null;
  await context.checkpoint();
  await ports.removal(context.run.practiceId).cancelKeyDeletion(keyArn, context.signal);
  return keyArn;
}

/** What a key is to be, and the words for it. */
const wanted = {
  kept: {
    check: 'key-kept',
    title: "The practice's key is usable",
    expected: 'Enabled',
    safeguards: safeguards.keys,
  },
  pending: {
    check: 'key-deletion-pending',
    title: "The practice's key is pending deletion: crypto-shredding has begun",
    expected: 'PendingDeletion',
    safeguards: safeguards.keys,
  },
  gone: {
    check: 'key-destroyed',
    title: "The practice's key is destroyed: what was encrypted with it is unreadable for good",
    expected: 'none',
    safeguards: safeguards.keys,
  },
} as const;

/**
 * Reads that the practice's key is what it is to be, and keeps that as evidence. A practice that never had a key has nothing to confirm.
 * @throws DomainError `verification_failed`
 */
export async function confirmKey(
  { ports }: LifeCycleParts,
  context: RunContext,
  want: keyof typeof wanted,
  nextAction: string,
): Promise<void> {
  const keyArn = await keyOf(context);
  if (keyArn === null) return;
  const life = await ports.removal(context.run.practiceId).keyLife(keyArn, context.signal);
  const observed = life?.state ?? 'none';
  const { expected, ...words } = wanted[want];
  // A key that went between the request and this look is beyond pending.
  const passed = observed === expected || (want === 'pending' && life === undefined);
  const evidence: Evidence = {
    ...words,
    expected,
    observed,
    passed,
    observedAt: context.now().toISOString(),
    source: 'kms:DescribeKey',
  };
  await keepEvidence(context, [evidence]);
  if (passed) return;
  const said =
    life?.deletionAt === null || life === undefined ? '' : ` KMS deletes it at ${life.deletionAt}.`;
  throw new DomainError('verification_failed', `${failureWords([evidence])}.${said}`, {
    context: { nextAction },
  });
}
