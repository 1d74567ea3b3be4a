import { request } from 'node:http';
import { newOwnerToken } from '../../bin/commands/owner-link.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { listAudit } from '../../lib/db/audit-store.ts';
import type { Database } from '../../lib/db/database.ts';
import { listDeployments } from '../../lib/db/deployment-store.ts';
import { listEvidence } from '../../lib/db/evidence-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { listRunEvents, type RunEvent } from '../../lib/db/run-event-store.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { components } from '../../lib/domain/release.ts';
import { siloChecks } from '../../lib/domain/silo-checks.ts';
import { watchHealth } from '../../lib/reconcilers/watch-health.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import { recordInvitation } from '../../lib/use-cases/owner-invitation.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { type SandboxedControlPlane, startSandboxedControlPlane } from '../builders/provisioned-silo.ts';
import { beginsStackCreation, eventually, silent } from '../builders/runs.ts';
import type { SandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };
const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };

const ownerEmail = 'ana@sunrise.example';
type OwnerToken = ReturnType<typeof newOwnerToken>;

/** Posts a form to a practice's app through its load balancer, as a browser on its page does. */
function postForm(
  endpoint: string,
  host: string,
  path: string,
  body: string,
): Promise<{ readonly status: number | undefined; readonly location: string | undefined }> {
  return new Promise((resolve, reject) => {
    const headers = {
      host,
      origin: `https://${host}`,
      'content-type': 'application/x-www-form-urlencoded',
      connection: 'close',
    };
    const call = request(new URL(path, endpoint), { method: 'POST', headers }, (response) => {
      response.resume();
      resolve({ status: response.statusCode, location: response.headers.location });
    });
    call.once('error', reject);
    call.end(body);
  });
}

