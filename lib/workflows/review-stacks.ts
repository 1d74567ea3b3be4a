import type { Review } from '../domain/change-review.ts';
import { type Component, components, type Release } from '../domain/release.ts';
import { isFillable, type Parameters, stackNameFor } from '../domain/stack-plan.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import { makeChangeSet, reviewOf, type WantedStack } from './change-sets.ts';
import { isWhole } from './deploy-stack.ts';
import type { Watch } from './stack-progress.ts';
import { wantedStack } from './steps/deploy-component.ts';

/** How stacks are looked at, and who is told what came of one. */
interface Reviewing {
  /** Tells apart change sets that must not be joined. */
  readonly purpose: string;
  readonly look: (stackName: string) => Promise<StackView | undefined>;
  /** Called for each stack that would change, before its change set is deleted. */
  readonly reviewed: (wanted: WantedStack, changeSetId: string, review: Review) => Promise<void>;
}

/**
 * Reviews what a release would do to every stack of a silo, on change sets that are deleted afterwards and never executed. Answers the
 * components whose changes can be known only once an earlier stack is updated.
 */
export async function reviewStacks(
  watch: Watch,
  wantedFor: (component: Component) => Promise<{ readonly release: Release; readonly standing: Parameters }>,
  { purpose, look, reviewed }: Reviewing,
): Promise<Component[]> {
  const { context, stacks } = watch;
  const { practiceId } = context.run;
  const later: Component[] = [];
  let outputs: Readonly<Record<string, string>> = {};
  for (const component of components) {
    const { release, standing } = await wantedFor(component);
    const stack = await look(stackNameFor(practiceId, component));
    if (
      stack === undefined ||
      !isWhole(stack) ||
      !isFillable(release.manifest, component, standing, outputs)
    ) {
      later.push(component);
      continue;
    }
    const wanted = wantedStack(practiceId, release, component, standing, outputs);
    const changeSet = await makeChangeSet(watch, wanted, stack, purpose);
    outputs = { ...outputs, ...stack.outputs };
    if (changeSet === undefined) continue;
    await reviewed(wanted, changeSet.id, await reviewOf(watch, wanted, changeSet));
    await context.checkpoint();
    await stacks.deleteChangeSet(changeSet.id, context.signal);
  }
  return later;
}
