import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import type { Database } from '../../lib/db/database.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import { readRun, requestCancel, requeueRun } from '../../lib/db/run-store.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { StepContext, WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { openEmbeddedTestDatabase } from '../builders/database.ts';
import { mortal } from '../builders/mortal-database.ts';
import { eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';

const stepNames = ['one', 'two', 'three'] as const;
type StepName = (typeof stepNames)[number];
const count = z.object({ count: z.number() });

/** Three steps that each add one to what the step before returned; `behave` may make any of them do something else. */
function counting(behave: (step: StepName, context: StepContext) => Promise<void> = async () => undefined) {
  const calls: string[] = [];
  const hooks: string[] = [];
  const definition: WorkflowDefinition = {
    name: 'provision-practice',
    steps: stepNames.map((name, place) => ({
      name,
      output: count,
      run: async (context) => {
        calls.push(name);
        await behave(name, context);
        const before = stepNames[place - 1];
        return {
          count: before === undefined ? 1 : context.outputOf({ name: before, output: count }).count + 1,
        };
      },
    })),
    failed: async (_trx, _run, error) => {
      hooks.push(`failed: ${error.message}`);
    },
    cancel: async (context) => {
      await context.checkpoint();
      hooks.push('cancel');
      return ['a key, because it cannot be removed at once'];
    },
    cancelled: async () => {
      hooks.push('cancelled');
    },
  };
  return { definition, calls, hooks };
}

describe('the run engine', () => {
  let database: Database;
  let engine: RunEngine | undefined;
  let serial = 0;

  beforeAll(async () => {
    database = await openEmbeddedTestDatabase();
  });
  afterEach(() => engine?.stop());
  afterAll(() => database.close());

  const patient = 60_000;
  const start = async (
    definition: WorkflowDefinition,
    on = database,
    budgetMs = patient,
  ): Promise<RunEngine> => {
    const started = createRunEngine({
      database: on,
      definitions: [definition],
      clock: { now: () => new Date() },
      log: silent,
      concurrency: 2,
      retry: { firstDelayMs: 5, longestDelayMs: 40, budgetMs },
    });
    await started.start();
    engine = started;
    return started;
  };
  const enqueue = (engine: RunEngine): Promise<string> => {
    serial += 1;
    return insertPracticeRun(
      database.db,
      { practiceId: `practice-${serial}`, steps: stepNames },
      (trx, run) => engine.queue.enqueue(trx, run),
    );
  };
  const again = (engine: RunEngine, change: typeof requeueRun, runId: string): Promise<void> =>
    database.db.transaction().execute(async (trx) => {
      const run = await change(trx, runId);
      if (run === undefined) throw new Error('wrong state');
      await engine.queue.enqueue(trx, run);
    });
  const eventsOf = async (runId: string): Promise<string[]> => {
    const events = await listRunEvents(database.db, runId, { afterSeq: 0, limit: 100 });
    return events.map(({ body }) =>
      body.kind === 'step'
        ? `${body.step} ${body.state} ${body.attempt}`
        : body.kind === 'run'
          ? `run ${body.state}`
          : '',
    );
  };

  test('runs each step once, in order, and hands each its predecessor’s output', async () => {
    const { definition, calls } = counting();
    const runId = await enqueue(await start(definition));
    const run = await runIn(database.db, runId, 'succeeded');
    expect(calls).toEqual(['one', 'two', 'three']);
    expect(run.steps.map(({ state, output }) => ({ state, output }))).toEqual(
      [1, 2, 3].map((value) => ({ state: 'succeeded', output: { count: value } })),
    );
    expect(await eventsOf(runId)).toEqual([
      'run running',
      ...stepNames.flatMap((step) => [`${step} running 1`, `${step} succeeded 1`]),
      'run succeeded',
    ]);
  });

  test.each(stepNames)(
    'a failure in step %s ends the run with the reason; a retry goes on from there',
    async (failing) => {
      let broken = true;
      const { definition, calls, hooks } = counting(async (step) => {
        if (step !== failing || !broken) return;
        throw new DomainError('deployment_failed', 'The subnet is full.', {
          context: {
            nextAction: 'Free an address.',
            resource: { stackName: 's', logicalId: 'L', type: 'T', reason: 'full' },
          },
        });
      });
      const started = await start(definition);
      const runId = await enqueue(started);
      const failed = await runIn(database.db, runId, 'failed');
      expect(failed.error).toEqual({
        code: 'deployment_failed',
        message: 'The subnet is full.',
        step: failing,
        resource: { stackName: 's', logicalId: 'L', type: 'T', reason: 'full' },
        retryable: false,
        nextAction: 'Free an address.',
      });
      expect(hooks).toEqual(['failed: The subnet is full.']);

      broken = false;
      const before = calls.length;
      await again(started, requeueRun, runId);
      const run = await runIn(database.db, runId, 'succeeded');
      expect(calls.slice(before)).toEqual(stepNames.slice(stepNames.indexOf(failing)));
      expect(run.error).toBeNull();
      expect(run.steps.find((step) => step.name === failing)?.attempt).toBe(2);
    },
  );

  test('an error that may pass is tried again by itself, and each attempt is on record', async () => {
    let tries = 0;
    const { definition } = counting(async (step) => {
      if (step === 'two') tries += 1;
      if (step === 'two' && tries < 3)
        throw new DomainError('cloud_failure', 'Rate exceeded.', { retryable: true });
    });
    const runId = await enqueue(await start(definition));
    const run = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(run.state).toBe('succeeded');
    expect(await eventsOf(runId)).toEqual(
      expect.arrayContaining([
        'two failed 1',
        'two running 2',
        'two failed 2',
        'two running 3',
        'two succeeded 3',
      ]),
    );
  });

  test('it stops trying in the end, and an unknown error says nothing that could be secret', async () => {
    const { definition, calls } = counting(async (step) => {
      if (step === 'one') throw new DomainError('cloud_failure', 'Rate exceeded.', { retryable: true });
    });
    const runId = await enqueue(await start(definition, database, 500));
    await runIn(database.db, runId, 'failed');
    expect(calls.length).toBeGreaterThan(1);
    expect(new Set(calls)).toEqual(new Set(['one']));
    await engine?.stop();

    const leaky = counting(async () => {
      throw new Error('password=hunter2');
    });
    const leakyRun = await runIn(database.db, await enqueue(await start(leaky.definition)), 'failed');
    expect(leakyRun.error?.code).toBe('internal');
    expect(
      JSON.stringify([leakyRun, await listRunEvents(database.db, leakyRun.id, { afterSeq: 0, limit: 100 })]),
    ).not.toContain('hunter2');
  });

  test.each(stepNames)(
    'killed in the middle of step %s, the next engine finishes without repeating what was done',
    async (hanging) => {
      const process = mortal(database);
      const dead = counting(async (step, context) => {
        if (step !== hanging) return;
        for (;;) {
          await context.checkpoint();
          await delay(5);
        }
      });
      const first = await start(dead.definition, process.database);
      const runId = await enqueue(first);
      await eventually(`step ${hanging} to run`, () => dead.calls.find((call) => call === hanging));
      process.kill();

      const alive = counting();
      await start(alive.definition);
      const run = await runIn(database.db, runId, 'succeeded');
      expect(alive.calls).toEqual(stepNames.slice(stepNames.indexOf(hanging)));
      expect(run.steps.find((step) => step.name === hanging)?.attempt).toBe(2);
      process.bury();
      await first.stop();
    },
  );

  test('work that was superseded cannot write: neither results nor events nor its own transaction', async () => {
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const refused: string[] = [];
    const slow = counting(async (step, context) => {
      if (step !== 'two') return;
      await held;
      for (const write of [context.checkpoint(), context.emit({ kind: 'run', state: 'failed' })]) {
        await write.catch((error: Error) => refused.push(error.name));
      }
    });
    const started = await start(slow.definition);
    const runId = await enqueue(started);
    await eventually('step two to run', () => slow.calls.find((call) => call === 'two'));
    await again(started, requestCancel, runId);
    release();
    const run = await runIn(database.db, runId, 'cancelled');
    expect(refused).toEqual(['Superseded', 'Superseded']);
    expect(run.kept).toEqual(['a key, because it cannot be removed at once']);
    expect(run.steps.map((step) => step.state)).toEqual(['succeeded', 'skipped', 'skipped']);
    expect(slow.calls).not.toContain('three');
    expect(slow.hooks).toEqual(['cancel', 'cancelled']);
    expect(await eventsOf(runId)).not.toContain('run failed');
  });

  test('a cancel that fails says so, and a retry goes through every step again', async () => {
    const workflow = counting();

    let broken = true;
    const definition: WorkflowDefinition = {
      ...workflow.definition,
      steps: workflow.definition.steps.map((step) =>
        step.name === 'three'
          ? { ...step, run: async () => Promise.reject(new DomainError('deployment_failed', 'no')) }
          : step,
      ),
      cancel: async (context) => {
        if (broken) throw new DomainError('cloud_failure', 'The stack cannot be deleted.');
        return workflow.definition.cancel(context);
      },
    };
    const started = await start(definition);
    const runId = await enqueue(started);
    await runIn(database.db, runId, 'failed');
    await again(started, requestCancel, runId);
    const failed = await eventually('the cancel to fail', async () => {
      const run = await readRun(database.db, runId);
      return run?.error?.step === 'cancel' ? run : undefined;
    });
    expect(failed.steps.every((step) => step.state === 'pending')).toBe(true);
    broken = false;
    await again(started, requestCancel, runId);
    await runIn(database.db, runId, 'cancelled');
  });

  test('an open run that lost its job is taken up again, once', async () => {
    const { definition, calls } = counting();
    const started = await start(definition);
    serial += 1;
    const runId = await insertPracticeRun(
      database.db,
      { practiceId: `practice-${serial}`, steps: stepNames },
      async () => undefined,
    );
    const recovered = await Promise.all([started.recover(), started.recover()]);
    expect(recovered.flat()).toEqual([runId]);
    await runIn(database.db, runId, 'succeeded');
    expect(calls).toEqual(['one', 'two', 'three']);
  });
});
