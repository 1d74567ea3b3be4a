import { setTimeout as delay } from 'node:timers/promises';
import type { RunContext } from '../runs/workflow.ts';

/**
 * How long a thing that was made a moment ago may stay unseen before it counts as missing: the reads of AWS catch up with its writes within
 * seconds ("Eventual consistency in the Amazon EC2 API").
 */
export const visibleWithinMs = 20_000;

const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** What a wait needs of a run's context. */
type Patient = Pick<RunContext, 'signal' | 'checkpoint'>;

/**
 * Reads until the answer is there, for a bounded time: the first answer that `read` does not leave undefined; undefined when none came. Pauses grow
 * from a tenth of a second to two.
 */
export async function onceVisible<T>(
  { signal, checkpoint }: Patient,
  read: () => Promise<T | undefined>,
  withinMs: number = visibleWithinMs,
): Promise<T | undefined> {
  const deadline = performance.now() + withinMs;
  for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
    const answer = await read();
    if (answer !== undefined || performance.now() + pauseMs > deadline) return answer;
    await delay(pauseMs, undefined, { signal });
    await checkpoint();
  }
}
