import type { CallKind } from '../domain/call-budget.ts';

/** What all replicas together may ask of one cell's CloudFormation: taken before each call, told of each refusal. */
export interface CallBudget {
  /**
   * Resolves when a call of this kind may leave. Waits as long as that takes; a wait that `signal` ends takes nothing.
   * @throws DomainError `unavailable`, retryable, when the database does not answer: a call never leaves without its budget.
   */
  take(cellId: string, kind: CallKind, signal?: AbortSignal): Promise<void>;
  /** Takes up to `count` calls that may leave at once, without waiting for any; answers how many. */
  takeSpare(cellId: string, kind: CallKind, count: number): Promise<number>;
  /** AWS throttled a call of this kind: the rate goes down for everybody. */
  throttled(cellId: string, kind: CallKind): Promise<void>;
}
