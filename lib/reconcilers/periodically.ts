import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../ports/log.ts';

/** Work that repeats until it is stopped. */
export interface Repeating {
  /** Resolves when the pass in work, if any, has ended. */
  stop(): Promise<void>;
}

/** Repeats `pass`, `everyMs` after the end of the one before. A pass that fails is logged, and the next one tries again. */
export function periodically(
  name: string,
  everyMs: number,
  log: Log,
  pass: (signal: AbortSignal) => Promise<void>,
): Repeating {
  const stopping = new AbortController();
  const { signal } = stopping;
  const loop = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await pass(signal);
      } catch (error) {
        if (!signal.aborted)
          log.error({ err: error, reconciler: name }, 'a pass failed; the next one tries again');
      }
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  };
  const running = loop();
  return {
    stop: async () => {
      stopping.abort();
      await running;
    },
  };
}
