import type { Trx } from '../db/database.ts';

/** What a use-case asks of the queue. Enqueueing happens in the caller's transaction: record, audit row and run commit together. */
export interface RunQueue {
  /** Work on the run begins after the transaction commits, one run at a time per practice, in order. */
  enqueue(
    trx: Trx,
    run: { readonly id: string; readonly practiceId: string; readonly generation: number },
  ): Promise<void>;
}
