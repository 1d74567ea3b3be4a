import { z } from 'zod';
import type { Review } from '../../domain/change-review.ts';
import { components } from '../../domain/release.ts';
import { isFillable, stackNameFor } from '../../domain/stack-plan.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { changeRefused, makeChangeSet, reviewOf, type StepWatch, tellReview } from '../change-sets.ts';
import { isWhole } from '../deploy-stack.ts';
import { settled } from '../stack-progress.ts';
import { wantedStack } from './deploy-component.ts';
import { prepared, releaseOf } from './prepare.ts';

export interface ReviewParts {
  readonly cloud: Pick<CloudPorts, 'stacks'>;
  readonly pollIntervalMs: number;
}

const reviewed = {
  name: 'review-changes',
  output: z.object({
    /** Components whose changes can be known only once an earlier stack is updated: reviewed then. */
    later: z.array(z.enum(components)),
  }),
};

/**
 * Reviews what an update would do to every stack before it does anything to the first one, so that a refusal leaves the silo whole on its old
 * release. Each stack is reviewed again, on the change set that is executed, when its turn comes.
 */
export function reviewUpdate(parts: ReviewParts): StepDefinition<z.infer<typeof reviewed.output>> {
  return {
    ...reviewed,
    run: async (context) => {
      const { releaseId, standing } = context.outputOf(prepared);
      const release = await releaseOf(context, releaseId);
      const watch: StepWatch = {
        context,
        stacks: parts.cloud.stacks,
        step: context.step,
        intervalMs: parts.pollIntervalMs,
      };
      const refused: { readonly stackName: string; readonly review: Review }[] = [];
      const later: (typeof components)[number][] = [];
      let outputs: Readonly<Record<string, string>> = {};
      for (const component of components) {
        const stack = await settled(watch, stackNameFor(context.run.practiceId, component));
        if (
          stack === undefined ||
          !isWhole(stack) ||
          !isFillable(release.manifest, component, standing, outputs)
        ) {
          later.push(component);
          continue;
        }
        const wanted = wantedStack(context.run.practiceId, release, component, standing, outputs);
        // Deleted below: another attempt makes another one.
        const changeSet = await makeChangeSet(
          watch,
          wanted,
          stack,
          `review:${context.run.generation}:${context.attempt}`,
        );
        outputs = { ...outputs, ...stack.outputs };
        if (changeSet === undefined) continue;
        const review = await reviewOf(watch, wanted, changeSet);
        if (review.objections.length > 0) {
          await tellReview(watch, wanted, changeSet.id, review);
          refused.push({ stackName: wanted.name, review });
        }
        await context.checkpoint();
        await parts.cloud.stacks.deleteChangeSet(changeSet.id, context.signal);
      }
      if (refused.length > 0) throw changeRefused(refused, 'Nothing was changed.');
      return { later };
    },
  };
}
