import { findPractice } from '../../lib/db/practice-store.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import { components } from '../../lib/domain/release.ts';
import { eventually } from '../builders/runs.ts';
import { control } from '../builders/sandbox-controls.ts';
import { type SiloCloud, startSiloCloud } from './silo-cloud.ts';

let cloud: SiloCloud;
beforeAll(async () => {
  cloud = await startSiloCloud();
}, 300_000);
afterAll(() => cloud.stop());

const statusOf = async (practiceId: string, component: string) =>
  (await cloud.ports.stacks.describe(`lumenality-${practiceId}-${component}`))?.status;

const limitLoadBalancers = (limit: number) =>
  control(cloud.endpoint, 'PUT', 'quotas', { quota: 'loadBalancers', limit });

/** What an undisturbed provisioning leads to. */
async function expectWhole(practiceId: string): Promise<void> {
  const stacks = await listSiloStacks(cloud.database.db, [practiceId]);
  expect(stacks.map(({ component, status, templateSha256 }) => [component, status, templateSha256])).toEqual(
    components.map((component) => [
      component,
      'CREATE_COMPLETE',
      cloud.release.manifest.templates[component].sha256,
    ]),
  );
  const [keyArn] = stacks.map(({ outputs }) => outputs['KeyArn']);
  const keys = (await cloud.tagged(practiceId)).filter((arn) => arn.includes(':kms:'));
  const states = await Promise.all(keys.map(async (arn) => [arn, (await cloud.ports.silo.key(arn)).state]));
  // Keys of creations that failed are on their way out; nothing else of them is there.
  expect(states.filter(([, state]) => state !== 'PendingDeletion')).toEqual([[keyArn, 'Enabled']]);
  for (const kind of [':vpc/', ':db:', ':loadbalancer/', 'backup-vault:']) {
    expect([kind, (await cloud.tagged(practiceId)).filter((arn) => arn.includes(kind))]).toEqual([
      kind,
      [expect.anything()],
    ]);
  }
}

test('a quota that is used up is named, with what to do; a retry goes on when it is raised', async () => {
  await limitLoadBalancers(0);
  const run = await cloud.provision('acorn-aba');
  await limitLoadBalancers(10_000);
  expect(run.error).toMatchObject({
    code: 'deployment_failed',
    step: 'deploy-foundation',
    resource: { type: 'AWS::ElasticLoadBalancingV2::LoadBalancer' },
    nextAction: expect.stringMatching(/Application Load Balancers.*loadBalancers.*drain/s),
  });
  expect(run.error?.message).toContain('nothing of it is left');
  expect((await cloud.retry(run.id)).error).toBeNull();
  await expectWhole('acorn-aba');
});

test('a denied call of CloudFormation names the call and the role', async () => {
  const role = 'arn:aws:sts::000000000000:assumed-role/deploy/AWSCloudFormation';
  await cloud.fault({
    resourceType: 'AWS::WAFv2::WebACL',
    action: 'create',
    match: 'birch-pt',
    times: 1,
    effect: {
      kind: 'error',
      code: 'AccessDenied',
      message: `User: ${role} is not authorized to perform: wafv2:CreateWebACL on resource: arn:aws:wafv2:::x because no identity-based policy allows it`,
    },
  });
  const run = await cloud.provision('birch-pt');
  expect(run.error).toMatchObject({
    code: 'deployment_failed',
    retryable: false,
    nextAction: expect.stringContaining(`Allow wafv2:CreateWebACL to ${role}`),
  });
});

test('a foundation that fails behind its protected load balancer leaves nothing, and a retry ends like an undisturbed run', async () => {
  await cloud.fault({
    resourceType: 'AWS::ElasticLoadBalancingV2::Listener',
    action: 'create',
    match: 'cedar-ot',
    times: 1,
    effect: { kind: 'fail', message: 'no listener today' },
  });
  const run = await cloud.provision('cedar-ot');
  expect(run.error?.resource).toMatchObject({ reason: 'no listener today' });
  expect(await statusOf('cedar-ot', 'foundation')).toBeUndefined();
  const left = await cloud.tagged('cedar-ot');
  expect(left.filter((arn) => !arn.includes(':kms:'))).toEqual([]);
  expect((await cloud.retry(run.id)).error).toBeNull();
  await expectWhole('cedar-ot');
});

test('a database that a failed creation left is removed, because nobody can have written to it', async () => {
  await cloud.fault({
    resourceType: 'AWS::Backup::BackupSelection',
    action: 'create',
    match: 'dogwood-aba',
    times: 1,
    effect: { kind: 'fail', message: 'no selection today' },
  });
  const run = await cloud.provision('dogwood-aba');
  expect(run.error).toMatchObject({
    step: 'deploy-data',
    resource: { logicalId: 'BackupSelection', reason: 'no selection today' },
  });
  expect((await cloud.tagged('dogwood-aba')).filter((arn) => /:rds:|backup-vault/.test(arn))).toEqual([]);
  expect((await findPractice(cloud.database.db, 'dogwood-aba'))?.state).toBe('provisioning_failed');
  const { error, steps } = await cloud.retry(run.id);
  expect(error).toBeNull();
  expect(steps.map(({ name, attempt }) => [name, attempt])).toEqual(
    steps.map(({ name }) => [name, name === 'deploy-data' ? 2 : 1]),
  );
  expect((await findPractice(cloud.database.db, 'dogwood-aba'))?.state).toBe('active');
  await expectWhole('dogwood-aba');
});

test('a creation that fails after a crash is told by its cause and not begun once more', async () => {
  await cloud.fault({
    resourceType: 'AWS::RDS::DBInstance',
    action: 'create',
    match: 'elm-speech',
    times: 1,
    effect: { kind: 'delay', ms: 600 },
  });
  await cloud.fault({
    resourceType: 'AWS::RDS::DBInstance',
    action: 'create',
    match: 'elm-speech',
    times: 1,
    effect: { kind: 'fail', message: 'no capacity' },
  });
  const runId = await cloud.begin('elm-speech');
  await eventually('the data stack to be under way', async () =>
    (await statusOf('elm-speech', 'data')) === 'CREATE_IN_PROGRESS' ? true : undefined,
  );
  await cloud.restartWorker();
  const { error } = await cloud.ended(runId);
  expect(error).toMatchObject({ step: 'deploy-data', resource: { reason: 'no capacity' } });
  expect((await cloud.retry(runId)).error).toBeNull();
});
