import type { Trx } from '../db/database.ts';
import { isDatabaseFault } from '../db/faults.ts';
import { appendRunEvents } from '../db/run-event-store.ts';
import {
  finishRun,
  finishStep,
  type Run,
  type RunWithSteps,
  readRun,
  reopenSteps,
  skipOpenSteps,
  startRun,
  startStep,
} from '../db/run-store.ts';
import { DomainError } from '../domain/errors.ts';
import type { RunError } from '../domain/run.ts';
import type { Claim } from './claim.ts';
import { type Fence, fenced, type JournalParts, type Pass, runContext } from './journal.ts';
import { RetryBudget, type RetryPolicy } from './retry-budget.ts';
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

export interface ExecutionParts extends JournalParts {
  readonly retry: RetryPolicy;
}

/** How the engine comes to a run's workflow: a definition is a closure over the ports of the cell that the practice lives in. */
export type DefinitionOf = (
  run: Pick<Run, 'id' | 'workflow' | 'practiceId'>,
) => Promise<WorkflowDefinition | undefined>;

/** Before another try of work that failed for a reason which is not the run's, in milliseconds. */
const pauseAfterFaultMs = 5_000;

/**
 * Does what is left to do of one run, for one generation. Returns when the run has ended, or at once when another generation is in
 * charge. A database that is away, or a claim that could not be confirmed for a while, is waited out: then the journal is read again,
 * because nobody knows what of the last statements was committed.
 * @throws ClaimLost when another worker has the run, or is to have it; anything else is a fault of this program. Either way the queue
 * hands the run on.
 */
export async function executeRun(
  parts: ExecutionParts,
  definitionOf: DefinitionOf,
  claim: Claim,
): Promise<void> {
  for (;;) {
    const signal = await claim.begin();
    try {
      await executePass(parts, definitionOf, { claim, signal });
      return;
    } catch (error) {
      if (error instanceof Superseded) {
        parts.log.info({ runId: claim.id, generation: claim.generation }, `stopped: ${error.message}`);
        return;
      }
      const mayGoOn = signal.aborted || isDatabaseFault(error) || error instanceof StepIsDone;
      parts.log[mayGoOn ? 'warn' : 'error'](
        { err: error, runId: claim.id },
        'work on the run was interrupted',
      );
      if (mayGoOn) continue;
      // The queue hands the run on at once: without a pause a fault that stays would keep every worker busy.
      await claim.pause(pauseAfterFaultMs);
      throw error;
    }
  }
}

/** Whoever had the run before finished this step after we had read the journal: it must be read again. */
class StepIsDone extends Error {}

type Begun = Omit<Pass, 'budget'>;

async function executePass(parts: ExecutionParts, definitionOf: DefinitionOf, pass: Begun): Promise<void> {
  const { claim } = pass;
  const run = await readRun(parts.db, claim.id);
  if (run === undefined || run.generation !== claim.generation) return;
  const definition = await definitionOf(run);
  if (definition === undefined) {
    throw new DomainError('configuration', `This process has no workflow for run ${run.id}.`);
  }
  if (run.state === 'cancelling') await cancelRun(parts, definition, run, pass);
  else await workThrough(parts, definition, run, pass);
}

async function workThrough(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  seen: RunWithSteps,
  pass: Begun,
): Promise<void> {
  const run = await beginRun(parts, definition, pass.claim);
  if (run === undefined) return;
  // A step that somebody has finished since then refuses to begin (`StepIsDone`).
  const journal = new Map<string, JournalEntry>(seen.steps.map((step) => [step.name, step]));
  const fence: Fence = { id: run.id, generation: run.generation, state: 'running' };
  for (const step of definition.steps) {
    if (journal.get(step.name)?.state === 'succeeded') continue;
    const last = step === definition.steps.at(-1);
    pass.claim.assertStays();
    const succeeded = await attemptStep(parts, { definition, step, run, fence, last }, journal, pass);
    if (!succeeded) return;
  }
}

interface JournalEntry {
  readonly state: string;
  readonly output: unknown;
}

