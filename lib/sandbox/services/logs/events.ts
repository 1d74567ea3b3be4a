/** Log events: put, read from one stream, searched over the streams of a group. */
import type {
  FilteredLogEvent,
  FilterLogEventsRequest,
  FilterLogEventsResponse,
  GetLogEventsRequest,
  GetLogEventsResponse,
  PutLogEventsRequest,
  PutLogEventsResponse,
} from '@aws-sdk/client-cloudwatch-logs';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { refuseUnreadable } from './encryption.ts';
import {
  appendEvents,
  eventsOf,
  findGroup,
  findStream,
  type LogEventRecord,
  streamKey,
  streamTable,
} from './records.ts';

const batchLimit = 10_000;
const dayMs = 86_400_000;
const oldestMs = 14 * dayMs;
const aheadMs = 2 * 3_600_000;

async function putLogEvents(input: PutLogEventsRequest, call: Call): Promise<PutLogEventsResponse> {
  const group = findGroup(call, input.logGroupName);
  const stream = findStream(call, group, input.logStreamName);
  await refuseUnreadable(call, group);
  const events = (input.logEvents ?? []).map(({ timestamp = 0, message = '' }) => ({ timestamp, message }));
  if (events.length === 0 || events.length > batchLimit) {
    throw new AwsError(
      'InvalidParameterException',
      `A batch of log events has between 1 and ${batchLimit} events.`,
    );
  }
  if (events.some(({ timestamp }, at) => at > 0 && timestamp < (events[at - 1]?.timestamp ?? 0))) {
    throw new AwsError(
      'InvalidParameterException',
      'Log events in a single PutLogEvents request must be in chronological order.',
    );
  }
  const now = call.cloud.now().getTime();
  const tooOld = events.filter(({ timestamp }) => timestamp < now - oldestMs).length;
  const tooNew = events.findIndex(({ timestamp }) => timestamp > now + aheadMs);
  appendEvents(call, stream, events.slice(tooOld, tooNew === -1 ? undefined : tooNew));
  const rejected = {
    ...(tooOld === 0 ? {} : { tooOldLogEventEndIndex: tooOld }),
    ...(tooNew === -1 ? {} : { tooNewLogEventStartIndex: tooNew }),
  };
  return Object.keys(rejected).length === 0 ? {} : { rejectedLogEventsInfo: rejected };
}

interface Period {
  readonly startTime?: number | undefined;
  readonly endTime?: number | undefined;
}

const within = (period: Period, { timestamp }: LogEventRecord): boolean =>
  timestamp >= (period.startTime ?? 0) && timestamp < (period.endTime ?? Number.POSITIVE_INFINITY);

/** Tokens are `f/<sequence>` (events after it) and `b/<sequence>` (events before it); at an end the same token comes back. */
async function getLogEvents(input: GetLogEventsRequest, call: Call): Promise<GetLogEventsResponse> {
  const group = findGroup(call, input.logGroupName, input.logGroupIdentifier);
  const stream = findStream(call, group, input.logStreamName);
  await refuseUnreadable(call, group);
  const all = eventsOf(call, group, stream).filter((event) => within(input, event));
  const events = windowOf(all, input);
  const [, edge] = tokenParts(input.nextToken) ?? [];
  const first = events[0]?.sequence ?? edge ?? 0;
  const last = events.at(-1)?.sequence ?? edge ?? -1;
  return {
    events: events.map(({ timestamp, message, ingestedAt }) => ({
      timestamp,
      message,
      ingestionTime: ingestedAt,
    })),
    nextForwardToken: `f/${last}`,
    nextBackwardToken: `b/${first}`,
  };
}

function windowOf(all: LogEventRecord[], input: GetLogEventsRequest): LogEventRecord[] {
  const limit = input.limit ?? batchLimit;
  const token = tokenParts(input.nextToken);
  if (token === undefined) return input.startFromHead === true ? all.slice(0, limit) : all.slice(-limit);
  const [direction, edge] = token;
  return direction === 'f'
    ? all.filter(({ sequence }) => sequence > edge).slice(0, limit)
    : all.filter(({ sequence }) => sequence < edge).slice(-limit);
}

