import type { Clock } from '../lib/ports/clock.ts';
import { commandError } from './commands/command-error.ts';

/**
 * Time that goes as fast as the machine's and jumps ahead of it, here and in a sandbox alike, so that weeks pass while nothing happens
 * and everything that does happen takes the time that it takes. It never goes back.
 */
export class AcceleratedClock implements Clock {
  #aheadMs = 0;
  readonly #endpoint: string;

  /** @param endpoint of a sandbox whose clock has not been moved yet */
  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  now(): Date {
    return new Date(Date.now() + this.#aheadMs);
  }

  /** Goes on to a moment; nothing when it has passed. The sandbox's goes first: what it measures is never in the control plane's future. */
  async jumpTo(moment: Date): Promise<void> {
    const byMs = moment.getTime() - this.now().getTime();
    if (byMs <= 0) return;
    const response = await fetch(`${this.#endpoint}/_sandbox/clock`, {
      method: 'PUT',
      body: JSON.stringify({ advanceSeconds: byMs / 1_000 }),
    });
    if (!response.ok) {
      throw commandError(
        'unexpected_answer',
        `The sandbox did not move its clock: ${response.status} ${await response.text()}`,
      );
    }
    this.#aheadMs += byMs;
  }
}
