import { setTimeout as delay } from 'node:timers/promises';
import type { SiloActions } from '../ports/silo-actions.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import type { RunContext } from '../runs/workflow.ts';
import { stackFailure } from './stack-failure.ts';
import { settled, type Watch } from './stack-progress.ts';

const loadBalancerType = 'AWS::ElasticLoadBalancingV2::LoadBalancer';

/** Watches a stack that may have to go. */
export type Removal = Watch & { readonly actions: Pick<SiloActions, 'allowLoadBalancerDeletion'> };

/**
 * Deletes a stack and waits until it is gone. Its load balancer is protected against deletion, which CloudFormation cannot
 * lift: that is done first, and once more should the load balancer have come to be while the stack was being deleted.
 * @throws DomainError `deployment_failed` with the resource that could not be deleted.
 */
export async function removeStack(removal: Removal, stack: StackView): Promise<void> {
  const { context, stacks } = removal;
  const released = new Set<string>();
  for (;;) {
    await releaseLoadBalancers(removal, stack, released);
    await context.checkpoint();
    await stacks.remove(stack.stackId, removalToken(context, stack, released.size), context.signal);
    const left = await goneOrLeft(removal, stack.stackId);
    if (left === undefined) return;
    if (!(await hasMoreToRelease(removal, stack, released))) throw await stackFailure(removal, left);
  }
}

/** Another generation, or more released, is another try: with the token of the first, CloudFormation would join the deletion that failed. */
function removalToken({ run, token }: RunContext, stack: StackView, released: number): string {
  return token(`remove:${run.generation}:${released}:${stack.stackId}`);
}

async function releaseLoadBalancers(
  removal: Removal,
  stack: StackView,
  released: Set<string>,
): Promise<void> {
  const { context, actions } = removal;
  for (const arn of await loadBalancersOf(removal, stack)) {
    if (released.has(arn)) continue;
    await context.checkpoint();
    await actions.allowLoadBalancerDeletion(arn, context.signal);
    released.add(arn);
  }
}

async function hasMoreToRelease(
  removal: Removal,
  stack: StackView,
  released: ReadonlySet<string>,
): Promise<boolean> {
  return (await loadBalancersOf(removal, stack)).some((arn) => !released.has(arn));
}

async function loadBalancersOf({ context, stacks }: Removal, stack: StackView): Promise<string[]> {
  const resources = await stacks.resources(stack.stackId, context.signal);
  return resources.flatMap(({ type, physicalId, status }) =>
    type === loadBalancerType && physicalId !== null && status !== 'DELETE_COMPLETE' ? [physicalId] : [],
  );
}

/** Waits until a stack is deleted; the stack, when it could not be. A stack that was only reviewed goes without an event of its own. */
async function goneOrLeft(watch: Watch, stackId: string): Promise<StackView | undefined> {
  const { context, stacks } = watch;
  for (;;) {
    const stack = await settled(watch, stackId);
    if (stack === undefined || stack.status === 'DELETE_COMPLETE') return undefined;
    if (stack.status === 'DELETE_FAILED') return stack;
    await delay(watch.intervalMs, undefined, { signal: context.signal });
    await context.checkpoint();
    if ((await stacks.describe(stackId, context.signal)) === undefined) return undefined;
  }
}