function tokenParts(token: string | undefined): [direction: 'f' | 'b', edge: number] | undefined {
  if (token === undefined) return undefined;
  const match = /^(f|b)\/(-?\d+)$/.exec(token);
  if (match === null) throw new AwsError('InvalidParameterException', 'The specified nextToken is invalid.');
  return [match[1] === 'f' ? 'f' : 'b', Number(match[2])];
}

/** One event, and where it stands among all: by time, then stream, then order of arrival. */
interface Found {
  readonly rank: string;
  readonly event: FilteredLogEvent;
}

async function filterLogEvents(input: FilterLogEventsRequest, call: Call): Promise<FilterLogEventsResponse> {
  const group = findGroup(call, input.logGroupName, input.logGroupIdentifier);
  if (input.logStreamNames !== undefined && input.logStreamNamePrefix !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      'logStreamNames and logStreamNamePrefix cannot both be specified.',
    );
  }
  await refuseUnreadable(call, group);
  const matches = matcher(input.filterPattern ?? '');
  const streams =
    input.logStreamNames?.map((name) => findStream(call, group, name)) ??
    streamTable(call).list(streamKey(call, group.name, input.logStreamNamePrefix ?? ''));
  const found = streams
    .flatMap((stream) =>
      eventsOf(call, group, stream)
        .filter((event) => within(input, event) && matches(event.message))
        .map((event) => foundIn(stream.name, event)),
    )
    .sort((a, b) => (a.rank < b.rank ? -1 : 1));
  const page = pageOf(found, {
    keyOf: ({ rank }) => rank,
    marker: input.nextToken,
    limit: input.limit ?? batchLimit,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return {
    events: page.items.map(({ event }) => event),
    searchedLogStreams: [],
    ...(page.next === undefined ? {} : { nextToken: page.next }),
  };
}

function foundIn(logStreamName: string, event: LogEventRecord): Found {
  const sequence = String(event.sequence).padStart(12, '0');
  return {
    rank: `${String(event.timestamp).padStart(15, '0')}/${logStreamName}/${sequence}`,
    event: {
      logStreamName,
      timestamp: event.timestamp,
      message: event.message,
      ingestionTime: event.ingestedAt,
      eventId: `${event.timestamp}${sequence}`.padStart(56, '0'),
    },
  };
}

/**
 * Unstructured filter patterns ("Filter pattern syntax"): terms that all have to occur, `?term` of which one has to,
 * `-term` that must not, quoted phrases. Patterns for JSON and for fields are refused, not guessed.
 */
function matcher(pattern: string): (message: string) => boolean {
  const text = pattern.trim();
  if (/^[[{%]/.test(text)) {
    throw new AwsError(
      'InvalidParameterException',
      `The sandbox does not emulate filter patterns for JSON, fields or regular expressions: ${text}`,
    );
  }
  const terms = text.match(/[?-]?(?:"(?:[^"\\]|\\.)*"|\S+)/g) ?? [];
  const bare = (term: string): string =>
    term
      .replace(/^[?-]/, '')
      .replace(/^"(.*)"$/s, '$1')
      .replaceAll('\\"', '"');
  const optional = terms.filter((term) => term.startsWith('?')).map(bare);
  const excluded = terms.filter((term) => term.startsWith('-')).map(bare);
  const needed = terms.filter((term) => !/^[?-]/.test(term)).map(bare);
  return (message) =>
    needed.every((term) => message.includes(term)) &&
    !excluded.some((term) => message.includes(term)) &&
    (optional.length === 0 || optional.some((term) => message.includes(term)));
}

export const eventOperations = {
  PutLogEvents: putLogEvents,
  GetLogEvents: getLogEvents,
  FilterLogEvents: filterLogEvents,
};
