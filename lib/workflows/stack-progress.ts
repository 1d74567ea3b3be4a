import { knownStackEvents } from '../db/run-event-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { RunEventBody } from '../domain/run.ts';
import type { StackDeployments, StackEvent, StackView } from '../ports/stack-deployments.ts';
import type { RunContext } from '../runs/workflow.ts';

const stackType = 'AWS::CloudFormation::Stack';

/** How one workflow step watches one stack. */
export interface Watch {
  readonly context: RunContext;
  readonly stacks: StackDeployments;
  readonly step: string;
  /** Milliseconds between two looks at what no list tells of: a change set in the making. */
  readonly intervalMs: number;
}

/** A stack that was only reviewed does nothing until somebody executes its change set. */
export function inProgress(status: string): boolean {
  return status.endsWith('_IN_PROGRESS') && status !== 'REVIEW_IN_PROGRESS';
}

/**
 * Waits for whatever goes on with a stack and tells of it on the way; answers how the stack then stands, and
 * undefined when there is no such stack. Also catches up with events that nobody has told of yet.
 */
export async function settled(watch: Watch, nameOrId: string): Promise<StackView | undefined> {
  const { context, stacks } = watch;
  await context.checkpoint();
  const stack = await stacks.describe(nameOrId, context.signal);
  if (stack === undefined) return undefined;
  if (inProgress(stack.status)) return followed(watch, stack.stackId, true);
  await relay(watch, stack.stackId);
  return stack;
}

/** How often, at least, somebody who waits looks whether this work is still theirs. */
const checkEveryMs = 500;

/** How long an operation that CloudFormation has accepted may show neither in a list nor by an event. */
const beginsWithinMs = 120_000;

/**
 * Waits for the end of an operation, telling of its events on the way: when the stack's status has changed, and whenever it is its turn.
 * The list of what is under way only says when to look; the stack's own word counts in the end. `begun`: whether the stack was seen in
 * progress; otherwise an event tells of an operation that was over before any list had it.
 * @throws DomainError `cloud_failure`, one that may pass, when nothing of the operation is ever seen
 */
export async function followed(
  watch: Watch,
  stackId: string,
  begun: boolean,
  withinMs = beginsWithinMs,
): Promise<StackView | undefined> {
  const { context, stacks } = watch;
  const known = await knownStackEvents(context.db, context.run.practiceId, stackId);
  const calledAt = performance.now();
  let [seen, ended] = [begun, false];
  let status: string | undefined;
  let checkedAt = performance.now();
  for (;;) {
    const glance = await stacks.glance(stackId, context.signal);
    const underWay = glance.status !== undefined;
    const changed = status !== undefined && glance.status !== status;
    ({ status } = glance);
    seen ||= underWay;
    if (changed || !underWay || glance.turn) {
      const fresh = await relayUnknown(watch, stackId, known);
      ended ||= fresh.some(endsOperation);
      checkedAt = performance.now();
    } else if (performance.now() - checkedAt > checkEveryMs) {
      await context.checkpoint();
      checkedAt = performance.now();
    }
    if (underWay) continue;
    if (!seen && !ended) {
      if (performance.now() - calledAt > withinMs) throw neverBegan(stackId);
      continue;
    }
    const stack = await stacks.describe(stackId, context.signal);
    if (stack !== undefined && inProgress(stack.status)) continue;
    // Events may come later than the status that they lead to.
    if (!ended) await relayUnknown(watch, stackId, known);
    return stack;
  }
}

function neverBegan(stackId: string): DomainError {
  return new DomainError(
    'cloud_failure',
    `CloudFormation accepted an operation on stack ${stackId}, and does not show that it ever began.`,
    { retryable: true, context: { service: 'cloudformation', stackId } },
  );
}

/** Tells of the stack's events that no run of the practice has told of yet: none is told twice, not even after a crash. */
async function relay(watch: Watch, stackId: string): Promise<void> {
  const { context } = watch;
  await relayUnknown(watch, stackId, await knownStackEvents(context.db, context.run.practiceId, stackId));
}

/** Tells of the events that are not in `known`, and adds them to it. Also notices, news or not, when this work was superseded. */
async function relayUnknown(
  { context, stacks, step }: Watch,
  stackId: string,
  known: Set<string>,
): Promise<StackEvent[]> {
  const fresh = await stacks.eventsSince(stackId, (id) => known.has(id), context.signal);
  if (fresh.length === 0) await context.checkpoint();
  else await context.emit(...fresh.map((event) => resourceEvent(step, event)));
  for (const event of fresh) known.add(event.id);
  return fresh;
}

function resourceEvent(step: string, event: StackEvent): RunEventBody {
  return {
    kind: 'resource',
    step,
    stackName: event.stackName,
    stackId: event.stackId,
    eventId: event.id,
    logicalId: event.logicalId,
    resourceType: event.resourceType,
    physicalId: event.physicalId,
    status: event.status,
    reason: event.reason,
  };
}

/** Whether an event tells of its stack itself, not of a resource in it. */
export function isOfStack(event: StackEvent): boolean {
  return event.resourceType === stackType && event.physicalId === event.stackId;
}

/** UPDATE_COMPLETE_CLEANUP_IN_PROGRESS and its like are on the way to an end, not the end. */
function endsOperation(event: StackEvent): boolean {
  return isOfStack(event) && !event.status.endsWith('_IN_PROGRESS');
}
