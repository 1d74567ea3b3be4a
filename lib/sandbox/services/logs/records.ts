/** Log groups, streams and events as recorded. Events are bounded: a stream keeps its newest ones. */
import { parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Caller, type Cloud, type Table } from '../../model.ts';

export interface LogGroupRecord {
  readonly name: string;
  readonly arn: string;
  /** Milliseconds since 1970, like every time in these records. */
  readonly createdAt: number;
  readonly retentionInDays?: number;
  readonly kmsKeyArn?: string;
  readonly logGroupClass: 'STANDARD' | 'INFREQUENT_ACCESS';
  readonly deletionProtection: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy?: string | undefined;
}

export interface LogStreamRecord {
  readonly groupName: string;
  readonly name: string;
  readonly createdAt: number;
  /** Number that the next event gets, and of the oldest event that is still kept. */
  readonly next: number;
  readonly oldest: number;
  readonly lastEventAt?: number;
  readonly lastIngestionAt?: number;
}

export interface LogEventRecord {
  readonly sequence: number;
  readonly timestamp: number;
  readonly ingestedAt: number;
  readonly message: string;
}

export interface Owner extends Pick<Caller, 'accountId' | 'region'> {
  readonly cloud: Cloud;
}

/** Events that a stream keeps. */
const eventLimit = 10_000;
/** Bytes of one event's message ("PutLogEvents"). */
const messageLimit = 262_118;
const dayMs = 86_400_000;

export const groupTable = (owner: Owner): Table<LogGroupRecord> =>
  owner.cloud.state.table<LogGroupRecord>('logs.groups');
export const streamTable = (owner: Owner): Table<LogStreamRecord> =>
  owner.cloud.state.table<LogStreamRecord>('logs.streams');
const eventTable = (owner: Owner): Table<LogEventRecord> =>
  owner.cloud.state.table<LogEventRecord>('logs.events');

/** Neither the name of a group nor of a stream contains a colon. */
export const streamKey = (owner: Owner, group: string, stream = ''): string =>
  recordKey(owner, `${group}:${stream}`);
const eventPrefix = (owner: Owner, group: string, stream: string): string =>
  `${streamKey(owner, group, stream)}:`;
const eventKey = (owner: Owner, group: string, stream: string, sequence: number): string =>
  eventPrefix(owner, group, stream) + String(sequence).padStart(12, '0');

export function groupArn(owner: Owner, name: string): string {
  return regionalArn('logs', owner, `log-group:${name}`);
}

/** The group that a request names, by name or ARN. @throws AwsError ResourceNotFoundException. */
export function findGroup(owner: Owner, name: string | undefined, identifier?: string): LogGroupRecord {
  const given = name ?? nameInArn(owner, identifier);
  if (given === undefined) {
    throw new AwsError(
      'InvalidParameterException',
      "1 validation error detected: Value null at 'logGroupName' failed to satisfy constraint: Member must not be null",
    );
  }
  const group = groupTable(owner).get(recordKey(owner, given));
  if (group === undefined)
    throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
  return group;
}

/** A log group's name from its ARN, with or without `:*` at the end; of another account or Region it is none of ours. */
function nameInArn(owner: Owner, identifier: string | undefined): string | undefined {
  const arn = identifier === undefined ? undefined : parseArn(identifier);
  if (arn === undefined) return identifier;
  const local = arn.service === 'logs' && arn.accountId === owner.accountId && arn.region === owner.region;
  if (!local || !arn.resource.startsWith('log-group:')) {
    throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.');
  }
  return arn.resource.slice('log-group:'.length).replace(/:\*$/, '');
}

export function saveGroup(owner: Owner, group: LogGroupRecord): LogGroupRecord {
  groupTable(owner).put(recordKey(owner, group.name), group);
  return group;
}

export function forgetGroup(owner: Owner, group: LogGroupRecord): void {
  owner.cloud.state.transaction(() => {
    for (const stream of streamTable(owner).list(streamKey(owner, group.name))) forgetStream(owner, stream);
    groupTable(owner).delete(recordKey(owner, group.name));
  });
}

export function forgetStream(owner: Owner, stream: LogStreamRecord): void {
  for (const [key] of eventTable(owner).entries(eventPrefix(owner, stream.groupName, stream.name)))
    eventTable(owner).delete(key);
  streamTable(owner).delete(streamKey(owner, stream.groupName, stream.name));
}

/** @throws AwsError ResourceNotFoundException. */
export function findStream(owner: Owner, group: LogGroupRecord, name: string | undefined): LogStreamRecord {
  const stream = name === undefined ? undefined : streamTable(owner).get(streamKey(owner, group.name, name));
  if (stream === undefined)
    throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
  return stream;
}

export function makeStream(owner: Owner, group: LogGroupRecord, name: string): LogStreamRecord {
  const stream = { groupName: group.name, name, createdAt: owner.cloud.now().getTime(), next: 0, oldest: 0 };
  streamTable(owner).put(streamKey(owner, group.name, name), stream);
  return stream;
}

/** Appends events in their order, and drops the oldest ones beyond the limit. */
export function appendEvents(
  owner: Owner,
  stream: Pick<LogStreamRecord, 'groupName' | 'name'>,
  events: ReadonlyArray<{ readonly timestamp: number; readonly message: string }>,
): void {
  const ingestedAt = owner.cloud.now().getTime();
  owner.cloud.state.transaction(() => {
    const key = streamKey(owner, stream.groupName, stream.name);
    const current = streamTable(owner).get(key);
    if (current === undefined)
      throw new AwsError('ResourceNotFoundException', 'The specified log stream does not exist.');
    const at = (sequence: number): string => eventKey(owner, stream.groupName, stream.name, sequence);
    let { next, oldest } = current;
    for (const { timestamp, message } of events) {
      eventTable(owner).put(at(next), {
        sequence: next,
        timestamp,
        ingestedAt,
        message: message.slice(0, messageLimit),
      });
      next += 1;
    }
    for (; next - oldest > eventLimit; oldest += 1) eventTable(owner).delete(at(oldest));
    const lastEventAt = events.reduce(
      (latest, { timestamp }) => Math.max(latest, timestamp),
      current.lastEventAt ?? 0,
    );
    streamTable(owner).put(key, { ...current, next, oldest, lastEventAt, lastIngestionAt: ingestedAt });
  });
}

/** The events of a stream, oldest first, without those whose retention is over. */
export function eventsOf(owner: Owner, group: LogGroupRecord, stream: LogStreamRecord): LogEventRecord[] {
  const events = eventTable(owner).list(eventPrefix(owner, stream.groupName, stream.name));
  if (group.retentionInDays === undefined) return events;
  const from = owner.cloud.now().getTime() - group.retentionInDays * dayMs;
  return events.filter(({ timestamp }) => timestamp >= from);
}