describe('provision-practice, on the sandbox cloud', () => {
  let silos: SandboxedControlPlane;
  let cloud: SandboxCloud;
  let database: Database;

  beforeAll(async () => {
    silos = await startSandboxedControlPlane();
    ({ cloud, database } = silos);
  });
  afterAll(() => silos?.stop());

  const failedChecks = async (practiceId: string): Promise<string[]> => {
    const newest = await listEvidence(database.db, { practiceId, limit: siloChecks.length });
    return newest.flatMap(({ check, passed }) => (passed ? [] : [check]));
  };
  const eventsOf = (runId: string): Promise<RunEvent[]> =>
    listRunEvents(database.db, runId, { afterSeq: 0, limit: 10_000 });

  const creationsIn = async (runId: string): Promise<RunEvent[]> =>
    (await eventsOf(runId)).filter(beginsStackCreation);

  /** The first owner's link works once, and its token is nowhere in the cloud. */
  const opensApp = async (practiceId: string, { token, tokenSha256 }: OwnerToken): Promise<void> => {
    const service = await cloud.ports.stacks.describe(`lumenality-${practiceId}-service`);
    expect(service?.parameters).toMatchObject({
      OwnerEmail: ownerEmail,
      OwnerInvitationSha256: tokenSha256,
    });
    expect(JSON.stringify(service)).not.toContain(token);

    const host = `${practiceId}.${sandboxDefaults.domain}:${new URL(cloud.endpoint).port}`;
    const password = 'a long sentence for one owner';
    const form = new URLSearchParams({ token, name: 'Ana Ruiz', password, repeated: password }).toString();
    const first = await postForm(cloud.endpoint, host, '/invitation', form);
    expect(first).toMatchObject({ status: 303, location: '/enrolment' });
    const second = await postForm(cloud.endpoint, host, '/invitation', form);
    expect(second.status).not.toBe(303);
  };

  test('takes a practice to active, with evidence for every check and a link for its owner that opens its app once', async () => {
    const { token, tokenSha256 } = newOwnerToken();
    const invitation = { practiceId: 'sunrise-aba', tokenSha256, email: ownerEmail, details: {} };
    const run = await silos.provision('sunrise-aba', (trx) =>
      recordInvitation(silos.core, trx, invitation, actor),
    );
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
    const [deployment] = (await listDeployments(database.db, { practiceId: 'sunrise-aba', limit: 10 })).items;
    expect(deployment).toMatchObject({ state: 'succeeded', runId: run.id });
    const told = (await eventsOf(run.id)).flatMap(({ body }) =>
      body.kind === 'resource' ? [`${body.stackName} ${body.logicalId} ${body.eventId}`] : [],
    );
    expect(told.length).toBeGreaterThan(60);
    expect(new Set(told).size).toBe(told.length);
    await opensApp('sunrise-aba', { token, tokenSha256 });
  });

  test('a cancel before there is a database removes everything and says what it keeps', async () => {
    await cloud.fault({
      resourceType: 'AWS::RDS::DBInstance',
      action: 'create',
      match: 'maple-pt',
      effect: { kind: 'fail', message: 'no capacity' },
    });
    const failed = await silos.provision('maple-pt');
    expect(failed.state).toBe('failed');
    const [foundation] = await listSiloStacks(database.db, ['maple-pt']);
    const keyArn = foundation?.outputs['KeyArn'] ?? '';
    const run = await silos.cancel(failed.id);
    expect(run.error).toBeNull();
    for (const component of components) {
      expect(await cloud.ports.stacks.describe(`lumenality-maple-pt-${component}`)).toBeUndefined();
    }
    expect((await cloud.ports.silo.key(keyArn)).state).toBe('PendingDeletion');
    expect(run.kept).toEqual([
      expect.stringMatching(/^KMS key .* is scheduled for deletion on \d{4}-\d\d-\d\d/),
    ]);
    expect((await findPractice(database.db, 'maple-pt'))?.state).toBe('provisioning_cancelled');
    const signUp = await database.db
      .selectFrom('sign_up')
      .select(['id', 'state'])
      .where('practice_id', '=', 'maple-pt')
      .executeTakeFirstOrThrow();
    expect(signUp.state).toBe('closed');
    const trail = await listAudit(database.db, { subjectId: signUp.id, limit: 10 });
    expect(trail.items).toMatchObject([{ action: 'sign_up.closed', details: { practiceId: 'maple-pt' } }]);
    const stacks = await listSiloStacks(database.db, ['maple-pt']);
    expect(stacks.map(({ status }) => status)).toEqual(stacks.map(() => 'DELETE_COMPLETE'));
  });

  test('a silo that cannot be read is not active; a cancel then removes it, because nobody could enter anything', async () => {
    const lift = await cloud.fault({
      service: 'rds',
      operation: 'DescribeDBParameters',
      effect: { kind: 'error', code: 'AccessDenied', message: 'not authorized', status: 403 },
    });
    const failed = await silos.provision('cedar-ot');
    await lift();
    expect(failed.error).toMatchObject({ code: 'verification_failed', step: 'verify' });
    expect(failed.error?.message).toContain('database-tls-forced');
    expect((await findPractice(database.db, 'cedar-ot'))?.state).toBe('provisioning_failed');
    const evidence = await listEvidence(database.db, { practiceId: 'cedar-ot', limit: 100 });
    expect(evidence).toHaveLength(siloChecks.length);
    expect(evidence.filter(({ passed }) => !passed)).toMatchObject([
      { check: 'database-tls-forced', observed: expect.stringContaining('AccessDenied') },
    ]);

    const { DatabaseInstanceId = '', KeyArn = '', VpcId = '' } = await silos.outputs('cedar-ot');
    for (const [damage, check] of [
      [() => cloud.damage.peer(VpcId), 'vpc-not-connected'],
      [() => cloud.damage.stopForcingTls(DatabaseInstanceId), 'database-tls-forced'],
      [() => cloud.damage.disableKey(KeyArn), 'key-enabled'],
    ] as const) {
      await damage();
      expect((await silos.retry(failed.id)).error?.step).toBe('verify');
      expect(await failedChecks('cedar-ot')).toContain(check);
    }

    // RDS lets nobody remove a database whose key it cannot use: that is told at once, and not waited for.
    const refused = await silos.cancel(failed.id);
    expect(refused.error).toMatchObject({
      step: 'cancel',
      message: expect.stringContaining(KeyArn),
      nextAction: expect.stringContaining('Enable key'),
    });
    await cloud.damage.enableKey(KeyArn, DatabaseInstanceId);
    const run = await silos.cancel(failed.id);
    expect(run.error).toBeNull();
    expect(run.kept).toEqual([expect.stringMatching(/^KMS key .*nobody was ever invited/)]);
    expect(await cloud.ports.silo.databaseExists(DatabaseInstanceId)).toBe(false);
    for (const component of components) {
      expect(await cloud.ports.stacks.describe(`lumenality-cedar-ot-${component}`)).toBeUndefined();
    }
  });

  test('calls that are throttled, cut or failed by AWS are made again, and no stack operation is begun twice', async () => {
    const hit = (operation: string, times: number, effect: object) =>
      cloud.fault({ service: 'cloudformation', operation, times, effect });
    await hit('DescribeStacks', 3, { kind: 'throttle' });
    await hit('DescribeStackEvents', 1, { kind: 'cut', when: 'before' });
    await hit('CreateChangeSet', 1, { kind: 'cut', when: 'after' });
    await hit('ExecuteChangeSet', 2, { kind: 'error', code: 'InternalFailure', message: '', status: 500 });
    await hit('ExecuteChangeSet', 1, { kind: 'cut', when: 'after' });
    // As often as the SDK asks: the verification itself has to ask again.
    const often = { service: 'kms', operation: 'GetKeyRotationStatus', times: 5 };
    const busy = { kind: 'error', code: 'KMSInternalException', message: 'busy', status: 500 };
    await cloud.fault({ ...often, effect: busy });
    const run = await silos.provision('linden-aba');
    expect(run.error).toBeNull();
    expect(run.steps.find(({ name }) => name === 'verify')?.attempt).toBe(2);
    expect(await creationsIn(run.id)).toHaveLength(components.length);
    const unspent = (await cloud.faults()).filter(({ match }) => match === undefined);
    expect(unspent).toEqual([]);

    const health = watchHealth({
      db: database.db,
      probeOf: async () => cloud.ports.probe,
      clock,
      log: silent,
      everyMs: 50,
    });
    const healthIs = (wanted: string) =>
      eventually(`linden-aba to be ${wanted}`, async () => {
        const practice = await findPractice(database.db, 'linden-aba');
        return practice?.health === wanted && practice.state === 'active' ? true : undefined;
      });
    const service = (await listSiloStacks(database.db, ['linden-aba'])).at(-1)?.outputs ?? {};
    await healthIs('healthy');
    await cloud.damage.scale(service, 0);
    await healthIs('unhealthy');
    await cloud.damage.scale(service, 1);
    await healthIs('healthy');
    await health.stop();
  });

  test('a call that is not allowed stops the run at once, with what to do about it', async () => {
    const lift = await cloud.fault({
      service: 'cloudformation',
      operation: 'CreateChangeSet',
      match: 'willow-pt',
      effect: { kind: 'error', code: 'AccessDenied', message: 'User is not authorized', status: 403 },
    });
    const denied = await silos.provision('willow-pt');
    expect(denied.error).toMatchObject({
      code: 'cloud_failure',
      step: 'deploy-foundation',
      retryable: false,
      nextAction: expect.stringContaining('cloudformation:CreateChangeSet'),
    });
    expect(denied.steps[1]?.attempt).toBe(1);
    await lift();

    // A cancel in the middle of a stack's creation, whose removal fails once: it can be asked for again.
    await cloud.fault({
      resourceType: 'AWS::EC2::VPC',
      action: 'create',
      match: 'willow-pt',
      times: 1,
      effect: { kind: 'delay', ms: 60_000 },
    });
    await cloud.fault({
      resourceType: 'AWS::EC2::InternetGateway',
      action: 'delete',
      match: 'willow-pt',
      times: 1,
      effect: { kind: 'fail', message: 'The gateway has dependencies.' },
    });
    await retryRun(silos.core, denied.id, actor);
    await eventually('the gateway to be there', async () =>
      (await eventsOf(denied.id)).find(
        ({ body }) =>
          body.kind === 'resource' &&
          body.resourceType === 'AWS::EC2::InternetGateway' &&
          body.status === 'CREATE_COMPLETE',
      ),
    );
    const cancel = () => cancelRun(silos.core, { runId: denied.id, reason: 'withdrawn' }, actor);
    await cancel();
    await expect(cancel()).rejects.toMatchObject({ code: 'wrong_state' });
    const failed = await silos.ended(denied.id);
    expect(failed.error).toMatchObject({ step: 'cancel', message: expect.stringContaining('dependencies') });
    const run = await silos.cancel(denied.id);
    expect(run.error).toBeNull();
    expect(await cloud.ports.stacks.describe('lumenality-willow-pt-foundation')).toBeUndefined();
  });
});
