import { createHash } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Review } from '../domain/change-review.ts';
import { protectStatefulResources } from '../domain/change-review-policy.ts';
import { isStateful } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { ChangeSetView, StackView } from '../ports/stack-deployments.ts';
import { changeRefused, makeChangeSet, reviewOf, tellReview, type WantedStack } from './change-sets.ts';
import { hasMovedOn, keepsChanging } from './interference.ts';
import { clearDeleted, clearLeftover, type Deployment, isLeftover } from './leftovers.ts';
import { requireOwnStack } from './own-silo.ts';
import { recordedStack, recordSeen } from './recorded-stacks.ts';
import { withRollBackContinued } from './roll-back.ts';
import { stackFailure } from './stack-failure.ts';
import { restoreGuard, withGuardRelaxed } from './stack-guard.ts';
import { followed, inProgress, settled, type Watch } from './stack-progress.ts';
import { onceVisible } from './visibility.ts';

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

/** So often a stack is read again because somebody else has changed it in the meantime. */
const rounds = 4;

/**
 * Brings a stack to what is wanted, whatever an earlier attempt or another person left: an operation in flight is joined, a stack that
 * is so already is left alone, one that never came to be is made anew. Answers the stack as read after the last change.
 * @throws DomainError `deployment_failed` with the resource that failed first; `change_refused` when the review objects, or when the stack of a
 * practice that holds records is gone.
 */
export async function deployStack(work: Deployment, wanted: WantedStack): Promise<DeployedStack> {
  for (let round = 1; ; round += 1) {
    try {
      return await deployOnce(work, wanted);
    } catch (error) {
      if (!hasMovedOn(error)) throw error;
      if (round === rounds) throw keepsChanging(wanted.name, error);
      work.context.log.warn({ err: error, stack: wanted.name }, 'the stack has moved on and is read again');
      await delay(work.intervalMs, undefined, { signal: work.context.signal });
    }
  }
}

async function deployOnce(work: Deployment, wanted: WantedStack): Promise<DeployedStack> {
  const found = await settled(work, wanted.name);
  const existing = found === undefined ? await missingStack(work, wanted) : await usable(work, wanted, found);
  if (existing !== undefined && (await isAsWanted(work, existing, wanted))) {
    return { stack: await protect(work, wanted, existing), changed: false };
  }
  const { changed, seen } = await applyChangeSet(work, wanted, existing, existing ?? found);
  const stack =
    seen ?? (await onceVisible(work.context, () => work.stacks.describe(wanted.name, work.context.signal)));
  if (stack === undefined) throw vanished(wanted);
  await recordSeen(work.context, wanted.component, stack);
  if (inProgress(stack.status)) return deployOnce(work, wanted);
  if (!['CREATE_COMPLETE', 'UPDATE_COMPLETE'].includes(stack.status) && changed) {
    throw await failedDeployment(work, wanted, stack);
  }
  return { stack: await protect(work, wanted, stack), changed };
}

/**
 * Makes of a stack that is there one that can be updated, or none: a roll-back that failed is continued, what never came to be is removed.
 * @throws DomainError when that cannot be, or when this very generation of the run has made the stack fail.
 */
async function usable(
  work: Deployment,
  wanted: WantedStack,
  found: StackView,
): Promise<StackView | undefined> {
  await requireOwnStack(work.context.db, work.context.run.practiceId, found);
  await recordSeen(work.context, wanted.component, found);
  await restoreGuard(work, wanted.component, found);
  const stack = await withRollBackContinued(work, found);
  if (stack === undefined) return undefined;
  if (isLeftover(stack)) {
    const ours = await failedHere(work, wanted, stack);
    await clearLeftover(work, wanted.component, stack);
    if (ours !== undefined) throw ours;
    return undefined;
  }
  if (!isWhole(stack)) throw await stackFailure(work, stack);
  return stack;
}

/** The stack is not there: it never was, or its leftover was removed, or somebody has deleted it. */
async function missingStack(work: Deployment, wanted: WantedStack): Promise<undefined> {
  const gone = await clearDeleted(work, wanted.component);
  if (gone === undefined) return undefined;
  const ours = await failedHere(work, wanted, gone);
  if (ours !== undefined) throw ours;
  return undefined;
}

/**
 * The error of a creation that this generation of the run began and did not live to see fail; undefined when it is not this one's. Without it a
 * crash would be one more try than an undisturbed run has.
 */
