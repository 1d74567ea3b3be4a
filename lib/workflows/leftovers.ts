import { holdsData } from '../domain/change-review-resources.ts';
import { DomainError } from '../domain/errors.ts';
import type { Component } from '../domain/release.ts';
import { stackNameFor } from '../domain/stack-plan.ts';
import type { SiloRemovals } from '../ports/silo-removal.ts';
import type { StackView } from '../ports/stack-deployments.ts';
import { judgeRecords, type RecordsJudgement } from './practice-records.ts';
import { recordedStack, recordSeen } from './recorded-stacks.ts';
import { retainedOf } from './remove-component.ts';
import { type Disposal, disposeOfDatabases, disposeOfRetained } from './silo-disposal.ts';
import { type Removal, removeStack } from './stack-removal.ts';

/** Watches a stack that may have left something. Without `silo` and `removal`, what may hold anything stays for a person to look at. */
export type Deployment = Removal & {
  readonly silo?: Disposal['silo'];
  readonly removal?: SiloRemovals;
};

/** Statuses of a stack that never came to be: CloudFormation takes nothing but its deletion ("Stack status codes"). */
const leftover: ReadonlySet<string> = new Set([
  'REVIEW_IN_PROGRESS',
  'ROLLBACK_COMPLETE',
  'ROLLBACK_FAILED',
  'CREATE_FAILED',
  'DELETE_FAILED',
]);

/** Whether a stack has to be removed before one of its name can be made. */
export const isLeftover = ({ status }: StackView): boolean => leftover.has(status);

/**
 * Removes a stack that never came to be, with everything that CloudFormation retains of it, so that the next one of its name finds nothing in its way.
 * @throws DomainError `change_refused` when something in it may hold what a practice has entered.
 */
export async function clearLeftover(work: Deployment, component: Component, stack: StackView): Promise<void> {
  const { context, stacks } = work;
  const { records } = await judgeRecords(context.db, context.run.practiceId);
  const recorded = await recordedStack(context, component);
  // Half deleted by hand, not half made.
  const wasWhole = stack.status === 'DELETE_FAILED' && (recorded?.templateSha256 ?? null) !== null;
  if (records === 'practice' && wasWhole && component !== 'service') throw halfDeleted(stack);
  const disposal = await disposalOf(work, component, records);
  if (disposal === undefined) await refuseData(work, stack);
  else await disposeOfDatabases(disposal, stack.stackId, undefined);
  if (stack.terminationProtection) {
    await context.checkpoint();
    await stacks.setTerminationProtection(stack.name, false, context.signal);
  }
  await removeStack(work, stack);
  if (stack.status === 'REVIEW_IN_PROGRESS') return;
  if (disposal !== undefined)
    await tell(work, await disposeOfRetained(disposal, await retainedOf(work, stack.stackId)));
  await recordGone(work, component, stack);
}

/**
 * Sees to what is left of a stack on record that is not there any more: of a leftover whose removal was interrupted, or of one that somebody has deleted by
 * hand. Answers the stack as CloudFormation remembers it; undefined when there never was one, or it was seen to already.
 * @throws DomainError `change_refused` when a new one in its place could be mistaken for it: it would have an empty database, or another key.
 */
export async function clearDeleted(work: Deployment, component: Component): Promise<StackView | undefined> {
  const { context, stacks } = work;
  const recorded = await recordedStack(context, component);
  if (recorded === undefined || recorded.stackId === null || recorded.status === 'DELETE_COMPLETE') {
    return undefined;
  }
  const { records } = await judgeRecords(context.db, context.run.practiceId);
  if (records !== 'none' && recorded.templateSha256 !== null && component !== 'service') {
    throw deletedByHand(recorded.stackName, component);
  }
  const stack = await stacks.describe(recorded.stackId, context.signal);
  if (stack === undefined) return undefined;
  const disposal = await disposalOf(work, component, records);
  if (disposal !== undefined) {
    await disposeOfDatabases(disposal, stack.stackId, undefined);
    await tell(work, await disposeOfRetained(disposal, await retainedOf(work, stack.stackId)));
  }
  await recordGone(work, component, stack);
  return stack;
}

/** Whether an app may be at work on the data, whatever is on record of it. */
async function hasService({ context, stacks }: Deployment): Promise<boolean> {
  return (
    (await stacks.describe(stackNameFor(context.run.practiceId, 'service'), context.signal)) !== undefined
  );
}

/** What takes apart all that a stack left; undefined when something of it may hold anything. */
async function disposalOf(
  work: Deployment,
  component: Component,
  records: RecordsJudgement['records'],
): Promise<Disposal | undefined> {
  const { silo, removal } = work;
  if (silo === undefined || removal === undefined || records !== 'none') return undefined;
  if (component === 'data' && (await hasService(work))) return undefined;
  return { ...work, silo, removal: removal(work.context.run.practiceId) };
}

/** What stays although nobody needs it is told by the log: a run keeps `kept` for its cancellation. */
async function tell({ context }: Deployment, kept: readonly string[]): Promise<void> {
  for (const said of kept) context.log.info({ runId: context.run.id }, said);
}

function recordGone({ context }: Deployment, component: Component, stack: StackView): Promise<void> {
  return recordSeen(context, component, { ...stack, status: 'DELETE_COMPLETE', outputs: {} });
}

async function refuseData({ context, stacks }: Deployment, stack: StackView): Promise<void> {
  const holder = (await stacks.resources(stack.stackId, context.signal)).find(
    ({ type, status, physicalId }) =>
      holdsData(type) && physicalId !== null && !status.startsWith('DELETE_COMPLETE'),
  );
  if (holder === undefined) return;
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

function halfDeleted(stack: StackView): DomainError {
  return new DomainError(
    'change_refused',
    `Stack ${stack.name} is DELETE_FAILED: somebody has begun to delete it, and it belongs to a practice that holds records. It is neither deleted further nor changed.`,
    {
      context: {
        nextAction:
          'Find out in CloudTrail who deleted it. Restore what is gone by docs/runbooks/restore-database.md, or offboard the practice.',
      },
    },
  );
}

function deletedByHand(stackName: string, component: Component): DomainError {
  const other = component === 'data' ? 'an empty database' : 'another key and another network';
  return new DomainError(
    'change_refused',
    `Stack ${stackName} was deployed and is gone: somebody has deleted it. It is not made anew by itself, because a new one would have ${other}.`,
    {
      context: {
        nextAction:
          'Find out in CloudTrail who deleted it. What its deletion policy retained is still there: restore by docs/runbooks/restore-database.md, or offboard the practice.',
      },
    },
  );
}
