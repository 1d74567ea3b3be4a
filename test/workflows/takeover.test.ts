import { join } from 'node:path';
import { migrate, openServer } from '../../lib/db/database.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import { components } from '../../lib/domain/release.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import { provisioningSteps } from '../../lib/workflows/provision-practice.ts';
import { startPostgres } from '../builders/postgres.ts';
import { type Started, start } from '../builders/process.ts';
import { beginsStackCreation, eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { type SandboxCloud, startSandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };
let cloud: SandboxCloud;

beforeAll(async () => {
  cloud = await startSandboxCloud();
}, 120_000);
afterAll(() => cloud.stop(), 60_000);

test('of two worker processes on one PostgreSQL, one dies by kill -9 and the other finishes its run', async () => {
  const server = await startPostgres();
  const url = await server.createDatabase('takeover');
  const shared = openServer(url);
  const workers: Started[] = [];
  const startWorker = async (): Promise<Started> => {
    const worker = start(process.execPath, ['--import', 'tsx', join(__dirname, '../../bin/worker.ts')], {
      DATABASE_URL: url,
      AWS_ENDPOINT_URL: cloud.endpoint,
      LUMENALITY_LOG_LEVEL: 'warn',
    });
    workers.push(worker);
    await eventually(`a worker to be ready: ${worker.output()}`, () =>
      worker.output().includes('The worker is ready') ? true : undefined,
    );
    return worker;
  };
  try {
    await migrate(shared.db);
    await publishRelease(shared.db, cloud.release, { publishedBy: 'test', now: clock.now() });
    const enqueuer = createRunEngine({
      database: shared,
      definitions: [],
      clock,
      log: silent,
      concurrency: 0,
    });
    await enqueuer.start();
    await cloud.fault({
      resourceType: 'AWS::EC2::VPC',
      action: 'create',
      match: 'aspen-speech',
      times: 1,
      effect: { kind: 'delay', ms: 3_000 },
    });
    const runId = await insertPracticeRun(
      shared.db,
      {
        practiceId: 'aspen-speech',
        steps: provisioningSteps,
        input: { releaseId: cloud.release.manifest.id },
      },
      (trx, run) => enqueuer.queue.enqueue(trx, run),
    );
    await enqueuer.stop();
    const doomed = await startWorker();
    await eventually('the first stack to be in creation', async () =>
      (await listRunEvents(shared.db, runId, { afterSeq: 0, limit: 200 })).find(
        ({ body }) => body.kind === 'resource' && body.logicalId === 'NetworkVpc',
      ),
    );
    doomed.child.kill('SIGKILL');
    await doomed.ended;
    await startWorker();
    const run = await runIn(shared.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    expect((await findPractice(shared.db, 'aspen-speech'))?.state).toBe('active');
    const events = await listRunEvents(shared.db, runId, { afterSeq: 0, limit: 10_000 });
    expect(events.filter(beginsStackCreation)).toHaveLength(components.length);
    expect(run.steps.map(({ name, attempt }) => [name, attempt])).toEqual(
      provisioningSteps.map((name) => [name, name === 'deploy-foundation' ? 2 : 1]),
    );
  } finally {
    for (const { child } of workers) child.kill('SIGKILL');
    await Promise.all(workers.map(({ ended }) => ended));
    await shared.close();
    await server.stop();
  }
}, 180_000);
