import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { appendRunEvents, hasToldOfChangeSet } from '../db/run-event-store.ts';
import { recordSiloStack } from '../db/silo-stack-store.ts';
import { type Review, reviewChanges } from '../domain/change-review.ts';
import { protectStatefulResources } from '../domain/change-review-policy.ts';
import { holdsData, isStateful } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { Component } from '../domain/release.ts';
import type { ChangeSetView, StackView } from '../ports/stack-deployments.ts';
import type { StepContext } from '../runs/workflow.ts';
import { overridesFor, restoreGuard, withGuardRelaxed } from './stack-guard.ts';
import { followed, settled, stackFailure, type Watch } from './stack-progress.ts';
import { type Removal, removeStack } from './stack-removal.ts';

/** What a stack is to become. */
export interface WantedStack {
  readonly component: Component;
  readonly name: string;
  readonly templateBody: string;
  readonly templateSha256: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
}

export interface DeployedStack {
  readonly stack: StackView;
  /** False when it was so already. */
  readonly changed: boolean;
}

/** Statuses of a stack that is whole and can be updated. */
const whole = new Set(['CREATE_COMPLETE', 'UPDATE_COMPLETE', 'UPDATE_ROLLBACK_COMPLETE', 'IMPORT_COMPLETE']);

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
  if (existing !== undefined && !whole.has(existing.status)) throw await stackFailure(watch, existing);
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
  const token = context.token(
    `change-set:${context.run.generation}:${previousStackId ?? 'new'}:${wanted.templateSha256}`,
  );
  await context.checkpoint();
  const created = await stacks.createChangeSet(
    {
      stackName: wanted.name,
      kind: existing === undefined ? 'create' : 'update',
      name: `run-${token.slice(0, 32)}`,
      templateBody: wanted.templateBody,
      parameters: wanted.parameters,
      tags: wanted.tags,
      token,
    },
    context.signal,
  );
  const changeSet = await readyChangeSet(watch, created.id);
  if (changeSet.state === 'empty') {
    await stacks.deleteChangeSet(changeSet.id, context.signal);
    return false;
  }
  if (changeSet.state === 'failed') {
    throw new DomainError(
      'deployment_failed',
      `CloudFormation made no change set for ${wanted.name}: ${changeSet.reason}`,
    );
  }
  const { used } = await reviewed(watch, wanted, changeSet, existing);
  const execute = async () => {
    await context.checkpoint();
    await stacks.executeChangeSet(changeSet.id, context.token(`execute:${changeSet.id}`), context.signal);
    await followed(watch, created.stackId, false);
  };
  if (existing === undefined) await execute();
  else await withGuardRelaxed(watch, wanted.component, existing, used, execute);
  return true;
}

async function readyChangeSet({ context, stacks, intervalMs }: Watch, id: string): Promise<ChangeSetView> {
  for (;;) {
    const changeSet = await stacks.describeChangeSet(id, context.signal);
    if (changeSet.state !== 'pending') return changeSet;
    await context.checkpoint();
    await delay(Math.min(intervalMs, 1_000), undefined, { signal: context.signal });
  }
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
  const review = reviewChanges(changeSet.changes, await overridesFor(watch, wanted.component));
  // A creation only adds, and each resource that it adds has events of its own.
  if (existing !== undefined) await tellReview(watch, wanted, changeSet.id, review);
  const [first] = review.objections;
  if (first === undefined) return review;
  await stacks.deleteChangeSet(changeSet.id, context.signal);
  throw new DomainError('change_refused', review.objections.map(({ message }) => message).join(' '), {
    context: {
      resource: {
        stackName: wanted.name,
        logicalId: first.logicalId,
        type: first.type,
        reason: first.message,
      },
      nextAction:
        'Nothing of this stack was changed. Publish a release that leaves this resource in place, or move its data first; then retry. ' +
        'Where the loss is meant, a security administrator may allow this one change: lumenality override allow.',
    },
  });
}

/** A repeated step finds the change set that it made before; its changes are told once. */
function tellReview(
  { context, step }: Watch,
  wanted: WantedStack,
  changeSetId: string,
  review: Review,
): Promise<void> {
  return context.write(async (trx) => {
    if (await hasToldOfChangeSet(trx, context.run.id, changeSetId)) return;
    const events = review.changes.map((change) => ({
      kind: 'change' as const,
      step,
      stackName: wanted.name,
      changeSetId,
      ...change,
    }));
    await appendRunEvents(trx, context.run.id, events, context.now());
  });
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
