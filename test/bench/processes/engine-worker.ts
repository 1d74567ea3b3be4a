/**
 * Runs through the engine, without a cloud: `[data directory or postgres:// URL] [runs]` enqueues that many runs of three steps, works on
 * them, and sends `{ seconds }` to its parent. With 0 runs it only works, and each step goes on until its process ends: it sends `{ begun: attempt }`
 * at the beginning of each. With `enqueue` in place of the number it enqueues one run and ends.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { type Database, migrate, openEmbedded, openServer } from '../../../lib/db/database.ts';
import { createRunEngine } from '../../../lib/runs/engine.ts';
import type { StepContext, WorkflowDefinition } from '../../../lib/runs/workflow.ts';
import { insertPracticeRun, silent } from '../../builders/runs.ts';

const [place = '', task = '0'] = process.argv.slice(2);
const steps = ['one', 'two', 'three'];
const insertsAtOnce = 20;
const concurrency = 25;

const database = place.startsWith('postgres') ? openServer(place) : await openEmbedded(place);
await migrate(database.db);
if (task === '0') await createEngine(database, concurrency, hold).start();
else if (task === 'enqueue') await enqueue(database, 1);
else await measure(database, Number(task));
if (task !== '0') {
  await database.close();
  process.disconnect?.();
} else {
  process.send?.({ ready: true });
}

function createEngine(on: Database, atOnce: number, run: (context: StepContext) => Promise<object>) {
  const definition: WorkflowDefinition = {
    name: 'provision-practice',
    steps: steps.map((name) => ({ name, output: z.object({}), run })),
    failed: async () => undefined,
    cancel: async () => [],
    cancelled: async () => undefined,
  };
  return createRunEngine({
    database: on,
    definitions: [definition],
    clock: { now: () => new Date() },
    log: silent,
    concurrency: atOnce,
  });
}

async function hold({ attempt, checkpoint }: StepContext): Promise<object> {
  process.send?.({ begun: attempt });
  for (;;) {
    await checkpoint();
    await delay(200);
  }
}

async function enqueue(on: Database, runs: number): Promise<void> {
  const enqueuer = createEngine(on, 0, hold);
  await enqueuer.start();
  const numbers = Array.from({ length: runs }, (_, place) => place).values();
  const writer = async (): Promise<void> => {
    for (const place of numbers) {
      await insertPracticeRun(on.db, { practiceId: `practice-${place}`, steps }, (trx, run) =>
        enqueuer.queue.enqueue(trx, run),
      );
    }
  };
  await Promise.all(Array.from({ length: insertsAtOnce }, writer));
  await enqueuer.stop();
}

async function measure(on: Database, runs: number): Promise<void> {
  await enqueue(on, runs);
  const engine = createEngine(on, concurrency, async () => ({}));
  const begun = performance.now();
  await engine.start();
  for (let left = runs; left > 0; ) {
    await delay(50);
    const { count } = await on.db
      .selectFrom('run')
      .select((eb) => eb.fn.countAll<number>().as('count'))
      .where('state', '<>', 'succeeded')
      .executeTakeFirstOrThrow();
    left = count;
  }
  process.send?.({ seconds: (performance.now() - begun) / 1000 });
  await engine.stop();
}
