import { createHash } from 'node:crypto';
import { CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { sandboxDefaults } from '../../lib/config.ts';
import type { Trx } from '../../lib/db/database.ts';
import { putOwnerInvitation } from '../../lib/db/owner-invitation-store.ts';
import type { RunWithSteps } from '../../lib/db/run-store.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import { findOrphans } from '../../lib/use-cases/orphans.ts';
import { recordTestCell } from '../builders/cells.ts';
import { eventually } from '../builders/runs.ts';
import { type SiloCloud, startSiloCloud } from './silo-cloud.ts';

let cloud: SiloCloud;
beforeAll(async () => {
  cloud = await startSiloCloud();
}, 300_000);
afterAll(() => cloud.stop());

const invites = (practiceId: string) => (trx: Trx) =>
  putOwnerInvitation(trx, {
    practiceId,
    email: 'ana@birch.example',
    tokenSha256: createHash('sha256').update(practiceId).digest('hex'),
    expiresAt: new Date(Date.now() + 86_400_000),
    createdBy: 'token:test',
    createdAt: new Date(),
  });

/** A provisioning that failed in its service stack: database, key and network are there. */
async function failedAtItsService(
  practiceId: string,
  also?: (trx: Trx) => Promise<unknown>,
): Promise<RunWithSteps> {
  await cloud.fault({
    resourceType: 'AWS::ECS::Service',
    action: 'create',
    match: practiceId,
    times: 1,
    effect: { kind: 'fail', message: 'no tasks today' },
  });
  const run = await cloud.provision(practiceId, also);
  expect(run.error?.step).toBe('deploy-service');
  return run;
}

const withoutRemembered = (arns: readonly string[]) =>
  arns.filter((arn) => !arn.includes(':task-definition/'));

test('a cancelled provisioning leaves nothing but a key on its way out', async () => {
  const run = await failedAtItsService('acorn-aba');
  expect((await cloud.tagged('acorn-aba')).some((arn) => arn.includes(':db:'))).toBe(true);
  const cancelled = await cloud.cancel(run.id);
  expect(cancelled.error).toBeNull();
  expect(cancelled.kept).toEqual([
    expect.stringMatching(/^KMS key .* is scheduled for deletion on .*nobody was ever invited/),
  ]);
  const left = withoutRemembered(await cloud.tagged('acorn-aba'));
  expect(left).toEqual([expect.stringContaining(':kms:')]);
  expect((await cloud.ports.silo.key(left[0] ?? '')).state).toBe('PendingDeletion');
  const stacks = await listSiloStacks(cloud.database.db, ['acorn-aba']);
  expect(stacks.map(({ status }) => status)).toEqual(stacks.map(() => 'DELETE_COMPLETE'));
});

test('what a stack leaves that nobody had seen yet goes too, though the process dies while the stack does', async () => {
  const slow = (resourceType: string, action: string) =>
    cloud.fault({
      resourceType,
      action,
      match: 'larch-aba',
      times: 1,
      effect: { kind: 'delay', ms: 1_000 },
    });
  await slow('AWS::ElasticLoadBalancingV2::LoadBalancer', 'create');
  await slow('AWS::EC2::InternetGateway', 'delete');
  const { stacks } = cloud.ports;
  const foundation = 'lumenality-larch-aba-foundation';
  const isNow = (what: string, ask: () => Promise<boolean>) =>
    eventually(what, async () => ((await ask()) ? true : undefined));
  const runId = await cloud.begin('larch-aba');
  const stack = await eventually('the stack to be', () => stacks.describe(foundation));
  await isNow('its gateway to be there', async () =>
    (await stacks.resources(stack.stackId)).some(
      ({ type, status }) => type === 'AWS::EC2::InternetGateway' && status === 'CREATE_COMPLETE',
    ),
  );
  const cancelled = cloud.cancel(runId);
  await isNow(
    'its deletion to begin',
    async () => (await stacks.describe(stack.stackId))?.status === 'DELETE_IN_PROGRESS',
  );
  await cloud.restartWorker(() =>
    isNow('its end', async () => (await stacks.describe(foundation)) === undefined),
  );
  expect((await cancelled).state).toBe('cancelled');
  const left = withoutRemembered(await cloud.tagged('larch-aba'));
  expect(left).toEqual([expect.stringContaining(':kms:')]);
  expect((await cloud.ports.silo.key(left[0] ?? '')).state).toBe('PendingDeletion');
});

test('where an invited owner could have entered something, a final snapshot and its key stay', async () => {
  const run = await failedAtItsService('birch-pt', invites('birch-pt'));
  const cancelled = await cloud.cancel(run.id);
  expect(cancelled.error).toBeNull();
  const left = await cloud.tagged('birch-pt');
  expect(left.filter((arn) => /:db:|:vpc\/|:loadbalancer\/|:stack\//.test(arn))).toEqual([]);
  const snapshot =
    left
      .find((arn) => arn.includes(':snapshot:'))
      ?.split(':')
      .at(-1) ?? '';
  expect(cancelled.kept).toContainEqual(expect.stringContaining(`Database snapshot ${snapshot} stays`));
  const kept = await cloud.ports.removal('birch-pt').snapshot(snapshot);
  expect(kept).toMatchObject({ status: 'available', encrypted: true });
  expect((await cloud.ports.silo.key(kept?.keyArn ?? '')).state).toBe('Enabled');
});

test('a cancel that fails half-way goes on when it is asked for again', async () => {
  const run = await failedAtItsService('cedar-ot');
  await cloud.fault({
    resourceType: 'AWS::EC2::InternetGateway',
    action: 'delete',
    match: 'cedar-ot',
    times: 1,
    effect: { kind: 'fail', message: 'The gateway has dependencies.' },
  });
  const failed = await cloud.cancel(run.id);
  expect(failed).toMatchObject({
    state: 'failed',
    error: { step: 'cancel', resource: { reason: 'The gateway has dependencies.' } },
  });
  expect((await cloud.cancel(run.id)).state).toBe('cancelled');
  expect(withoutRemembered(await cloud.tagged('cedar-ot'))).toEqual([expect.stringContaining(':kms:')]);
});

test('a cancel that is asked for again copies the database again: somebody may have entered something in between', async () => {
  const run = await failedAtItsService('grove-pt', invites('grove-pt'));
  const effect = { kind: 'error', code: 'AccessDenied', message: 'not allowed', status: 403 };
  await cloud.fault({ service: 'rds', operation: 'DeleteDBInstance', times: 1, effect });
  expect((await cloud.cancel(run.id)).state).toBe('failed');
  const snapshots = async () =>
    (await cloud.tagged('grove-pt')).flatMap((arn) =>
      arn.includes(':snapshot:') ? [arn.split(':').at(-1)] : [],
    );
  const [before] = await snapshots();
  const { kept, state } = await cloud.cancel(run.id);
  expect(state).toBe('cancelled');
  const after = (await snapshots()).filter((id) => id !== before);
  expect(after).toHaveLength(1);
  expect(kept).toContainEqual(expect.stringContaining(`Database snapshot ${after[0]} stays`));
});

test('a cancel leaves alone what stood there before its practice was approved, and says so', async () => {
  const run = await failedAtItsService('hazel-ot');
  const before = await cloud.tagged('hazel-ot');
  // As after the restore of an older backup, and a new approval of the same name.
  const later = new Date(Date.now() + 3_600_000);
  const { db } = cloud.database;
  await db.updateTable('practice').set({ created_at: later }).where('id', '=', 'hazel-ot').execute();
  const { state, kept } = await cloud.cancel(run.id);
  expect(state).toBe('cancelled');
  expect(kept).toEqual(
    ['foundation', 'data', 'service'].map((component) =>
      expect.stringMatching(`Stack lumenality-hazel-ot-${component} was made at .* stays untouched`),
    ),
  );
  expect(await cloud.tagged('hazel-ot')).toEqual(before);
});

test('the sweep tells orphans from what is kept and from what a practice has', async () => {
  await recordTestCell(cloud.core);
  expect((await cloud.provision('elm-speech')).error).toBeNull();
  const gone = await failedAtItsService('fir-counseling');
  await cloud.cancel(gone.id);
  await cloud.database.db.updateTable('practice').set({ cell_id: 'main' }).execute();
  const clouds = { of: () => cloud.ports, close: () => undefined };
  const about = async (...practiceIds: readonly string[]) =>
    (await findOrphans(cloud.core, clouds)).findings.filter((each) => practiceIds.includes(each.practiceId));
  const kept = await about('elm-speech', 'fir-counseling');
  expect(kept.filter(({ verdict }) => verdict === 'orphan')).toEqual([]);
  expect(kept.map(({ practiceId, kind }) => [practiceId, kind])).toContainEqual([
    'fir-counseling',
    'kms:key',
  ]);

  const ec2 = new EC2Client({ ...sandboxDefaults, endpoint: cloud.endpoint });
  const Tags = [{ Key: 'lumenality:practice', Value: 'ghost' }];
  await ec2.send(
    new CreateVpcCommand({ CidrBlock: '10.9.0.0/16', TagSpecifications: [{ ResourceType: 'vpc', Tags }] }),
  );
  ec2.destroy();
  expect(await about('ghost')).toMatchObject([{ verdict: 'orphan', kind: 'ec2:vpc', cellId: 'main' }]);
});
