import type { z } from 'zod';
import type { Db, Trx } from '../db/database.ts';
import type { Run } from '../db/run-store.ts';
import type { RunError, RunEventBody, Workflow } from '../domain/run.ts';
import type { Log } from '../ports/log.ts';

/** What work on a run may use. Everything that writes is fenced: work that was superseded cannot write. */
export interface RunContext {
  readonly run: Run;
  /** For reads; writes go through `write` or a step's `commit`. */
  readonly db: Db;
  /** Aborts when this process stops or has lost its claim on the run. Pass it to every wait and call. */
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly now: () => Date;
  /**
   * A client request token (AWS: at most 64 letters and digits) for one action of this step: the same in every attempt,
   * process and generation, so that a repeated call joins the first one. `action` tells apart what must not be joined.
   */
  readonly token: (action: string) => string;
  /** Call before every side effect. Throws when this work was superseded or is to stop; let that error pass. */
  readonly checkpoint: () => Promise<void>;
  /** A transaction that commits only while this work is still the one in charge. Nothing but the database inside. */
  readonly write: <T>(work: (trx: Trx) => Promise<T>) => Promise<T>;
  readonly emit: (...events: readonly RunEventBody[]) => Promise<void>;
}

/** Names an earlier step and the shape of what it left behind. */
export interface StepOutput<Output> {
  readonly name: string;
  readonly output: z.ZodType<Output>;
}

export interface StepContext extends RunContext {
  readonly step: string;
  readonly attempt: number;
  /** What a step before this one returned, checked again as it is read back. */
  readonly outputOf: <Output>(step: StepOutput<Output>) => Output;
}

/**
 * One unit of a workflow. `run` may happen more than once (after a crash, at a retry): it must find what an earlier
 * attempt did. `commit` happens exactly once, in the transaction that records the step as succeeded.
 */
export interface StepDefinition<Output = unknown> extends StepOutput<Output> {
  run(context: StepContext): Promise<Output>;
  commit?(trx: Trx, output: Output, context: StepContext): Promise<void>;
}

/** What a cancelled run left standing: for the operator, in words, with the reason and what to do about it. */
export type Kept = readonly string[];

export interface WorkflowDefinition {
  readonly name: Workflow;
  readonly steps: readonly StepDefinition[];
  /** In the transaction in which work on the run begins, at first and after each retry. */
  begun?(trx: Trx, run: Run, now: Date): Promise<void>;
  /** In the transaction that records the run as failed. */
  failed(trx: Trx, run: Run, error: RunError, now: Date): Promise<void>;
  /** Undoes what is safe to undo; may be repeated after a crash. */
  cancel(context: RunContext): Promise<Kept>;
  /** In the transaction that records the run as cancelled. */
  cancelled(trx: Trx, run: Run, kept: Kept, now: Date): Promise<void>;
}