function beginRun(
  parts: ExecutionParts,
  definition: WorkflowDefinition,
  claim: Claim,
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

/** Tries a step until it succeeds; false when it failed for good or has used up its budget, and the run with it. */
async function attemptStep(
  parts: ExecutionParts,
  work: StepWork,
  journal: Map<string, JournalEntry>,
  begun: Begun,
): Promise<boolean> {
  const pass: Pass = { ...begun, budget: new RetryBudget(parts.retry) };
  for (;;) {
    const context = await beginStep(parts, work, journal, pass);
    try {
      const output = work.step.output.parse(await work.step.run(context));
      await context.write((trx) => recordSuccess(parts, trx, work, context, output));
      journal.set(work.step.name, { state: 'succeeded', output });
      return true;
    } catch (error) {
      if (isInterruption(error, pass.signal)) throw error;
      const failure = runErrorFrom(error, { runId: work.run.id, step: work.step.name });
      const waitMs = mayPass(error) ? pass.budget.nextDelay() : undefined;
      parts.log.error({ err: error, runId: work.run.id, step: work.step.name, waitMs }, 'step failed');
      await context.write((trx) => recordStepFailure(parts, trx, work, context, failure, waitMs));
      if (waitMs === undefined) return false;
      await pass.claim.pause(waitMs);
    }
  }
}

/** Whether the work ended for a reason that is not the step's own. */
function isInterruption(error: unknown, signal: AbortSignal): boolean {
  return error instanceof Superseded || signal.aborted || isDatabaseFault(error);
}

function mayPass(error: unknown): boolean {
  return error instanceof DomainError && error.retryable;
}

async function beginStep(
  parts: ExecutionParts,
  { step, run, fence }: StepWork,
  journal: ReadonlyMap<string, JournalEntry>,
  pass: Pass,
): Promise<StepContext> {
  // A worker that lost its run and does not know it yet must not take the step from the one that has it now.
  pass.claim.assertFresh();
  pass.signal.throwIfAborted();
  pass.budget.beginAttempt();
  const attempt = await fenced(parts, fence, async (trx) => {
    const now = parts.clock.now();
    const attempt = await startStep(trx, run.id, step.name, now);
    if (attempt === undefined) throw new StepIsDone(`step ${step.name} has succeeded already`);
    const event = { kind: 'step', step: step.name, state: 'running', attempt } as const;
    await appendRunEvents(trx, run.id, [event], now);
    return attempt;
  });
  const held: Fence = { ...fence, step: { name: step.name, attempt } };
  return {
    ...runContext(parts, run, held, pass, step.name),
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
      : `${error.message} Trying again in ${(waitMs / 1000).toFixed(1)} seconds, at ${new Date(now.getTime() + waitMs).toISOString()}.`;
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
  begun: Begun,
): Promise<void> {
  const pass: Pass = { ...begun, budget: new RetryBudget(parts.retry) };
  const fence: Fence = { id: run.id, generation: run.generation, state: 'cancelling' };
  const context = runContext(parts, run, fence, pass, 'cancel');
  try {
    const kept = await removed(parts, definition, context, pass);
    await context.write(async (trx) => {
      const now = parts.clock.now();
      const skipped = await skipOpenSteps(trx, run.id, now);
      await finishRun(trx, run, { from: 'cancelling', to: 'cancelled', error: null, kept, now });
      await definition.cancelled(trx, run, kept, now);
      await appendRunEvents(
        trx,
        run.id,
        [
          ...skipped,
          { kind: 'run', state: 'cancelled', ...(kept.length === 0 ? {} : { message: kept.join(' ') }) },
        ],
        now,
      );
    });
  } catch (error) {
    if (isInterruption(error, pass.signal)) throw error;
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
  { claim, signal, budget }: Pass,
): Promise<Kept> {
  for (;;) {
    budget.beginAttempt();
    try {
      return await definition.cancel(context);
    } catch (error) {
      const waitMs = mayPass(error) && !isInterruption(error, signal) ? budget.nextDelay() : undefined;
      if (waitMs === undefined) throw error;
      parts.log.warn({ err: error, runId: context.run.id, waitMs }, 'cancel failed and is tried again');
      await claim.pause(waitMs);
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
