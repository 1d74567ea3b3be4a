import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { DomainError } from '../lib/domain/errors.ts';
import { listRunEvents, type RunEvent, readRun } from '../lib/use-cases/read-runs.ts';
import type { AppDeps } from './deps.ts';
import { toRunEvent } from './serialise.ts';

const batch = 200;
const endedStates: readonly string[] = ['succeeded', 'failed', 'cancelled'];
/** After this a stream ends and its reader connects again, so that a revoked token is noticed. Milliseconds. */
const longest = 15 * 60_000;
/** How long a reader waits before it connects again, in milliseconds. */
const retry = 1_000;

export interface EventStreams {
  /** Server-Sent Events of a run after `afterSeq`. @throws DomainError `unavailable` when too many are open. */
  open(runId: string, afterSeq: number): Readable;
  /** Ends every open stream; readers connect again with Last-Event-ID. */
  endAll(): void;
}

/** Streams that ask the store for news: rows are the only truth, so a stream may be served by any replica. */
export function eventStreams(deps: AppDeps, maximum: number): EventStreams {
  const open = new Set<AbortController>();
  const endAll = (): void => {
    for (const ending of open) ending.abort();
  };
  deps.stopping?.addEventListener('abort', endAll, { once: true });
  return {
    open: (runId, afterSeq) => {
      if (deps.stopping?.aborted === true) {
        throw new DomainError('unavailable', 'This process is about to stop. Connect again.', {
          retryable: true,
        });
      }
      if (open.size >= maximum) {
        throw new DomainError('unavailable', 'Too many event streams are open. Try again later.', {
          retryable: true,
        });
      }
      const ending = new AbortController();
      open.add(ending);
      const stream = Readable.from(follow(deps, runId, afterSeq, ending.signal), { objectMode: false });
      // Ended, failed, or its reader gone.
      stream.once('close', () => {
        open.delete(ending);
        ending.abort();
      });
      return stream;
    },
    endAll,
  };
}

async function* follow(
  { core, log, eventStream }: AppDeps,
  runId: string,
  afterSeq: number,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const { pollInterval, heartbeatInterval } = eventStream ?? { pollInterval: 250, heartbeatInterval: 15_000 };
  let last = afterSeq;
  let isEnded = endedStates.includes((await readRun(core, runId)).state);
  const startedAt = performance.now();
  let quietSince = startedAt;
  yield waitFor(retry);
  try {
    while (!signal.aborted && performance.now() - startedAt < longest) {
      const events = await listRunEvents(core, runId, { afterSeq: last, limit: batch });
      for (const event of events) {
        last = event.seq;
        isEnded = endsRun(event, isEnded);
      }
      if (events.length > 0) {
        quietSince = performance.now();
        yield events.map(frame).join('');
      }
      if (events.length === batch) continue;
      if (isEnded) {
        yield 'event: end\ndata: {}\n\n';
        return;
      }
      if (performance.now() - quietSince >= heartbeatInterval) {
        quietSince = performance.now();
        yield ': still here\n\n';
      }
      await sleep(pollInterval, undefined, { signal }).catch(ignoreAbort);
    }
    // Readers of a process that ends come back one after the other, not all at once.
    if (signal.aborted) yield waitFor(retry * (1 + Math.random()));
  } catch (error) {
    // The answer has begun, so no problem document can follow: the reader sees the cut and connects again.
    log.error({ err: error, runId }, 'an event stream broke off');
    throw error;
  }
}

/** Whether the run has ended, as far as this event tells; a retry after a failure opens it again. */
function endsRun(event: RunEvent, before: boolean): boolean {
  return event.body.kind === 'run' ? endedStates.includes(event.body.state) : before;
}

function frame(event: RunEvent): string {
  return `id: ${event.seq}\nevent: ${event.body.kind}\ndata: ${JSON.stringify(toRunEvent(event))}\n\n`;
}

/** When the reader shall connect again after the end of the stream (HTML Standard, "Server-sent events"). */
function waitFor(milliseconds: number): string {
  return `retry: ${Math.round(milliseconds)}\n\n`;
}

/** An aborted wait is how a stream is told to end; anything else is a fault. */
function ignoreAbort(error: unknown): void {
  if (!(error instanceof Error) || error.name !== 'AbortError') throw error;
}
