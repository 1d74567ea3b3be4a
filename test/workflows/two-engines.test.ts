import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { type Database, migrate, openServer } from '../../lib/db/database.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { eventually, freePort, type Started, start } from '../builders/process.ts';
import { insertPracticeRun, runIn, silent } from '../builders/runs.ts';

const steps = ['one', 'two', 'three'];
const runs = 12;

/** Two control planes on one PostgreSQL server: what production runs, and what the embedded database cannot show. */
describe('two engines on one database server', () => {
  let directory: string;
  let server: Started;
  const databases: Database[] = [];
  const engines: RunEngine[] = [];

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'lumenality-engines-'));
    // Started by root, the server runs as another user, who makes its own directory in here.
    chmodSync(directory, 0o777);
    const port = await freePort();
    const entry = join(__dirname, '../bench/processes/postgres-server.ts');
    server = start(process.execPath, ['--import', 'tsx', entry, join(directory, 'data'), String(port)], {});
    for (let opened = 0; opened < 2; opened += 1) {
      databases.push(
        openServer(`postgres://lumenality:bench@127.0.0.1:${port}/lumenality`, { maxConnections: 5 }),
      );
    }
    const [first] = databases;
    if (first === undefined) throw new Error('no database');
    await eventually(
      () =>
        first.db
          .selectNoFrom((eb) => eb.lit(1).as('one'))
          .execute()
          .catch(() => undefined),
      server.output,
      30_000,
    );
    await migrate(first.db);
  }, 60_000);
  afterAll(async () => {
    await Promise.all(engines.map((engine) => engine.stop()));
    await Promise.all(databases.map((database) => database.close()));
    server.child.kill('SIGTERM');
    await server.ended;
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  test('share the runs between them, and each step of each run is run once', async () => {
    const calls: string[] = [];
    const workers = new Map<string, number>();
    const definition = (worker: string): WorkflowDefinition => ({
      name: 'provision-practice',
      steps: steps.map((name) => ({
        name,
        output: z.object({ worker: z.string() }),
        run: async ({ run, checkpoint }) => {
          calls.push(`${run.practiceId} ${name}`);
          workers.set(worker, (workers.get(worker) ?? 0) + 1);
          await checkpoint();
          return { worker };
        },
      })),
      failed: async () => undefined,
      cancel: async () => [],
      cancelled: async () => undefined,
    });
    for (const [place, database] of databases.entries()) {
      const engine = createRunEngine({
        database,
        definitions: [definition(`worker-${place}`)],
        clock: { now: () => new Date() },
        log: silent,
        concurrency: 3,
      });
      await engine.start();
      engines.push(engine);
    }
    const [database] = databases;
    const [engine] = engines;
    if (database === undefined || engine === undefined) throw new Error('no engine');
    const ids = await Promise.all(
      Array.from({ length: runs }, (_, place) =>
        insertPracticeRun(database.db, { practiceId: `practice-${place}`, steps }, (trx, run) =>
          engine.queue.enqueue(trx, run),
        ),
      ),
    );
    // Recovery at the same moment must not add a second job to anything.
    await Promise.all(engines.map((each) => each.recover()));
    await Promise.all(ids.map((id) => runIn(database.db, id, 'succeeded')));
    expect(calls.toSorted()).toEqual(
      ids.flatMap((_, place) => steps.map((step) => `practice-${place} ${step}`)).toSorted(),
    );
    expect([...workers.keys()].toSorted()).toEqual(['worker-0', 'worker-1']);
  }, 60_000);
});
