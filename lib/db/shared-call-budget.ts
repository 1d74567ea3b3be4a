import { setTimeout as delay } from 'node:timers/promises';
import { type CallKind, type CallLimits, waitsOf } from '../domain/call-budget.ts';
import type { CallBudget } from '../ports/call-budget.ts';
import { type BucketKey, type Grant, slowDown, takeTokens } from './call-budget-store.ts';
import type { Db } from './database.ts';

/** How far ahead this process takes calls that have to wait: others get their turns in between. Seconds. */
const ahead = 1;

/** How much of a second's calls a question takes at least: a fast bucket is not asked before each call. */
const portion = 0.05;

/** How long calls that nobody needed yet may still leave. */
const keepMs = 1_000;

/** The budget in the database: one bucket for each cell and kind of call, shared by all processes. */
export function sharedCallBudget(db: Db, limits: CallLimits): CallBudget {
  const lines = new Map<string, Line>();
  const lineOf = (cellId: string, kind: CallKind): Line => {
    const key = `${cellId} ${kind}`;
    const line = lines.get(key) ?? openLine(db, { cellId, kind }, limits);
    lines.set(key, line);
    return line;
  };
  return {
    take: (cellId, kind, signal) => lineOf(cellId, kind).join(signal),
    takeSpare: async (cellId, kind, count) => {
      const asked = { count, owing: false };
      return (await takeTokens(db, { cellId, kind }, limits[kind], asked)).granted;
    },
    throttled: (cellId, kind) => slowDown(db, { cellId, kind }, limits[kind]),
  };
}

/** Those of this process who wait for calls of one kind to one cell, first come, first served. */
interface Line {
  join(signal: AbortSignal | undefined): Promise<void>;
}

interface Waiting {
  readonly since: number;
  readonly go: () => void;
  readonly fail: (reason: unknown) => void;
}

function openLine(db: Db, key: BucketKey, limits: CallLimits): Line {
  const { [key.kind]: bounds } = limits;
  const waiting = new Set<Waiting>();
  let spare = { calls: 0, until: 0 };
  let { most: rate } = bounds;
  let waitedMs = 0;
  let serving = false;
  let nobodyWaits = new AbortController();

  const next = (): boolean => {
    const [first] = waiting;
    if (first === undefined) return false;
    waitedMs += performance.now() - first.since;
    waiting.delete(first);
    first.go();
    return true;
  };
  /** Ends early when nobody waits any more. */
  const untilDue = async (due: number): Promise<void> => {
    const left = due - performance.now();
    if (left <= 0 || waiting.size === 0) return;
    nobodyWaits = new AbortController();
    await delay(Math.ceil(left), undefined, { signal: nobodyWaits.signal }).catch(() => undefined);
  };
  const ask = async (): Promise<Grant> => {
    const most = Math.max(1, Math.floor(rate * ahead));
    const count = Math.min(most, Math.max(waiting.size, Math.ceil(rate * portion)));
    const told = waitedMs;
    waitedMs = 0;
    return takeTokens(db, key, bounds, { count, owing: true, waitedMs: told });
  };
  const serve = async (): Promise<void> => {
    if (serving) return;
    serving = true;
    try {
      while (waiting.size > 0) {
        const grant = await ask();
        rate = grant.rate;
        const begun = performance.now();
        for (const waitMs of waitsOf(grant.tokens, grant.rate, grant.granted)) {
          await untilDue(begun + waitMs);
          // What nobody waits for any more before it has come in is lost, and costs those who ask next a little time.
          if (waiting.size === 0 && begun + waitMs > performance.now()) break;
          if (!next()) spare = { calls: spare.calls + 1, until: performance.now() + keepMs };
        }
      }
    } catch (error) {
      for (const one of waiting) one.fail(error);
      waiting.clear();
    } finally {
      serving = false;
    }
  };

  return {
    join: (signal) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        if (spare.until < performance.now()) spare = { calls: 0, until: 0 };
        if (spare.calls > 0) {
          spare = { ...spare, calls: spare.calls - 1 };
          resolve();
          return;
        }
        const leave = (): void => one.fail(signal?.reason);
        const one: Waiting = {
          since: performance.now(),
          go: () => {
            signal?.removeEventListener('abort', leave);
            resolve();
          },
          fail: (reason) => {
            waiting.delete(one);
            if (waiting.size === 0) nobodyWaits.abort();
            signal?.removeEventListener('abort', leave);
            reject(reason);
          },
        };
        signal?.addEventListener('abort', leave, { once: true });
        waiting.add(one);
        void serve();
      }),
  };
}
