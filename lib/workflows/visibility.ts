import { setTimeout as delay } from 'node:timers/promises';
import { isMissing } from '../domain/errors.ts';
import type { RunContext } from '../runs/workflow.ts';

/**
 * How long a thing that was made a moment ago may stay unseen before it counts as missing: the reads of AWS catch up with its writes within
 * seconds ("Eventual consistency in the Amazon EC2 API").
 */
export const visibleWithinMs = 10_000;

const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** What a wait needs of a run's context. */
type Patient = Partial<Pick<RunContext, 'signal' | 'checkpoint'>>;

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
    await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
    await checkpoint?.();
  }
}

/**
 * Asks for what was made a moment ago; as long as AWS says that it is not there, asks again for a bounded time.
 * @throws DomainError what the last question was answered with
 */
export async function readOnceVisible<T>(
  patient: Patient,
  question: () => Promise<T>,
  withinMs: number = visibleWithinMs,
): Promise<T> {
  let unseen: unknown;
  const seen = await onceVisible(
    patient,
    async () => {
      try {
        return { value: await question() };
      } catch (error) {
        if (!isMissing(error)) throw error;
        unseen = error;
        return undefined;
      }
    },
    withinMs,
  );
  if (seen === undefined) throw unseen;
  return seen.value;
}
