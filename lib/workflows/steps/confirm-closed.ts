import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { findPractice } from '../../db/practice-store.ts';
import { DomainError } from '../../domain/errors.ts';
import type { Evidence } from '../../domain/evidence.ts';
import { safeguards } from '../../domain/silo-check.ts';
import { judgeSilo } from '../../domain/silo-checks.ts';
import { stackNameFor } from '../../domain/stack-plan.ts';
import type { RunContext, StepDefinition } from '../../runs/workflow.ts';
import { failureWords, keepEvidence } from '../keep-evidence.ts';
import { type LifeCycleParts, standardSettledWithinMs } from '../life-cycle-parts.ts';
import { readSilo } from '../read-silo.ts';
import { recordedPromise } from '../recorded-silo.ts';
import { cameFrom } from './offboarding-input.ts';

const confirmed = { name: 'confirm-closed', output: z.object({ checks: z.number().int().positive() }) };

/** Reads that the entrance is closed, as long as tasks take to end, and keeps what it read as evidence. */
export function confirmClosed(parts: LifeCycleParts): StepDefinition<z.infer<typeof confirmed.output>> {
  return { ...confirmed, run: async (context) => ({ checks: await confirmEntranceClosed(parts, context) }) };
}

/**
 * Answers how many things were checked. Only what lets people in keeps a practice from counting as closed: whatever else is not as promised
 * stands in the evidence, and closing must not wait for it.
 * @throws DomainError `verification_failed` when somebody can still get in after a bounded time.
 */
export async function confirmEntranceClosed(parts: LifeCycleParts, context: RunContext): Promise<number> {
  const deadline = performance.now() + (parts.settledWithinMs ?? standardSettledWithinMs);
  for (;;) {
    await context.checkpoint();
    const evidence = await judged(parts, context);
    const open = evidence.filter(({ check, passed }) => check.startsWith('closed-') && !passed);
    if (open.length > 0 && performance.now() < deadline) {
      await delay(parts.pollIntervalMs * looksApart, undefined, { signal: context.signal });
      continue;
    }
    await keepEvidence(context, evidence);
    if (open.length === 0) return evidence.length;
    throw new DomainError('verification_failed', `The entrance is not closed. ${failureWords(open)}.`, {
      context: {
        nextAction:
          'Find out who or what keeps it open, then retry the run: it looks again. Or cancel it, which brings the entrance back to what it was.',
      },
    });
  }
}

/** A look asks AWS some twenty-five questions: fewer of them than of looks at one stack. */
const looksApart = 5;

async function judged(parts: LifeCycleParts, context: RunContext): Promise<Evidence[]> {
  const { db, now, signal } = context;
  const { practiceId } = context.run;
  if (cameFrom(context.run) === 'provisioning_failed') return [await noService(parts, context)];
  const practice = await findPractice(db, practiceId);
  if (practice === undefined) throw new DomainError('not_found', `There is no practice ${practiceId}.`);
  const promise = await recordedPromise({ ...parts, db }, practice, 'closed');
  const facts = await readSilo({ cloud: parts.ports, db, now, signal }, promise.address);
  return judgeSilo(facts, promise.expectations);
}

/** A practice that was never active is closed when nothing of its service is there. */
async function noService({ ports }: LifeCycleParts, { run, now, signal }: RunContext): Promise<Evidence> {
  const stack = await ports.stacks.describe(stackNameFor(run.practiceId, 'service'), signal);
  const observed = stack === undefined ? 'none' : stack.status;
  return {
    check: 'closed-service-stack',
    title: 'There is no service that anybody could reach',
    safeguards: safeguards.access,
    expected: 'none',
    observed: observed === 'DELETE_COMPLETE' ? 'none' : observed,
    passed: observed === 'none' || observed === 'DELETE_COMPLETE',
    observedAt: now().toISOString(),
    source: 'cloudformation:DescribeStacks',
  };
}
