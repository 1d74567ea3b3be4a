import { setTimeout as delay } from 'node:timers/promises';
import type { Db, Trx } from '../db/database.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import {
  finishRun,
  finishStep,
  type Run,
  type RunClaim,
  readRun,
  reopenSteps,
  skipOpenSteps,
  startRun,
  startStep,
} from '../db/run-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { RunError } from '../domain/run.ts';
import { type Fence, fenced, type JournalParts, runContext } from './journal.ts';
import { runErrorFrom } from './run-failure.ts';
import { Superseded } from './superseded.ts';
import type {
  Kept,
  RunContext,
  StepContext,
  StepDefinition,
  StepOutput,
  WorkflowDefinition,
} from './workflow.ts';

/** How often and how soon a step is tried again by itself after an error that may pass. */
export interface RetryPolicy {
  /** All attempts of one step in one generation, the first included. */
  readonly attempts: number;
  /** Before the second attempt; doubles each time, and a random part of it is taken off. */
  readonly firstDelayMs: number;
}

export interface ExecutionParts extends JournalParts {
  readonly retry: RetryPolicy;
}

/**
 * Does what is left to do of one run, for one generation. Returns when the run has ended, or at once when another
 * generation is in charge. Throws only when this process stops, lost its claim, or cannot reach the database:
 * the queue then hands the run to another worker.
 */
export async function executeRun(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  claim: RunClaim,
  signal: AbortSignal,
): Promise<void> {
  try {
    const run = await readRun(parts.db, claim.id);
    if (run === undefined || run.generation !== claim.generation) return;
    if (run.state === 'cancelling') await cancelRun(parts, definition, run, signal);
    else await workThrough(parts, definition, claim, signal);
  } catch (error) {
    if (!(error instanceof Superseded)) throw error;
    parts.log.info({ runId: claim.id, generation: claim.generation }, `stopped: ${error.message}`);
  }
}

async function workThrough(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  claim: RunClaim,
  signal: AbortSignal,
): Promise<void> {
  const run = await beginRun(parts, definition, claim);
  if (run === undefined) return;
  const journal = await journalOf(parts.db, run.id);
  const fence: Fence = { ...claim, state: 'running' };
  for (const step of definition.steps) {
    if (journal.get(step.name)?.state === 'succeeded') continue;
    const last = step === definition.steps.at(-1);
    const succeeded = await attemptStep(parts, { definition, step, run, fence, last }, journal, signal);
    if (!succeeded) return;
  }
}

interface JournalEntry {
  readonly state: string;
  readonly output: unknown;
}

async function journalOf(db: Db, runId: string): Promise<Map<string, JournalEntry>> {
  const run = await readRun(db, runId);
  return new Map(run?.steps.map((step) => [step.name, { state: step.state, output: step.output }]));
}

function beginRun(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  claim: RunClaim,
): Promise<Run | undefined> {
  return parts.db.transaction().execute(async (trx) => {
    const now = parts.clock.now();
    const begun = await startRun(trx, claim, now);
    if (begun?.wasQueued) {
      await definition.begun?.(trx, begun.run, now);
      await appendRunEvents(trx, claim.id, [{ kind: 'run', state: 'running' }], now);
    }
    return begun?.run;
  });
}

interface StepWork {
  readonly definition: WorkflowDefinition;
  readonly step: StepDefinition;
  readonly run: Run;
  readonly fence: Fence;
  /** The run succeeds in the transaction in which its last step does. */
  readonly last: boolean;
}

/** Tries a step until it succeeds; false when it failed for good or has used up its attempts, and the run with it. */
async function attemptStep(
  parts: ExecutionParts,
  work: StepWork,
  journal: Map<string, JournalEntry>,
  signal: AbortSignal,
): Promise<boolean> {
  for (let tries = 1; ; tries += 1) {
    signal.throwIfAborted();
    const context = await beginStep(parts, work, journal, signal);
    try {
      const output = work.step.output.parse(await work.step.run(context));
      await context.write((trx) => recordSuccess(parts, trx, work, context, output));
      journal.set(work.step.name, { state: 'succeeded', output });
      return true;
    } catch (error) {
      if (error instanceof Superseded || signal.aborted) throw error;
      const failure = runErrorFrom(error, { runId: work.run.id, step: work.step.name });
      const again = error instanceof DomainError && error.retryable && tries < parts.retry.attempts;
      const waitMs = again ? backoff(parts.retry, tries) : undefined;
      parts.log.error({ err: error, runId: work.run.id, step: work.step.name, waitMs }, 'step failed');
      await context.write((trx) => recordStepFailure(parts, trx, work, context, failure, waitMs));
      if (waitMs === undefined) return false;
      await delay(waitMs, undefined, { signal });
    }
  }
}

