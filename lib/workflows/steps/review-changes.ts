import { z } from 'zod';
import type { Review } from '../../domain/change-review.ts';
import { components } from '../../domain/release.ts';
import type { CloudPorts } from '../../ports/cloud.ts';
import type { StepDefinition } from '../../runs/workflow.ts';
import { changeRefused, type StepWatch, tellReview } from '../change-sets.ts';
import { reviewStacks } from '../review-stacks.ts';
import { settled } from '../stack-progress.ts';
import { releaseOf, wantedOf } from './prepare.ts';

export interface ReviewParts {
  readonly cloud: Pick<CloudPorts, 'stacks'>;
  readonly pollIntervalMs: number;
}

const outcome = {
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
export function reviewUpdate(parts: ReviewParts): StepDefinition<z.infer<typeof outcome.output>> {
  return {
    ...outcome,
    run: async (context) => {
      const watch: StepWatch = {
        context,
        stacks: parts.cloud.stacks,
        step: context.step,
        intervalMs: parts.pollIntervalMs,
      };
      const refused: { readonly stackName: string; readonly review: Review }[] = [];
      const later = await reviewStacks(
        watch,
        async (component) => {
          const { releaseId, standing } = wantedOf(context, component);
          return { release: await releaseOf(context, releaseId), standing };
        },
        {
          // Another attempt makes other ones, for these are deleted.
          purpose: `review:${context.run.generation}:${context.attempt}`,
          look: (stackName) => settled(watch, stackName),
          reviewed: async (wanted, changeSetId, review) => {
            if (review.objections.length === 0) return;
            await tellReview(watch, wanted, changeSetId, review);
            refused.push({ stackName: wanted.name, review });
          },
        },
      );
      if (refused.length > 0) throw changeRefused(refused, 'Nothing was changed.');
      return { later };
    },
  };
}
