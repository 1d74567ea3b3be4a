/** Log groups and streams: made, described, kept for a time, encrypted, tagged and deleted. */
import type {
  AssociateKmsKeyRequest,
  CreateLogGroupRequest,
  CreateLogStreamRequest,
  DeleteLogGroupRequest,
  DeleteLogStreamRequest,
  DeleteRetentionPolicyRequest,
  DescribeLogGroupsRequest,
  DescribeLogGroupsResponse,
  DescribeLogStreamsRequest,
  DescribeLogStreamsResponse,
  DisassociateKmsKeyRequest,
  ListTagsForResourceRequest,
  ListTagsForResourceResponse,
  ListTagsLogGroupRequest,
  ListTagsLogGroupResponse,
  LogGroup,
  LogStream,
  PutRetentionPolicyRequest,
  TagLogGroupRequest,
  TagResourceRequest,
  UntagLogGroupRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-cloudwatch-logs';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { checkedKey } from './encryption.ts';
import {
  eventsOf,
  findGroup,
  findStream,
  forgetGroup,
  forgetStream,
  groupArn,
  groupTable,
  type LogGroupRecord,
  type LogStreamRecord,
  makeStream,
  saveGroup,
  streamKey,
  streamTable,
} from './records.ts';

const retentionPeriods = new Set([
  1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
]);

const invalid = (message: string): AwsError => new AwsError('InvalidParameterException', message);

function checkedGroupName(name: string | undefined): string {
  if (name === undefined || !/^[.\-_/#A-Za-z0-9]{1,512}$/.test(name)) {
    throw invalid(
      `1 validation error detected: Value '${name ?? ''}' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+`,
    );
  }
  if (name.startsWith('aws/')) throw invalid('Log groups starting with AWS/ are reserved for AWS.');
  return name;
}

export function checkedRetention(days: number | undefined): number {
  if (days === undefined || !retentionPeriods.has(days)) {
    throw invalid(
      `Invalid retention value: ${days}. Valid values are: [${[...retentionPeriods].join(', ')}]`,
    );
  }
  return days;
}

export interface NewLogGroup {
  readonly name: string | undefined;
  readonly kmsKeyArn: string | undefined;
  readonly retentionInDays: number | undefined;
  readonly logGroupClass: string | undefined;
  readonly deletionProtection: boolean;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy?: string;
}

export async function makeGroup(call: Call, wanted: NewLogGroup): Promise<LogGroupRecord> {
  const name = checkedGroupName(wanted.name);
  const logGroupClass = wanted.logGroupClass ?? 'STANDARD';
  if (logGroupClass !== 'STANDARD' && logGroupClass !== 'INFREQUENT_ACCESS') {
    throw invalid(
      `The sandbox has log groups of class STANDARD and INFREQUENT_ACCESS, not ${logGroupClass}.`,
    );
  }
  const retentionInDays =
    wanted.retentionInDays === undefined ? undefined : checkedRetention(wanted.retentionInDays);
  const kmsKeyArn =
    wanted.kmsKeyArn === undefined ? undefined : await checkedKey(call, name, wanted.kmsKeyArn);
  const taken = groupTable(call).get(recordKey(call, name));
  if (taken !== undefined) {
    if (wanted.madeBy !== undefined && taken.madeBy === wanted.madeBy) return taken;
    throw new AwsError('ResourceAlreadyExistsException', 'The specified log group already exists');
  }
  return saveGroup(call, {
    name,
    arn: groupArn(call, name),
    createdAt: call.cloud.now().getTime(),
    ...(retentionInDays === undefined ? {} : { retentionInDays }),
    ...(kmsKeyArn === undefined ? {} : { kmsKeyArn }),
    logGroupClass,
    deletionProtection: wanted.deletionProtection,
    tags: wanted.tags,
    madeBy: wanted.madeBy,
  });
}

async function createLogGroup(input: CreateLogGroupRequest, call: Call): Promise<void> {
  await makeGroup(call, {
    name: input.logGroupName,
    kmsKeyArn: input.kmsKeyId,
    retentionInDays: undefined,
    logGroupClass: input.logGroupClass,
    deletionProtection: input.deletionProtectionEnabled ?? false,
    tags: checkedTags(input.tags ?? {}),
  });
}

export function deleteLogGroup(input: DeleteLogGroupRequest, call: Call): void {
  const group = findGroup(call, input.logGroupName);
  if (group.deletionProtection) {
    throw new AwsError(
      'ValidationException',
      `The log group ${group.name} has deletion protection. Disable it and try again.`,
    );
  }
  forgetGroup(call, group);
}

function storedBytes(call: Call, group: LogGroupRecord): number {
  return streamTable(call)
    .list(streamKey(call, group.name))
    .flatMap((stream) => eventsOf(call, group, stream))
    .reduce((bytes, { message }) => bytes + Buffer.byteLength(message), 0);
}

function groupShape(call: Call, group: LogGroupRecord): LogGroup {
  return {
    logGroupName: group.name,
    creationTime: group.createdAt,
    ...(group.retentionInDays === undefined ? {} : { retentionInDays: group.retentionInDays }),
    metricFilterCount: 0,
    arn: `${group.arn}:*`,
    logGroupArn: group.arn,
    storedBytes: storedBytes(call, group),
    ...(group.kmsKeyArn === undefined ? {} : { kmsKeyId: group.kmsKeyArn }),
    logGroupClass: group.logGroupClass,
    deletionProtectionEnabled: group.deletionProtection,
  };
}

function describeLogGroups(input: DescribeLogGroupsRequest, call: Call): DescribeLogGroupsResponse {
  const { logGroupNamePrefix: prefix, logGroupNamePattern: pattern } = input;
  if (prefix !== undefined && pattern !== undefined) {
    throw invalid('LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.');
  }
  const named = input.logGroupIdentifiers?.map((identifier) => findGroup(call, undefined, identifier));
  const groups = (named ?? groupTable(call).list(recordKey(call, prefix ?? '')))
    .filter(({ name }) => pattern === undefined || name.toLowerCase().includes(pattern.toLowerCase()))
    .filter(
      ({ logGroupClass }) => input.logGroupClass === undefined || logGroupClass === input.logGroupClass,
    );
  const page = pageOf(groups, {
    keyOf: ({ name }) => name,
    marker: input.nextToken,
    limit: input.limit ?? 50,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return {
    logGroups: page.items.map((group) => groupShape(call, group)),
    ...(page.next === undefined ? {} : { nextToken: page.next }),
  };
}

function putRetentionPolicy(input: PutRetentionPolicyRequest, call: Call): void {
  const group = findGroup(call, input.logGroupName);
  saveGroup(call, { ...group, retentionInDays: checkedRetention(input.retentionInDays) });
}

function deleteRetentionPolicy(input: DeleteRetentionPolicyRequest, call: Call): void {
  const { retentionInDays: _forEver, ...group } = findGroup(call, input.logGroupName);
  saveGroup(call, group);
}

async function associateKmsKey(input: AssociateKmsKeyRequest, call: Call): Promise<void> {
  const { name } = findGroup(call, input.logGroupName, input.resourceIdentifier);
  const kmsKeyArn = await checkedKey(call, name, input.kmsKeyId ?? '');
  saveGroup(call, { ...findGroup(call, name), kmsKeyArn });
}

function disassociateKmsKey(input: DisassociateKmsKeyRequest, call: Call): void {
  const { kmsKeyArn: _removed, ...group } = findGroup(call, input.logGroupName, input.resourceIdentifier);
  saveGroup(call, group);
}

function createLogStream(input: CreateLogStreamRequest, call: Call): void {
  const group = findGroup(call, input.logGroupName);
  const name = input.logStreamName ?? '';
  if (!/^[^:*]{1,512}$/.test(name))
    throw invalid(`Invalid log stream name: '${name}'. It has 1 to 512 characters and no ':' or '*'.`);
  if (streamTable(call).get(streamKey(call, group.name, name)) !== undefined) {
    throw new AwsError('ResourceAlreadyExistsException', 'The specified log stream already exists');
  }
  makeStream(call, group, name);
}

function deleteLogStream(input: DeleteLogStreamRequest, call: Call): void {
  const stream = findStream(call, findGroup(call, input.logGroupName), input.logStreamName);
  call.cloud.state.transaction(() => forgetStream(call, stream));
}

function describeLogStreams(input: DescribeLogStreamsRequest, call: Call): DescribeLogStreamsResponse {
  const group = findGroup(call, input.logGroupName, input.logGroupIdentifier);
  const byTime = input.orderBy === 'LastEventTime';
  if (byTime && input.logStreamNamePrefix !== undefined)
    throw invalid('Cannot order by LastEventTime with a logStreamNamePrefix.');
  const streams = streamTable(call).list(streamKey(call, group.name, input.logStreamNamePrefix ?? ''));
  const latest = Number.MAX_SAFE_INTEGER;
  const time = ({ lastEventAt = 0 }: LogStreamRecord): number =>
    input.descending === true ? latest - lastEventAt : lastEventAt;
  const rank = (stream: LogStreamRecord): string =>
    byTime ? `${String(time(stream)).padStart(16, '0')}/${stream.name}` : stream.name;
  streams.sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const page = pageOf(streams, {
    keyOf: rank,
    marker: input.nextToken,
    limit: input.limit ?? 50,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return {
    logStreams: page.items.map((stream) => streamShape(call, group, stream)),
    ...(page.next === undefined ? {} : { nextToken: page.next }),
  };
}

function streamShape(call: Call, group: LogGroupRecord, stream: LogStreamRecord): LogStream {
  const first = eventsOf(call, group, stream)[0];
  return {
    logStreamName: stream.name,
    creationTime: stream.createdAt,
    ...(first === undefined ? {} : { firstEventTimestamp: first.timestamp }),
    ...(stream.lastEventAt === undefined ? {} : { lastEventTimestamp: stream.lastEventAt }),
    ...(stream.lastIngestionAt === undefined ? {} : { lastIngestionTime: stream.lastIngestionAt }),
    arn: `${group.arn}:log-stream:${stream.name}`,
    // Deprecated by AWS for streams and always 0 there.
    storedBytes: 0,
  };
}

function checkedTags(tags: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const reserved = Object.keys(tags).find((name) => name.toLowerCase().startsWith('aws:'));
  if (reserved !== undefined) throw invalid(`Tag keys that start with aws: are reserved: ${reserved}`);
  return tags;
}

function addTags(
  call: Call,
  group: LogGroupRecord,
  tags: Readonly<Record<string, string>> | undefined,
): void {
  const all = { ...group.tags, ...checkedTags(tags ?? {}) };
  if (Object.keys(all).length > 50)
    throw new AwsError('TooManyTagsException', 'A log group can have at most 50 tags.');
  saveGroup(call, { ...group, tags: all });
}

function removeTags(call: Call, group: LogGroupRecord, names: readonly string[] | undefined): void {
  const gone = new Set(names);
  saveGroup(call, {
    ...group,
    tags: Object.fromEntries(Object.entries(group.tags).filter(([name]) => !gone.has(name))),
  });
}

export const groupOperations = {
  CreateLogGroup: createLogGroup,
  DeleteLogGroup: deleteLogGroup,
  DescribeLogGroups: describeLogGroups,
  PutRetentionPolicy: putRetentionPolicy,
  DeleteRetentionPolicy: deleteRetentionPolicy,
  AssociateKmsKey: associateKmsKey,
  DisassociateKmsKey: disassociateKmsKey,
  CreateLogStream: createLogStream,
  DeleteLogStream: deleteLogStream,
  DescribeLogStreams: describeLogStreams,
  TagResource: (input: TagResourceRequest, call: Call): void =>
    addTags(call, findGroup(call, undefined, input.resourceArn), input.tags),
  UntagResource: (input: UntagResourceRequest, call: Call): void =>
    removeTags(call, findGroup(call, undefined, input.resourceArn), input.tagKeys),
  ListTagsForResource: (input: ListTagsForResourceRequest, call: Call): ListTagsForResourceResponse => ({
    tags: { ...findGroup(call, undefined, input.resourceArn).tags },
  }),
  TagLogGroup: (input: TagLogGroupRequest, call: Call): void =>
    addTags(call, findGroup(call, input.logGroupName), input.tags),
  UntagLogGroup: (input: UntagLogGroupRequest, call: Call): void =>
    removeTags(call, findGroup(call, input.logGroupName), input.tags),
  ListTagsLogGroup: (input: ListTagsLogGroupRequest, call: Call): ListTagsLogGroupResponse => ({
    tags: { ...findGroup(call, input.logGroupName).tags },
  }),
};