async function beginStep(
  parts: ExecutionParts,
  { step, run, fence }: StepWork,
  journal: ReadonlyMap<string, JournalEntry>,
  signal: AbortSignal,
): Promise<StepContext> {
  const attempt = await fenced(parts, fence, async (trx) => {
    const now = parts.clock.now();
    const attempt = await startStep(trx, run.id, step.name, now);
    const event = { kind: 'step', step: step.name, state: 'running', attempt } as const;
    await appendRunEvents(trx, run.id, [event], now);
    return attempt;
  });
  const held: Fence = { ...fence, step: { name: step.name, attempt } };
  return {
    ...runContext(parts, run, held, signal, step.name),
    step: step.name,
    attempt,
    outputOf: <Output>(earlier: StepOutput<Output>): Output => {
      const entry = journal.get(earlier.name);
      if (entry?.state !== 'succeeded') throw new Error(`step ${earlier.name} has not succeeded yet`);
      return earlier.output.parse(entry.output);
    },
  };
}

async function recordSuccess(
  parts: ExecutionParts,
  trx: Trx,
  { step, run, fence, last }: StepWork,
  context: StepContext,
  output: unknown,
): Promise<void> {
  const now = parts.clock.now();
  await step.commit?.(trx, output, context);
  await finishStep(trx, run.id, step.name, { state: 'succeeded', output, now });
  const { attempt } = context;
  const event = { kind: 'step', step: step.name, state: 'succeeded', attempt } as const;
  await appendRunEvents(trx, run.id, [event], now);
  if (!last) return;
  await finishRun(trx, fence, { from: 'running', to: 'succeeded', now });
  await appendRunEvents(trx, run.id, [{ kind: 'run', state: 'succeeded' }], now);
}

async function recordStepFailure(
  parts: ExecutionParts,
  trx: Trx,
  { definition, step, run, fence }: StepWork,
  { attempt }: StepContext,
  error: RunError,
  waitMs: number | undefined,
): Promise<void> {
  const now = parts.clock.now();
  await finishStep(trx, run.id, step.name, { state: 'failed', error, now });
  const message =
    waitMs === undefined
      ? error.message
      : `${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} seconds.`;
  await appendRunEvents(
    trx,
    run.id,
    [{ kind: 'step', step: step.name, state: 'failed', attempt, message }],
    now,
  );
  if (waitMs !== undefined) return;
  await finishRun(trx, fence, { from: 'running', to: 'failed', error, now });
  await definition.failed(trx, run, error, now);
  await appendRunEvents(trx, run.id, [{ kind: 'run', state: 'failed', message: error.message }], now);
}

async function cancelRun(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  run: Run,
  signal: AbortSignal,
): Promise<void> {
  const fence: Fence = { id: run.id, generation: run.generation, state: 'cancelling' };
  const context = runContext(parts, run, fence, signal, 'cancel');
  try {
    const kept = await removed(parts, definition, context);
    await context.write(async (trx) => {
      const now = parts.clock.now();
      const skipped = await skipOpenSteps(trx, run.id, now);
      await finishRun(trx, run, { from: 'cancelling', to: 'cancelled', error: null, kept, now });
      await definition.cancelled(trx, run, kept, now);
      await appendRunEvents(
        trx,
        run.id,
        [
          ...skipped.map(({ name, attempt }) => ({
            kind: 'step' as const,
            step: name,
            state: 'skipped' as const,
            attempt,
          })),
          { kind: 'run', state: 'cancelled', ...(kept.length === 0 ? {} : { message: kept.join(' ') }) },
        ],
        now,
      );
    });
  } catch (error) {
    if (error instanceof Superseded || signal.aborted) throw error;
    parts.log.error({ err: error, runId: run.id }, 'cancel failed');
    const failure = cancelFailure(error, run.id);
    await context.write(async (trx) => {
      const now = parts.clock.now();
      // Part of what the steps made may be gone: a retry goes through all of them again.
      await reopenSteps(trx, run.id);
      await finishRun(trx, run, { from: 'cancelling', to: 'failed', error: failure, now });
      await definition.failed(trx, run, failure, now);
      await appendRunEvents(trx, run.id, [{ kind: 'run', state: 'failed', message: failure.message }], now);
    });
  }
}

/** The removal, tried again by itself after an error that may pass. */
async function removed(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  context: RunContext,
): Promise<Kept> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await definition.cancel(context);
    } catch (error) {
      const mayPass = error instanceof DomainError && error.retryable;
      if (!mayPass || context.signal.aborted || tries >= parts.retry.attempts) throw error;
      parts.log.warn({ err: error, runId: context.run.id }, 'cancel failed and is tried again');
      await delay(backoff(parts.retry, tries), undefined, { signal: context.signal });
    }
  }
}

function cancelFailure(error: unknown, runId: string): RunError {
  const failure = runErrorFrom(error, { runId, step: 'cancel' });
  return {
    ...failure,
    nextAction: `Cancel the run again to go on with the removal, or retry it to go on after all. ${failure.nextAction}`,
  };
}

/** Exponential, with up to half of it taken off at random, so that many runs do not come back at the same moment. */
function backoff(policy: RetryPolicy, tries: number): number {
  const full = policy.firstDelayMs * 2 ** (tries - 1);
  return Math.round(full * (1 - Math.random() / 2));
}
