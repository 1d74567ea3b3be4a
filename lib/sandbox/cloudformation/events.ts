import { randomUUID } from 'node:crypto';
import type { Cloud } from '../model.ts';
import { changeStack, type EventRecord, type StackRecord, stackKey, tables } from './records.ts';

/** How many events each stack has had, by its key; counted once a process. */
const counts = new WeakMap<Cloud, Map<string, number>>();

/** Keys count down, so that a table's order is AWS's: newest first. */
const highest = 999_999_999;

function nextKey(cloud: Cloud, stackId: string): string {
  let ofCloud = counts.get(cloud);
  if (!ofCloud) counts.set(cloud, (ofCloud = new Map()));
  const key = stackKey(stackId);
  const count = ofCloud.get(key) ?? tables(cloud.state).events.list(`${key}/`).length;
  ofCloud.set(key, count + 1);
  return `${key}/${String(highest - count).padStart(9, '0')}`;
}

type EventFields = Pick<
  EventRecord,
  'logicalId' | 'physicalId' | 'type' | 'status' | 'reason' | 'properties'
>;

/** Records what happened to one resource of a stack, or to the stack itself. */
export function recordEvent(cloud: Cloud, stack: StackRecord, fields: EventFields): void {
  tables(cloud.state).events.put(nextKey(cloud, stack.stackId), {
    ...fields,
    id: `${fields.logicalId}-${randomUUID()}`,
    stackId: stack.stackId,
    stackName: stack.name,
    timestamp: cloud.now(),
    clientRequestToken: stack.operation?.clientRequestToken,
  });
}

/** Gives a stack its next status, together with whatever else changes with it, and records the event. */
export function enterStatus(
  cloud: Cloud,
  stackId: string,
  status: string,
  reason?: string,
  change: Partial<StackRecord> = {},
): StackRecord {
  return cloud.state.transaction(() => {
    const before = changeStack(cloud, stackId, {});
    const stack = changeStack(cloud, stackId, { status, statusReason: reason, ...change });
    recordEvent(
      cloud,
      { ...stack, operation: stack.operation ?? before.operation },
      {
        logicalId: stack.name,
        physicalId: stack.stackId,
        type: 'AWS::CloudFormation::Stack',
        status,
        reason,
      },
    );
    return stack;
  });
}

/** A stack's events, newest first. */
export const eventsOf = (cloud: Cloud, stackId: string): Array<[key: string, event: EventRecord]> =>
  tables(cloud.state).events.entries(`${stackKey(stackId)}/`);
