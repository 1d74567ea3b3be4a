import type { Component } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import { requireOwnStack } from './own-silo.ts';
import { recordedStack, recordSeen } from './recorded-stacks.ts';
import { inProgress, settled, type Watch } from './stack-progress.ts';
import { type Removal, removeStack } from './stack-removal.ts';

/** What a stack made and CloudFormation left standing when the stack was deleted. */
export interface Retained {
  readonly logicalId: string;
  readonly type: string;
  readonly physicalId: string;
}

/**
 * Deletes a component's stack if it is there, records that it is gone, and answers what CloudFormation retained of it. The stack is found
 * by the id on record, so that a repeated call still finds what was retained of a stack that is gone.
 * @throws DomainError `change_refused` when the stack of that name is older than the practice's approval, and so another's.
 */
export async function removeComponent(watch: Removal, component: Component): Promise<Retained[]> {
  const { context, stacks } = watch;
  const { practiceId } = context.run;
  const stackName = stackNameFor(practiceId, component);
  const recorded = await recordedStack(context, component);
  const stack = await stacks.describe(stackName, context.signal);
  if (stack !== undefined) await requireOwnStack(context.db, practiceId, stack);
  const stackId = stack?.stackId ?? recorded?.stackId ?? undefined;
  if (stackId === undefined) return [];
  const seen = (status: string) =>
    recordSeen(context, component, { name: stackName, stackId, status, outputs: recorded?.outputs ?? {} });
  const onlyReviewed = stack?.status === 'REVIEW_IN_PROGRESS';
  if (stack !== undefined) {
    // Its name finds a stack only as long as it is there: should this process end in between, the id does.
    if (!onlyReviewed && recorded?.stackId !== stackId) await seen(stack.status);
    await unprotectAndRemove(watch, stack);
  }
  // Of a stack that was only reviewed there is nothing to keep or to show.
  if (onlyReviewed) return [];
  await seen('DELETE_COMPLETE');
  return retainedOf(watch, stackId);
}

/** What CloudFormation left standing of a deleted stack. */
export async function retainedOf({ context, stacks }: Watch, stackId: string): Promise<Retained[]> {
  return (await stacks.resources(stackId, context.signal)).flatMap(
    ({ logicalId, type, physicalId, status }) =>
      status === 'DELETE_SKIPPED' && physicalId !== null ? [{ logicalId, type, physicalId }] : [],
  );
}

async function unprotectAndRemove(watch: Removal, found: StackView): Promise<void> {
  const { context, stacks } = watch;
  // A creation gives way to its deletion; every other operation has to end first ("DeleteStack").
  const waits = inProgress(found.status) && found.status !== 'CREATE_IN_PROGRESS';
  const stack = waits ? await settled(watch, found.stackId) : found;
  if (stack === undefined || stack.status === 'DELETE_COMPLETE') return;
  if (stack.terminationProtection) {
    await context.checkpoint();
    await stacks.setTerminationProtection(stack.name, false, context.signal);
  }
  await removeStack(watch, stack);
}
