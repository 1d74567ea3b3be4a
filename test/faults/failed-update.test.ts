import { randomUUID } from 'node:crypto';
import {
  DeleteStackCommand,
  SetStackPolicyCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import type { RunWithSteps } from '../../lib/db/run-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import type { StackDeployments } from '../../lib/ports/stack-deployments.ts';
import { suspendPractice as askSuspension } from '../../lib/use-cases/practice-access.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { suspendPractice } from '../../lib/workflows/suspend-practice.ts';
import { updatePractice } from '../../lib/workflows/update-practice.ts';
import { type CoreWithWorker, startCoreWithWorker, withoutApp } from '../builders/core-with-worker.ts';
import { eventually } from '../builders/runs.ts';
import { type SmallCloud, smallRelease, startSmallCloud } from '../builders/small-silo.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['security_admin'], requestId: 'test-request' };
const first = smallRelease({});
const next = smallRelease({ retentionDays: 60 });

/** The next calls to fail before they are sent, in this order. */
const broken: ('createChangeSet' | 'executeChangeSet')[] = [];
function breaking(stacks: StackDeployments): StackDeployments {
  const mayBreak = (call: (typeof broken)[number]): void => {
    if (broken[0] !== call) return;
    broken.shift();
    throw new DomainError('cloud_failure', 'Broken by the test.', { retryable: true });
  };
  return {
    ...stacks,
    createChangeSet: async (...given) => {
      mayBreak('createChangeSet');
      return stacks.createChangeSet(...given);
    },
    executeChangeSet: async (...given) => {
      mayBreak('executeChangeSet');
      return stacks.executeChangeSet(...given);
    },
  };
}

let cloud: SmallCloud;
let plane: CoreWithWorker;

beforeAll(async () => {
  cloud = await startSmallCloud();
  const ports = { ...cloud.ports, stacks: breaking(cloud.ports.stacks) };
  const parts = { ports, shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 20 };
  plane = await startCoreWithWorker({
    definitions: [provisionPractice(parts), updatePractice(parts), suspendPractice(parts)].map(
      withoutApp('close-default-security-group'),
    ),
    releases: [first, next],
  });
}, 300_000);
afterAll(async () => {
  await plane.stop();
  await cloud.stop();
});

async function activePractice(practiceId: string): Promise<void> {
  expect((await plane.provision(practiceId)).error).toBeNull();
}
const update = (practiceId: string) => plane.update(practiceId, next);
const retry = ({ id }: RunWithSteps) => plane.retry(id);
const statusOf = async (practiceId: string, component: string) =>
  (await cloud.ports.stacks.describe(`lumenality-${practiceId}-${component}`))?.status;

/** The change of the log group `Records` fails, and so many times its way back. */
async function failBothWays(practiceId: string, rollBacks: number): Promise<void> {
  const rule = { resourceType: 'AWS::Logs::LogGroup', action: 'update', match: `/records/${practiceId}/` };
  const effect = { kind: 'fail', message: 'no change today' };
  await cloud.fault({ ...rule, during: 'work', times: 1, effect });
  await cloud.fault({
    ...rule,
    during: 'rollback',
    times: rollBacks,
    effect: { kind: 'fail', message: 'no way back' },
  });
}

test('a stack that was only reviewed, and removed by an attempt that went no further, is made anew with its name', async () => {
  broken.push('executeChangeSet', 'createChangeSet');
  await activePractice('cedar-slp');
  expect(broken).toEqual([]);
  expect(await statusOf('cedar-slp', 'foundation')).toBe('CREATE_COMPLETE');
});

test('an update that ends between its deployment and its stack policy sets the policy when it goes on', async () => {
  await activePractice('alder-aba');
  const StackName = 'lumenality-alder-aba-foundation';
  const policy = await cloud.policyOf(StackName);
  // As an older control plane left it.
  const StackPolicyBody =
    '{"Statement":[{"Effect":"Allow","Action":"Update:*","Principal":"*","Resource":"*"}]}';
  await cloud.cloudFormation.send(new SetStackPolicyCommand({ StackName, StackPolicyBody }));
  await cloud.fault({
    service: 'cloudformation',
    operation: 'SetStackPolicy',
    match: 'alder-aba',
    times: 1,
    effect: { kind: 'error', code: 'AccessDenied', message: 'no policy today', status: 403 },
  });
  const run = await update('alder-aba');
  expect(run.error).toMatchObject({ step: 'deploy-foundation' });
  expect(await cloud.policyOf(StackName)).toBe(StackPolicyBody);
  expect((await retry(run)).error).toBeNull();
  expect(await cloud.policyOf(StackName)).toBe(policy);
});

test('a roll-back that failed is continued by itself, and a retry ends like an undisturbed update', async () => {
  await activePractice('acorn-aba');
  await failBothWays('acorn-aba', 1);
  const run = await update('acorn-aba');
  expect(run.error).toMatchObject({
    code: 'deployment_failed',
    step: 'deploy-data',
    resource: { reason: 'no change today' },
    message: expect.stringContaining('as it was before'),
  });
  expect(await statusOf('acorn-aba', 'data')).toBe('UPDATE_ROLLBACK_COMPLETE');
  expect((await retry(run)).error).toBeNull();
  expect(await statusOf('acorn-aba', 'data')).toBe('UPDATE_COMPLETE');
});

test('a suspension whose roll-back failed twice is retried once the cause is gone', async () => {
  await activePractice('elm-ot');
  const rule = { resourceType: 'AWS::IAM::Role', action: 'update', match: '-elm-ot-' };
  const effect = { kind: 'fail', message: 'no change today' };
  await cloud.fault({ ...rule, during: 'work', times: 1, effect });
  await cloud.fault({ ...rule, during: 'rollback', times: 2, effect });
  const request = { practiceId: 'elm-ot', reason: 'test' };
  const { body } = await askSuspension(plane.core, request, { idempotencyKey: randomUUID() }, actor);
  const run = await plane.ended(body.runId);
  expect(run.error).toMatchObject({ step: 'close-entrance', resource: { reason: 'no change today' } });
  expect(await statusOf('elm-ot', 'service')).toBe('UPDATE_ROLLBACK_FAILED');
  expect((await retry(run)).error).toBeNull();
  expect(await statusOf('elm-ot', 'service')).toBe('UPDATE_COMPLETE');
});

test('a roll-back that fails again names what keeps it, and a retry continues it once more', async () => {
  await activePractice('birch-pt');
  await failBothWays('birch-pt', 2);
  const run = await update('birch-pt');
  expect(run.error).toMatchObject({
    resource: { reason: 'no change today' },
    message: expect.stringMatching(/roll-back stopped at .*no way back/),
    nextAction: expect.stringContaining('--resources-to-skip'),
  });
  expect(await statusOf('birch-pt', 'data')).toBe('UPDATE_ROLLBACK_FAILED');
  expect((await retry(run)).error).toBeNull();
  expect(await statusOf('birch-pt', 'data')).toBe('UPDATE_COMPLETE');
});

test('of stacks that somebody has deleted, the one without data is made anew and the other is not', async () => {
  await activePractice('cedar-ot');
  await cloud.cloudFormation.send(new DeleteStackCommand({ StackName: 'lumenality-cedar-ot-service' }));
  await eventually('the service to be gone', async () =>
    (await statusOf('cedar-ot', 'service')) === undefined ? true : undefined,
  );
  expect((await update('cedar-ot')).error).toBeNull();
  expect(await statusOf('cedar-ot', 'service')).toBe('CREATE_COMPLETE');

  const StackName = 'lumenality-cedar-ot-data';
  await cloud.ports.stacks.setTerminationProtection(StackName, false);
  await cloud.cloudFormation.send(new DeleteStackCommand({ StackName }));
  await eventually('the data stack to be gone', async () =>
    (await statusOf('cedar-ot', 'data')) === undefined ? true : undefined,
  );
  const run = await plane.update('cedar-ot', first);
  expect(run.error).toMatchObject({
    code: 'change_refused',
    step: 'deploy-data',
    message: expect.stringContaining('an empty database'),
    nextAction: expect.stringContaining('restore-database'),
  });
  expect(await statusOf('cedar-ot', 'data')).toBeUndefined();
});

test('an operation that somebody else has under way is waited for, and what it did is undone by the update', async () => {
  await activePractice('dogwood-aba');
  await cloud.fault({
    resourceType: 'AWS::Logs::LogGroup',
    action: 'update',
    match: 'dogwood-aba',
    times: 1,
    effect: { kind: 'delay', ms: 1_000 },
  });
  const StackName = 'lumenality-dogwood-aba-data';
  const body = JSON.parse((await cloud.templateOf(StackName)) ?? '{}') as {
    Resources: Record<string, { Properties: { RetentionInDays: number } }>;
  };
  for (const { Properties } of Object.values(body.Resources)) Properties.RetentionInDays = 90;
  const Parameters = ['PracticeId', 'KeyArn'].map((ParameterKey) => ({
    ParameterKey,
    UsePreviousValue: true,
  }));
  await cloud.cloudFormation.send(
    new UpdateStackCommand({ StackName, Parameters, TemplateBody: JSON.stringify(body) }),
  );
  expect((await update('dogwood-aba')).error).toBeNull();
  expect(await cloud.templateOf(StackName)).toBe(next.templates.data);
});

test('a stack that is older than the record of its practice is neither adopted nor changed', async () => {
  await activePractice('elm-speech');
  const later = new Date(Date.now() + 3_600_000);
  await plane.database.db
    .updateTable('practice')
    .set({ created_at: later })
    .where('id', '=', 'elm-speech')
    .execute();
  const run = await update('elm-speech');
  expect(run.error).toMatchObject({
    code: 'change_refused',
    message: expect.stringMatching(/before practice elm-speech was approved/),
    nextAction: expect.stringContaining('restore-control-plane'),
  });
  expect(await cloud.templateOf('lumenality-elm-speech-data')).toBe(first.templates.data);
});
