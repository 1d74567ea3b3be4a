import { setTimeout as delay } from 'node:timers/promises';
import { knownStackEvents } from '../db/run-event-store.ts';
import type { RunEventBody } from '../domain/run.ts';
import type { StackDeployments, StackEvent, StackView } from '../ports/stack-deployments.ts';
import type { RunContext } from '../runs/workflow.ts';

const stackType = 'AWS::CloudFormation::Stack';

/** How one workflow step watches one stack. */
export interface Watch {
  readonly context: RunContext;
  readonly stacks: StackDeployments;
  readonly step: string;
  /** Milliseconds between two looks at the stack's events, once an operation takes its time. */
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

/** Short operations end soon after they begin; from here each pause is half as long again as the one before. */
const firstPauseMs = 50;

/** A look that takes longer is followed by a longer rest: many runs at once slow down by themselves instead of adding to the load. */
const restShare = 4;

/** So many looks without news, and the stack itself is asked: its last event may have been told of before a crash. */
const quietLooks = 10;

/**
 * Waits for the end of an operation, telling of each event as it comes. The stack's own word counts in the end, not
 * what its events led us to expect; it may come later than they do. `begun`: whether the stack was seen in progress.
 */
export async function followed(
  watch: Watch,
  stackId: string,
  begun: boolean,
): Promise<StackView | undefined> {
  const { context, stacks } = watch;
  const known = await knownStackEvents(context.db, context.run.practiceId, stackId);
  let ended = false;
  let pauseMs = Math.min(firstPauseMs, watch.intervalMs);
  for (let quiet = 0; ; quiet += 1) {
    const lookedAt = performance.now();
    const fresh = await relayUnknown(watch, stackId, known);
    const lookMs = performance.now() - lookedAt;
    if (fresh.length > 0) quiet = 0;
    ended ||= fresh.some(endsOperation);
    if (ended || (begun && quiet >= quietLooks)) {
      const stack = await stacks.describe(stackId, context.signal);
      if (stack === undefined || !inProgress(stack.status)) return stack;
      quiet = 0;
    }
    await delay(Math.max(pauseMs, lookMs * restShare), undefined, { signal: context.signal });
    pauseMs = Math.min(pauseMs * 1.5, watch.intervalMs);
  }
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
