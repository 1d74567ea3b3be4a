import { sandboxDefaults } from '../../lib/config.ts';
import { type Database, migrate, openEmbedded } from '../../lib/db/database.ts';
import { listDeployments } from '../../lib/db/deployment-store.ts';
import { listEvidence } from '../../lib/db/evidence-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { listRunEvents, type RunEvent } from '../../lib/db/run-event-store.ts';
import { requestCancel, requeueRun } from '../../lib/db/run-store.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import { components } from '../../lib/domain/release.ts';
import { siloChecks } from '../../lib/domain/silo-checks.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import { provisioningSteps, provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import { eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { type SandboxCloud, startSandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };

describe('provision-practice, on the sandbox cloud', () => {
  let cloud: SandboxCloud;
  let database: Database;
  let engine: RunEngine;

  const startEngine = async (): Promise<RunEngine> => {
    const started = createRunEngine({
      database,
      definitions: [
        provisionPractice({
          ports: cloud.ports,
          parametersForShape,
          cell: sandboxDefaults,
          pollIntervalMs: 100,
          readyWithinMs: 60_000,
        }),
      ],
      clock,
      log: silent,
      concurrency: 4,
    });
    await started.start();
    return started;
  };

  beforeAll(async () => {
    [cloud, database] = await Promise.all([startSandboxCloud(), openEmbedded(undefined)]);
    await migrate(database.db);
    await publishRelease(database.db, cloud.release, { publishedBy: 'test', now: clock.now() });
    engine = await startEngine();
  }, 120_000);
  afterAll(async () => {
    await engine.stop();
    await database.close();
    await cloud.stop();
  }, 60_000);

  const provision = (practiceId: string): Promise<string> =>
    insertPracticeRun(
      database.db,
      { practiceId, steps: provisioningSteps, input: { releaseId: cloud.release.manifest.id } },
      (trx, run) => engine.queue.enqueue(trx, run),
    );
  const again = (change: typeof requeueRun, runId: string): Promise<void> =>
    database.db.transaction().execute(async (trx) => {
      const run = await change(trx, runId);
      if (run === undefined) throw new Error('wrong state');
      if (change === requeueRun) {
        await trx
          .updateTable('practice')
          .set({ state: 'provisioning' })
          .where('id', '=', run.practiceId)
          .execute();
      }
      await engine.queue.enqueue(trx, run);
    });
  const eventsOf = (runId: string): Promise<RunEvent[]> =>
    listRunEvents(database.db, runId, { afterSeq: 0, limit: 10_000 });

  test('takes a practice to active, with evidence for every check', async () => {
    const runId = await provision('sunrise-aba');
    const run = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    const practice = await findPractice(database.db, 'sunrise-aba');
    expect(practice).toMatchObject({
      state: 'active',
      release_id: cloud.release.manifest.id,
      health: 'healthy',
    });
    const evidence = await listEvidence(database.db, { practiceId: 'sunrise-aba', limit: 100 });
    expect(evidence.filter(({ passed }) => !passed)).toEqual([]);
    expect(evidence.map(({ check }) => check).toReversed()).toEqual(siloChecks.map(({ id }) => id));
    const stacks = await listSiloStacks(database.db, ['sunrise-aba']);
    expect(
      stacks.map(({ component, status, templateSha256 }) => [component, status, templateSha256]),
    ).toEqual(
      components.map((component) => [
        component,
        'CREATE_COMPLETE',
        cloud.release.manifest.templates[component].sha256,
      ]),
    );
    for (const { stackName, component } of stacks) {
      const stack = await cloud.ports.stacks.describe(stackName);
      expect([component, stack?.terminationProtection]).toEqual([component, component !== 'service']);
    }
    const [deployment] = await listDeployments(database.db, { practiceId: 'sunrise-aba', limit: 10 });
    expect(deployment).toMatchObject({ state: 'succeeded', runId });
    const told = (await eventsOf(runId)).flatMap(({ body }) =>
      body.kind === 'resource' ? [`${body.stackName} ${body.logicalId} ${body.eventId}`] : [],
    );
    expect(told.length).toBeGreaterThan(60);
    expect(new Set(told).size).toBe(told.length);
  }, 120_000);

  test('says which resource failed and why, and a retry goes on from there', async () => {
    const lift = await cloud.fault({
      resourceType: 'AWS::RDS::DBInstance',
      action: 'create',
      match: 'river-speech',
      effect: { kind: 'fail', message: 'The specified instance class is not available in this zone.' },
    });
    const runId = await provision('river-speech');
    const failed = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(failed.error).toMatchObject({
      code: 'deployment_failed',
      step: 'deploy-data',
      resource: {
        stackName: 'lumenality-river-speech-data',
        logicalId: 'DatabaseInstance',
        type: 'AWS::RDS::DBInstance',
        reason: expect.stringContaining('not available in this zone'),
      },
    });
    expect((await findPractice(database.db, 'river-speech'))?.state).toBe('provisioning_failed');
    await lift();
    await again(requeueRun, runId);
    const run = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    expect(run.steps.map(({ name, attempt }) => [name, attempt])).toEqual(
      provisioningSteps.map((name) => [name, name === 'deploy-data' ? 2 : 1]),
    );
    expect((await findPractice(database.db, 'river-speech'))?.state).toBe('active');
  }, 120_000);
});
