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

  test('a cancel before there is a database removes everything and says what it keeps', async () => {
    await cloud.fault({
      resourceType: 'AWS::RDS::DBInstance',
      action: 'create',
      match: 'maple-pt',
      effect: { kind: 'fail', message: 'no capacity' },
    });
    const runId = await provision('maple-pt');
    await runIn(database.db, runId, 'failed');
    const [foundation] = await listSiloStacks(database.db, ['maple-pt']);
    const keyArn = foundation?.outputs['KeyArn'] ?? '';
    await again(requestCancel, runId);
    const run = await runIn(database.db, runId, 'cancelled', 'failed');
    expect(run.error).toBeNull();
    for (const component of components) {
      expect(await cloud.ports.stacks.describe(`lumenality-maple-pt-${component}`)).toBeUndefined();
    }
    expect((await cloud.ports.silo.key(keyArn)).state).toBe('PendingDeletion');
    expect(run.kept).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^KMS key .* is scheduled for deletion on \d{4}-\d\d-\d\d/),
        expect.stringContaining('/lumenality/maple-pt/app'),
      ]),
    );
    expect((await findPractice(database.db, 'maple-pt'))?.state).toBe('provisioning_cancelled');
    const signUp = await database.db
      .selectFrom('sign_up')
      .select('state')
      .where('practice_id', '=', 'maple-pt')
      .executeTakeFirst();
    expect(signUp?.state).toBe('closed');
    const stacks = await listSiloStacks(database.db, ['maple-pt']);
    expect(stacks.map(({ status }) => status)).toEqual(stacks.map(() => 'DELETE_COMPLETE'));
  }, 120_000);

  test('a silo that cannot be read is not active; a cancel then keeps the database and what it needs', async () => {
    const lift = await cloud.fault({
      service: 'rds',
      operation: 'DescribeDBParameters',
      effect: { kind: 'error', code: 'AccessDenied', message: 'not authorized', status: 403 },
    });
    const runId = await provision('cedar-ot');
    const failed = await runIn(database.db, runId, 'succeeded', 'failed');
    await lift();
    expect(failed.error).toMatchObject({ code: 'verification_failed', step: 'verify' });
    expect(failed.error?.message).toContain('database-tls-forced');
    expect((await findPractice(database.db, 'cedar-ot'))?.state).toBe('provisioning_failed');
    const evidence = await listEvidence(database.db, { practiceId: 'cedar-ot', limit: 100 });
    expect(evidence).toHaveLength(siloChecks.length);
    expect(evidence.filter(({ passed }) => !passed)).toMatchObject([
      { check: 'database-tls-forced', observed: expect.stringContaining('AccessDenied') },
    ]);

    await again(requestCancel, runId);
    const run = await runIn(database.db, runId, 'cancelled');
    expect(run.kept).toEqual([expect.stringContaining('may hold data')]);
    const left = await Promise.all(
      components.map((component) => cloud.ports.stacks.describe(`lumenality-cedar-ot-${component}`)),
    );
    expect(left.map((stack) => stack?.status)).toEqual(['CREATE_COMPLETE', 'CREATE_COMPLETE', undefined]);
    expect(left.map((stack) => stack?.terminationProtection)).toEqual([true, true, undefined]);
  }, 120_000);

  test('killed in the middle of a stack, the next engine joins the operation and tells no event twice', async () => {
    await cloud.fault({
      resourceType: 'AWS::RDS::DBInstance',
      action: 'create',
      match: 'birch-bh',
      times: 1,
      effect: { kind: 'delay', ms: 2_000 },
    });
    const runId = await provision('birch-bh');
    await eventually('the database to be in creation', async () =>
      (await eventsOf(runId)).find(
        ({ body }) => body.kind === 'resource' && body.logicalId === 'DatabaseInstance',
      ),
    );
    await engine.stop();
    engine = await startEngine();
    const run = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    const begun = (await eventsOf(runId)).filter(
      ({ body }) =>
        body.kind === 'resource' &&
        body.resourceType === 'AWS::CloudFormation::Stack' &&
        body.status === 'CREATE_IN_PROGRESS',
    );
    expect(begun).toHaveLength(components.length);
  }, 120_000);
});
