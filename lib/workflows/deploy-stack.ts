import { createHash } from 'node:crypto';
import { recordSiloStack } from '../db/silo-stack-store.ts';
import type { Review } from '../domain/change-review.ts';
import { protectStatefulResources } from '../domain/change-review-policy.ts';
import { holdsData, isStateful } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { ChangeSetView, StackView } from '../ports/stack-deployments.ts';
import type { StepContext } from '../runs/workflow.ts';
import { changeRefused, makeChangeSet, reviewOf, tellReview, type WantedStack } from './change-sets.ts';
import { stackFailure } from './stack-failure.ts';
import { restoreGuard, withGuardRelaxed } from './stack-guard.ts';
import { followed, settled, type Watch } from './stack-progress.ts';
import { type Removal, removeStack } from './stack-removal.ts';

export interface DeployedStack {
  readonly stack: StackView;
  /** False when it was so already. */
  readonly changed: boolean;
}

/** Statuses of a stack that is whole and can be updated. */
const whole: ReadonlySet<string> = new Set([
  'CREATE_COMPLETE',
  'UPDATE_COMPLETE',
  'UPDATE_ROLLBACK_COMPLETE',
  'IMPORT_COMPLETE',
]);

/** Whether a stack can be updated as it stands. */
export const isWhole = ({ status }: StackView): boolean => whole.has(status);

/** Statuses of a stack that never came to be: CloudFormation takes nothing but its deletion ("Stack status codes"). */
const leftover = new Set([
  'REVIEW_IN_PROGRESS',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
  'CREATE_FAILED',
  'DELETE_FAILED',
]);

/**
 * Brings a stack to what is wanted, whatever an earlier attempt left: an operation in flight is joined, a stack that
 * is so already is left alone, one that never came to be is made anew. Answers the stack as read after the last change.
 * @throws DomainError `deployment_failed` with the resource that failed first; `change_refused` when the review objects.
 */
export async function deployStack(
  watch: Removal & { readonly context: StepContext },
  wanted: WantedStack,
): Promise<DeployedStack> {
  const found = await settled(watch, wanted.name);
  if (found !== undefined) {
    await observe(watch, wanted, found);
    await restoreGuard(watch, wanted.component, found);
  }
  const existing = found !== undefined && leftover.has(found.status) ? await removed(watch, found) : found;
  if (existing !== undefined && !isWhole(existing)) throw await stackFailure(watch, existing);
  if (existing !== undefined && (await isAsWanted(watch, existing, wanted))) {
    return { stack: await protect(watch, wanted, existing, false), changed: false };
  }
  const changed = await applyChangeSet(watch, wanted, existing, found?.stackId);
  const stack = await watch.stacks.describe(wanted.name, watch.context.signal);
  if (stack === undefined) throw new DomainError('deployment_failed', `Stack ${wanted.name} is gone.`);
  await observe(watch, wanted, stack);
  if (!['CREATE_COMPLETE', 'UPDATE_COMPLETE'].includes(stack.status) && changed)
    throw await stackFailure(watch, stack);
  return { stack: await protect(watch, wanted, stack, changed), changed };
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** Writes down what was seen of a stack on the way. */
function observe({ context }: Watch, wanted: WantedStack, stack: StackView): Promise<void> {
  return context.write((trx) =>
    recordSiloStack(trx, {
      practiceId: context.run.practiceId,
      component: wanted.component,
      stackName: wanted.name,
      stackId: stack.stackId,
      status: stack.status,
      outputs: stack.outputs,
      observedAt: context.now(),
    }),
  );
}

async function isAsWanted(
  { context, stacks }: Watch,
  stack: StackView,
  wanted: WantedStack,
): Promise<boolean> {
  const holds = (actual: Readonly<Record<string, string>>, asked: Readonly<Record<string, string>>) =>
    Object.entries(asked).every(([name, value]) => actual[name] === value);
  if (!holds(stack.parameters, wanted.parameters) || !holds(stack.tags, wanted.tags)) return false;
  return sha256(await stacks.template(stack.stackId, context.signal)) === wanted.templateSha256;
}

/** Removes a stack that never came to be; refuses when something in it may hold data. */
async function removed(watch: Removal, stack: StackView): Promise<undefined> {
  const { context, stacks } = watch;
  const kept = (await stacks.resources(stack.stackId, context.signal)).filter(
    ({ type, status, physicalId }) =>
      holdsData(type) && physicalId !== null && !status.startsWith('DELETE_COMPLETE'),
  );
  const [holder] = kept;
  if (holder !== undefined) {
    throw new DomainError(
      'change_refused',
      `Stack ${stack.name} is ${stack.status} and still holds ${holder.type} ${holder.physicalId}: it is not removed by itself.`,
      {
        context: {
          nextAction: `Look at ${holder.logicalId} in stack ${stack.name}. When it holds nothing of value, delete the stack; then retry the run.`,
        },
      },
    );
  }
  await removeStack(watch, stack);
  return undefined;
}

/** Answers whether anything changed. */
async function applyChangeSet(
  watch: Watch & { readonly context: StepContext },
  wanted: WantedStack,
  existing: StackView | undefined,
  previousStackId: string | undefined,
): Promise<boolean> {
  const { context, stacks } = watch;
  // The same call in the same generation is the same operation; a retry, or a stack made anew, is another one.
  const purpose = `${context.run.generation}:${previousStackId ?? 'new'}`;
  const changeSet = await makeChangeSet(watch, wanted, existing, purpose);
  if (changeSet === undefined) return false;
  const { used } = await reviewed(watch, wanted, changeSet, existing);
  const execute = async () => {
    await context.checkpoint();
    await stacks.executeChangeSet(changeSet.id, context.token(`execute:${changeSet.id}`), context.signal);
    await followed(watch, changeSet.stackId, false);
  };
  if (existing === undefined) await execute();
  else await withGuardRelaxed(watch, wanted.component, existing, used, execute);
  return true;
}

/**
 * Judges what the change set would do, and keeps the judgement of every change, before anything is done.
 * @throws DomainError `change_refused` with each objection; the change set is gone then.
 */
async function reviewed(
  watch: Watch,
  wanted: WantedStack,
  changeSet: ChangeSetView,
  existing: StackView | undefined,
): Promise<Review> {
  const { context, stacks } = watch;
  const review = await reviewOf(watch, wanted, changeSet);
  // A creation only adds, and each resource that it adds has events of its own.
  if (existing !== undefined) await tellReview(watch, wanted, changeSet.id, review);
  if (review.objections.length === 0) return review;
  await stacks.deleteChangeSet(changeSet.id, context.signal);
  throw changeRefused([{ stackName: wanted.name, review }], 'Nothing of this stack was changed.');
}

/**
 * Foundation and data stand under termination protection and a stack policy as soon as they are whole. The policy is set
 * again with every deployment that changed something: a newer control plane may protect more.
 */
async function protect(
  { context, stacks }: Watch,
  wanted: WantedStack,
  stack: StackView,
  changed: boolean,
): Promise<StackView> {
  if (stack.terminationProtection && !changed) return stack;
  const resources = await stacks.resources(stack.stackId, context.signal);
  if (!resources.some(({ type }) => isStateful(type))) return stack;
  await context.checkpoint();
  await stacks.setStackPolicy(wanted.name, protectStatefulResources, context.signal);
  if (stack.terminationProtection) return stack;
  await stacks.setTerminationProtection(wanted.name, true, context.signal);
  return { ...stack, terminationProtection: true };
}
