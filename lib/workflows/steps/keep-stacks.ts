import { z } from 'zod';
import { DomainError } from '../../domain/errors.ts';
import type { Component } from '../../domain/release.ts';
import { stackNameFor } from '../../domain/stack-plan.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StackView } from '../../ports/stack-deployments.ts';
import type { StepContext, StepDefinition } from '../../runs/workflow.ts';
import type { StepWatch } from '../change-sets.ts';
import { isWhole } from '../deploy-stack.ts';
import { requireOwnStack } from '../own-silo.ts';
import { recordSeen } from '../recorded-stacks.ts';
import { withRollBackContinued } from '../roll-back.ts';
import { stackFailure } from '../stack-failure.ts';
import { restoreGuard } from '../stack-guard.ts';
import { settled } from '../stack-progress.ts';

export interface KeepParts {
  readonly cloud: Pick<CloudPorts, 'stacks'>;
  readonly pollIntervalMs: number;
}

/** What a roll-back leaves as it is: only the service stack goes back. */
const keptComponents = ['foundation', 'data'] as const satisfies readonly Component[];

const kept = {
  name: 'keep-stacks',
  output: z.object({
    /** What they gave out, all in one. */
    outputs: z.record(z.string(), z.string()),
    /** The releases that they were deployed from, by their tags. */
    releases: z.object({ foundation: z.string(), data: z.string() }),
  }),
};

/** What `keep-stacks` has found, for the steps after it. */
export const keptStacks = (context: Pick<StepContext, 'outputOf'>) => context.outputOf(kept);

/**
 * Waits for whatever goes on with the foundation and the data stack, and reads what they give out. They stay at the release that they are at:
 * what holds records never goes back.
 */
export function keepStacks(parts: KeepParts): StepDefinition<z.infer<typeof kept.output>> {
  return {
    ...kept,
    run: async (context) => {
      let outputs: Readonly<Record<string, string>> = {};
      const releases = { foundation: '', data: '' };
      for (const component of keptComponents) {
        const stack = await wholeStack(parts, context, component);
        outputs = { ...outputs, ...stack.outputs };
        releases[component] = stack.tags['lumenality:release'] ?? '';
      }
      return { outputs, releases };
    },
  };
}

/** @throws DomainError `deployment_failed` when the stack is gone, or CloudFormation cannot end its last operation */
async function wholeStack(
  { cloud, pollIntervalMs }: KeepParts,
  context: StepContext,
  component: Component,
): Promise<StackView> {
  const { practiceId } = context.run;
  const name = stackNameFor(practiceId, component);
  const watch: StepWatch = { context, stacks: cloud.stacks, step: context.step, intervalMs: pollIntervalMs };
  const found = await settled(watch, name);
  if (found !== undefined) await requireOwnStack(context.db, practiceId, found);
  const stack = found === undefined ? undefined : await withRollBackContinued(watch, found);
  if (stack === undefined) {
    const nextAction = `Find out in CloudTrail who deleted stack ${name} and what is left of its resources. Nothing was changed.`;
    throw new DomainError('deployment_failed', `Stack ${name} is gone, so the app cannot go back.`, {
      context: { nextAction },
    });
  }
  await restoreGuard(watch, component, stack);
  await recordSeen(context, component, stack);
  if (!isWhole(stack)) throw await stackFailure(watch, stack);
  return stack;
}
