import { setTimeout as delay } from 'node:timers/promises';
import { DomainError } from '../domain/errors.ts';
import type { Glance } from '../ports/stack-deployments.ts';

/** How often a cell is looked at. */
export interface Pace {
  /** Milliseconds between two lists of a cell's operations; a list of several pages is followed by as many times that. */
  readonly listEveryMs: number;
  /** Milliseconds, at least, between two looks at the events of one stack that is only going on. */
  readonly eventsEveryMs: number;
}

/** Operations under way, status by stack id, and how many pages that took. */
export interface UnderWay {
  readonly statuses: ReadonlyMap<string, string>;
  readonly pages: number;
}

export interface StackWatch {
  /** As in `StackDeployments`. */
  readonly glance: (stackId: string, signal?: AbortSignal) => Promise<Glance>;
  /** Ends every wait. */
  close(): void;
}

interface Waiting {
  readonly stackId: string;
  readonly resolve: (glance: Glance) => void;
  readonly reject: (reason: unknown) => void;
}

/** A list that takes longer is followed by a longer rest: a busy machine slows its lists down by itself. */
const restShare = 4;

/** After so many times the pace a stack's last turn does not matter any more, and most likely it is followed no more. */
const forgetAfter = 100;

/** So many lists fail in a row, for a reason that may pass, before those who wait are told. */
const failuresInARow = 3;

/**
 * Looks at one cell for all who follow a stack there: one list, again and again while anybody waits, answers all of them.
 * @param list reads what is under way now
 * @param spare takes up to so many turns to read events, and answers how many it got
 */
export function watchStacks(
  list: (signal: AbortSignal) => Promise<UnderWay>,
  pace: Pace,
  spare: (count: number) => Promise<number>,
): StackWatch {
  const closing = new AbortController();
  const waiting = new Set<Waiting>();
  const turns = eventTurns(pace.eventsEveryMs, spare);
  let restUntil = 0;
  let failures = 0;
  let looking = false;

  const look = async (): Promise<void> => {
    await delay(Math.max(0, restUntil - performance.now()), undefined, { signal: closing.signal });
    // Those who ask while the list is being read wait for the next one: what they hear was so after they asked.
    const asked = [...waiting];
    const begun = performance.now();
    const { statuses, pages } = await list(closing.signal);
    const tookMs = performance.now() - begun;
    restUntil = performance.now() + Math.max(pace.listEveryMs * pages, tookMs * restShare);
    const withTurn = await turns(asked.map(({ stackId }) => stackId).filter((id) => statuses.has(id)));
    failures = 0;
    for (const one of asked) {
      waiting.delete(one);
      one.resolve({ status: statuses.get(one.stackId), turn: withTurn.has(one.stackId) });
    }
  };
  const failed = (error: unknown): void => {
    failures += 1;
    restUntil = performance.now() + pace.listEveryMs;
    if (error instanceof DomainError && error.retryable && failures < failuresInARow) return;
    failures = 0;
    for (const one of waiting) one.reject(error);
    waiting.clear();
  };
  const lookWhileAnybodyWaits = async (): Promise<void> => {
    if (looking) return;
    looking = true;
    while (waiting.size > 0) await look().catch(failed);
    looking = false;
  };

  return {
    glance: (stackId, signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        closing.signal.throwIfAborted();
        const one: Waiting = {
          stackId,
          resolve: (glance) => {
            signal?.removeEventListener('abort', givenUp);
            resolve(glance);
          },
          reject: (reason) => {
            signal?.removeEventListener('abort', givenUp);
            reject(reason);
          },
        };
        function givenUp(): void {
          waiting.delete(one);
          one.reject(signal?.reason);
        }
        signal?.addEventListener('abort', givenUp, { once: true });
        waiting.add(one);
        void lookWhileAnybodyWaits();
      }),
    close: () => closing.abort(new DomainError('unavailable', 'The control plane is stopping.')),
  };
}

/** Who may read events: each stack no more often than `everyMs`, and first the one that has waited longest. */
function eventTurns(
  everyMs: number,
  spare: (count: number) => Promise<number>,
): (stackIds: readonly string[]) => Promise<ReadonlySet<string>> {
  const lastTurn = new Map<string, number>();
  return async (stackIds) => {
    const now = performance.now();
    for (const [id, at] of lastTurn) if (now - at > forgetAfter * everyMs) lastTurn.delete(id);
    const due = [...new Set(stackIds)]
      .map((id) => ({ id, at: lastTurn.get(id) ?? Number.NEGATIVE_INFINITY }))
      .filter(({ at }) => now - at >= everyMs)
      .sort((a, b) => a.at - b.at);
    if (due.length === 0) return new Set();
    const granted = due.slice(0, await spare(due.length)).map(({ id }) => id);
    for (const id of granted) lastTurn.set(id, now);
    return new Set(granted);
  };
}
