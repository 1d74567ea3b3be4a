/** How long a step is tried again by itself after errors that may pass. All in milliseconds. */
export interface RetryPolicy {
  /** Before the second attempt; doubles each time, and a random part of it is taken off. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** For waiting and trying in vain; whatever gets further fills it up again. */
  readonly budgetMs: number;
}

export const standardRetry: RetryPolicy = {
  firstDelayMs: 1_000,
  longestDelayMs: 30_000,
  budgetMs: 5 * 60_000,
};

/** An attempt that fails counts with this at most: how long it took says more of what went well in it than of the fault. */
const longestAttemptMs = 60_000;

/**
 * What one step may still spend on errors that may pass. A deployment of half an hour meets more of them than any count of attempts
 * allows, so the measure is time without progress: a resource that was told of, or a checkpoint that no attempt reached before.
 */
export class RetryBudget {
  readonly #policy: RetryPolicy;
  #spentMs = 0;
  #tries = 0;
  #furthest = 0;
  #reached = 0;
  #begunAt = performance.now();

  constructor(policy: RetryPolicy) {
    this.#policy = policy;
  }

  beginAttempt(): void {
    this.#reached = 0;
    this.#begunAt = performance.now();
  }

  passCheckpoint(): void {
    this.#reached += 1;
  }

  /** Something was done that an earlier attempt had not done: the next error is the first one again. */
  refill(): void {
    this.#spentMs = 0;
    this.#tries = 0;
  }

  /** After an attempt that failed: how long to wait for the next one, in milliseconds; undefined when the budget is used up. */
  nextDelay(): number | undefined {
    if (this.#reached > this.#furthest) {
      this.#furthest = this.#reached;
      this.refill();
    } else {
      this.#spentMs += Math.min(performance.now() - this.#begunAt, longestAttemptMs);
    }
    const { firstDelayMs, longestDelayMs, budgetMs } = this.#policy;
    const full = Math.min(firstDelayMs * 2 ** this.#tries, longestDelayMs);
    const waitMs = Math.round(full * (1 - Math.random() / 2));
    this.#tries += 1;
    this.#spentMs += waitMs;
    return this.#spentMs > budgetMs ? undefined : waitMs;
  }
}