async function failedHere(
  work: Deployment,
  wanted: WantedStack,
  stack: StackView,
): Promise<DomainError | undefined> {
  if (stack.status === 'REVIEW_IN_PROGRESS') return undefined;
  const history = await work.stacks.eventsSince(stack.stackId, () => false, work.context.signal);
  const prefix = executionPrefix(work, wanted);
  const isOurs = history.some((event) => event.token?.startsWith(prefix) === true);
  return isOurs ? stackFailure(work, stack, history) : undefined;
}

/** Takes a change that failed as far back as possible, so that what stays can be retried or left; answers why it failed. */
async function failedDeployment(
  work: Deployment,
  wanted: WantedStack,
  stack: StackView,
): Promise<DomainError> {
  const standing = (await withRollBackContinued(work, stack)) ?? stack;
  if (standing.status !== stack.status) await recordSeen(work.context, wanted.component, standing);
  const failure = await stackFailure(work, standing);
  if (standing.status !== 'ROLLBACK_FAILED' && standing.status !== 'CREATE_FAILED') return failure;
  try {
    await clearLeftover(work, wanted.component, standing);
  } catch (error) {
    if (!(error instanceof DomainError) || work.context.signal.aborted) throw error;
    // Why the creation failed must be told first; a retry or a cancel tries the removal again.
    work.context.log.warn(
      { err: error, stack: stack.name },
      'what a failed creation left is not removed yet',
    );
  }
  return failure;
}

function vanished(wanted: WantedStack): DomainError {
  return new DomainError(
    'deployment_failed',
    `Stack ${wanted.name} was deleted while it was being deployed.`,
    {
      context: {
        nextAction: `Find out in CloudTrail who deleted stack ${wanted.name}, then retry the run: it makes the stack anew.`,
      },
    },
  );
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
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

/** All executions of one generation's step have tokens that begin like this: by it the events of a stack tell whose operation it was. */
function executionPrefix({ context }: Watch, wanted: WantedStack): string {
  return context.token(`execute:${context.run.generation}:${wanted.component}`).slice(0, 32);
}

/** Answers whether anything changed, and the stack as it was seen at the end of the operation. */
async function applyChangeSet(
  watch: Watch,
  wanted: WantedStack,
  existing: StackView | undefined,
  found: StackView | undefined,
): Promise<{ readonly changed: boolean; readonly seen?: StackView | undefined }> {
  const { context, stacks } = watch;
  // The same call in the same generation is the same operation; a retry, or a stack made anew, is another one. Also after a crash: what was
  // removed is on record, and with its token CloudFormation would answer the change set of a stack that is gone.
  const previous = found?.stackId ?? (await recordedStack(context, wanted.component))?.stackId;
  const purpose = `${context.run.generation}:${previous ?? 'new'}`;
  const changeSet = await makeChangeSet(watch, wanted, existing, purpose);
  if (changeSet === undefined) return { changed: false };
  const { used } = await reviewed(watch, wanted, changeSet, existing);
  const token = `${executionPrefix(watch, wanted)}${context.token(`execute:${changeSet.id}`).slice(0, 32)}`;
  let seen: StackView | undefined;
  const execute = async () => {
    await context.checkpoint();
    await stacks.executeChangeSet(changeSet.id, token, context.signal);
    seen = await followed(watch, changeSet.stackId, false);
  };
  if (existing === undefined) await execute();
  else await withGuardRelaxed(watch, wanted.component, existing, used, execute);
  return { changed: true, seen: seen?.status === 'DELETE_COMPLETE' ? undefined : seen };
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
 * again with every deployment, for a newer control plane may protect more, and also when the stack was found as wanted: an earlier attempt may
 * have changed it and died before it came here.
 */
async function protect(
  { context, stacks }: Watch,
  wanted: WantedStack,
  stack: StackView,
): Promise<StackView> {
  const resources = await stacks.resources(stack.stackId, context.signal);
  if (!resources.some(({ type }) => isStateful(type))) return stack;
  await context.checkpoint();
  await stacks.setStackPolicy(wanted.name, protectStatefulResources, context.signal);
  if (stack.terminationProtection) return stack;
  await stacks.setTerminationProtection(wanted.name, true, context.signal);
  return { ...stack, terminationProtection: true };
}
