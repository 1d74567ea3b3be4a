import { setTimeout as delay } from 'node:timers/promises';
import { type EventSourceMessage, EventSourceParserStream } from 'eventsource-parser/stream';
import { type RunEvent, runEventPageSchema, runEventSchema } from '../../control-api/contracts/runs.ts';
import { type ApiClient, networkFault } from './api-client.ts';
import { CommandError, commandError } from './command-error.ts';
import { exitCodes } from './exit-codes.ts';

/** The server sends a comment every 15 s; three of them missing means that the connection is dead. */
const silenceMs = 45_000;
const largestEvent = 1_000_000;
const firstPauseMs = 500;
const longestPauseMs = 5_000;
/** Long enough for a restart or a deployment of the control plane, short enough that no CI job hangs for ever. */
export const givingUpMs = 5 * 60_000;

export type Followed =
  | { readonly kind: 'event'; readonly event: RunEvent }
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'found' };

interface Position {
  lastEventId: string | undefined;
}

/**
 * The events of a run from `after` on, as they happen, until the run has ended. A lost connection is told and taken up again
 * where it broke off (WHATWG HTML, server-sent events: `Last-Event-ID`), so that no event is missed or repeated.
 * @throws CommandError `unreachable` when the control plane stays away for 5 minutes; an `AbortError` by `signal`
 */
export async function* followRun(
  api: ApiClient,
  runId: string,
  { after, signal }: { readonly after?: number | undefined; readonly signal: AbortSignal },
): AsyncGenerator<Followed, void> {
  const position: Position = { lastEventId: after === undefined ? undefined : String(after) };
  let lostAt: number | undefined;
  let pause = firstPauseMs;
  for (;;) {
    let reason = 'the control plane ended the connection';
    try {
      for await (const item of listen(api, runId, position, signal)) {
        if (item === 'end') return;
        if (lostAt !== undefined) yield { kind: 'found' };
        lostAt = undefined;
        pause = firstPauseMs;
        if (item !== 'open') yield { kind: 'event', event: item };
      }
    } catch (error) {
      reason = reasonToTryAgain(error, signal);
    }
    if (lostAt === undefined) yield { kind: 'lost', reason };
    lostAt ??= Date.now();
    if (Date.now() - lostAt > givingUpMs) {
      throw commandError(
        'unreachable',
        `${api.url} has not answered for 5 minutes (${reason}). The run may go on.`,
        {
          hint: `Come back with: npx lumenality run watch ${runId}`,
        },
      );
    }
    await delay(pause, undefined, { signal });
    pause = Math.min(pause * 2, longestPauseMs);
  }
}

/** The seq of the newest event, so that a watch of a retry does not tell the story of the attempt before. */
export async function newestSeq(api: ApiClient, runId: string): Promise<number> {
  let newest = 0;
  for (;;) {
    const { items, nextCursor } = await api.get(`/v1/runs/${runId}/events`, runEventPageSchema, {
      query: { after: newest, limit: 200 },
    });
    newest = items.at(-1)?.seq ?? newest;
    if (nextCursor === null || items.length === 0) return newest;
  }
}

/** One connection: `open`, then its events, then `end` if the run has ended. */
async function* listen(
  api: ApiClient,
  runId: string,
  position: Position,
  signal: AbortSignal,
): AsyncGenerator<RunEvent | 'open' | 'end', void> {
  const ending = new AbortController();
  const leave = () => ending.abort(signal.reason);
  if (signal.aborted) leave();
  signal.addEventListener('abort', leave, { once: true });
  const isDead = () => ending.abort(new Error(`nothing heard for ${silenceMs / 1_000} s`));
  let timer = setTimeout(isDead, silenceMs);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(isDead, silenceMs);
  };
  try {
    const response = await api.request('GET', `/v1/runs/${runId}/events`, {
      headers: {
        accept: 'text/event-stream',
        ...(position.lastEventId === undefined ? {} : { 'last-event-id': position.lastEventId }),
      },
      signal: ending.signal,
    });
    heard();
    yield 'open';
    // The signal here too: Node 20 forgets that of the request at the first garbage collection after the answer has begun.
    const messages = (response.body ?? new ReadableStream())
      .pipeThrough(new TextDecoderStream(), { signal: ending.signal })
      .pipeThrough(new EventSourceParserStream({ onComment: heard, maxBufferSize: largestEvent }));
    for await (const message of messages) {
      heard();
      if (message.event === 'end') {
        yield 'end';
        return;
      }
      const event = readEvent(message);
      if (event !== undefined) yield event;
      // Only after it was taken: a connection that breaks in between must not lose it.
      position.lastEventId = message.id ?? position.lastEventId;
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', leave);
  }
}

/** Kinds of events that a newer control plane may have are passed over, as the standard asks of a listener. */
function readEvent({ event, data }: EventSourceMessage): RunEvent | undefined {
  if (event === undefined || !['run', 'step', 'resource', 'change', 'check'].includes(event))
    return undefined;
  let value: unknown;
  try {
    value = JSON.parse(data);
  } catch (cause) {
    throw commandError('unexpected_answer', 'The control plane sent an event that is no JSON.', { cause });
  }
  const checked = runEventSchema.safeParse(value);
  if (checked.success) return checked.data;
  throw commandError(
    'unexpected_answer',
    'The control plane sent an event that this version does not understand.',
    {
      hint: 'See `npx lumenality doctor` for the versions of both sides.',
      cause: checked.error,
    },
  );
}

/** What broke, if it may mend by itself; anything else is thrown on. */
export function reasonToTryAgain(error: unknown, signal: AbortSignal): string {
  signal.throwIfAborted();
  if (!(error instanceof CommandError)) return networkFault(error).words;
  const mayMend = error.exitCode === exitCodes.unreachable || error.problem.status === 429;
  if (!mayMend) throw error;
  return error.cause === undefined ? error.problem.detail : networkFault(error.cause).words;
}
