import { randomUUID } from 'node:crypto';
import { CreateChangeSetCommand, ExecuteChangeSetCommand } from '@aws-sdk/client-cloudformation';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { listAudit } from '../../lib/db/audit-store.ts';
import type { Database } from '../../lib/db/database.ts';
import { listDeployments } from '../../lib/db/deployment-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { protectStatefulResources } from '../../lib/domain/change-review-policy.ts';
import type { Release } from '../../lib/domain/release.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import { createOverride, listOverrides, revokeOverride } from '../../lib/use-cases/change-overrides.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { updatePractice } from '../../lib/workflows/update-practice.ts';
import { type CoreWithWorker, startCoreWithWorker, withoutApp } from '../builders/core-with-worker.ts';
import { eventually, runIn } from '../builders/runs.ts';
import { type SmallCloud, smallRelease, startSmallCloud } from '../builders/small-silo.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['security_admin'], requestId: 'test-request' };

const first = smallRelease({});
const inPlace = smallRelease({ retentionDays: 60 });
const replacing = smallRelease({ records: 'two' });
const removing = smallRelease({ hasRecords: false });

let cloud: SmallCloud;
let plane: CoreWithWorker;
let database: Database;
let core: Core;

beforeAll(async () => {
  cloud = await startSmallCloud();
  const parts = { ports: cloud.ports, shapes: siloShapes, cell: sandboxDefaults, pollIntervalMs: 20 };
  plane = await startCoreWithWorker({
    definitions: [provisionPractice(parts), updatePractice(parts)].map(
      withoutApp('close-default-security-group'),
    ),
    releases: [first, inPlace, replacing, removing],
  });
  ({ database, core } = plane);
});
afterAll(async () => {
  await plane.stop();
  await cloud.stop();
});

let serial = 0;

/** An active practice on the first release. */
async function activePractice(): Promise<string> {
  serial += 1;
  const practiceId = `practice-${serial}`;
  expect((await plane.provision(practiceId)).error).toBeNull();
  return practiceId;
}

const update = (practiceId: string, release: Release) => plane.update(practiceId, release);
const allow = async (practiceId: string, effect: 'replace' | 'remove') => {
  const request = { practiceId, component: 'data', logicalId: 'Records', effect } as const;
  const terms = { reason: 'rehearsed', expiresInMinutes: 10 };
  return (await createOverride(core, { ...request, ...terms }, { idempotencyKey: randomUUID() }, actor)).body
    .id;
};
const changesOf = async (runId: string) =>
  (await listRunEvents(database.db, runId, { afterSeq: 0, limit: 10_000 })).flatMap(({ body }) =>
    body.kind === 'change' ? [body] : [],
  );
const auditOf = async (practiceId: string) =>
  (await listAudit(database.db, { subjectType: 'practice', subjectId: practiceId, limit: 50 })).items.map(
    ({ action }) => action,
  );
const dataStack = (practiceId: string) => `lumenality-${practiceId}-data`;
/** The next operation on the log group that stands for records takes a while. */
const slow = (practiceId: string, action: string) =>
  cloud.fault({
    resourceType: 'AWS::Logs::LogGroup',
    action,
    match: practiceId,
    times: 1,
    effect: { kind: 'delay', ms: 2_000 },
  });
const policyIsRelaxed = (practiceId: string) =>
  eventually('the stack policy to be relaxed', async () =>
    (await cloud.policyOf(dataStack(practiceId))) === protectStatefulResources ? undefined : true,
  );
const guarded = async (practiceId: string) => {
  expect(await cloud.policyOf(dataStack(practiceId))).toBe(protectStatefulResources);
  const { items } = await listOverrides(core, practiceId, { limit: 10 });
  for (const { used_at, guard_restored_at } of items)
    if (used_at !== null) expect(guard_restored_at).not.toBeNull();
};

test('an update brings the practice to the release, with every change judged and told', async () => {
  const id = await activePractice();
  const run = await update(id, inPlace);
  expect(run.error).toBeNull();
  expect(await findPractice(database.db, id)).toMatchObject({
    state: 'active',
    release_id: inPlace.manifest.id,
  });
  expect(await cloud.templateOf(dataStack(id))).toBe(inPlace.templates.data);
  const told = await changesOf(run.id);
  expect(
    told.map(({ stackName, logicalId, effect, verdict }) => [stackName, logicalId, effect, verdict]),
  ).toEqual(
    // The release is a tag of every stack, so each resource that takes tags changes with it.
    expect.arrayContaining([
      [dataStack(id), 'Records', 'safe', 'allowed'],
      [dataStack(id), 'Other', 'safe', 'allowed'],
    ]),
  );
  const [deployment, before] = (await listDeployments(database.db, { practiceId: id, limit: 10 })).items;
  expect(deployment).toMatchObject({
    state: 'succeeded',
    reason: 'test',
    releaseId: inPlace.manifest.id,
    error: null,
  });
  expect(before).toMatchObject({ state: 'succeeded', reason: null, releaseId: first.manifest.id });
  expect(await auditOf(id)).toContain('practice.updated');
});

test.each([
  ['replace', replacing, 'LogGroupName would change from "/records/'],
  ['remove', removing, 'no longer has it'],
] as const)(
  'a release that would %s what a practice keeps is refused, and nothing is executed',
  async (effect, release, reason) => {
    const id = await activePractice();
    const run = await update(id, release);
    expect(run.error).toMatchObject({
      code: 'change_refused',
      step: 'review-changes',
      resource: { stackName: dataStack(id), logicalId: 'Records', type: 'AWS::Logs::LogGroup' },
      message: expect.stringContaining(reason),
    });
    expect(run.error?.message).toContain(`would ${effect} Records (AWS::Logs::LogGroup, /records/${id}/one)`);
    expect(await changesOf(run.id)).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ logicalId: 'Records', verdict: 'refused', effect: `${effect}s` }),
      ]),
    );
    expect(await cloud.templateOf(dataStack(id))).toBe(first.templates.data);
    // The foundation comes first, and it has changes of its own: it waits for the review of all.
    const foundation = await cloud.ports.stacks.describe(`lumenality-${id}-foundation`);
    expect(foundation?.tags['lumenality:release']).toBe(first.manifest.id);
    expect(await cloud.openChangeSets(dataStack(id))).toEqual([]);
    expect(await findPractice(database.db, id)).toMatchObject({
      state: 'active',
      release_id: first.manifest.id,
    });
    const [deployment] = (await listDeployments(database.db, { practiceId: id, limit: 1 })).items;
    expect(deployment).toMatchObject({ state: 'failed', error: { code: 'change_refused' } });
  },
);

test('an update that failed while no engine watched is told by its cause, and a retry tries again', async () => {
  const id = await activePractice();
  // Both log groups of the stack, so that neither ends the operation early.
  const updates = { resourceType: 'AWS::Logs::LogGroup', action: 'update', match: id, times: 2 };
  await cloud.fault({ ...updates, effect: { kind: 'delay', ms: 1_000 } });
  await cloud.fault({ ...updates, effect: { kind: 'fail', message: 'no capacity' } });
  const runId = await plane.ask(id, inPlace);
  await eventually('the update to begin', async () =>
    (await cloud.ports.stacks.describe(dataStack(id)))?.status === 'UPDATE_IN_PROGRESS' ? true : undefined,
  );
  await plane.restartWorker();
  const run = await plane.ended(runId);
  expect(run.error).toMatchObject({ step: 'deploy-data', code: 'deployment_failed' });
  expect(run.error?.message).toMatch(/failed: no capacity/);
  expect((await plane.retry(runId)).error).toBeNull();
});

test('the stack policy alone refuses it too, when somebody goes past the control plane', async () => {
  const id = await activePractice();
  const StackName = dataStack(id);
  const parameters = (await cloud.ports.stacks.describe(StackName))?.parameters ?? {};
  const { Id } = await cloud.cloudFormation.send(
    new CreateChangeSetCommand({
      StackName,
      ChangeSetName: 'by-hand',
      TemplateBody: replacing.templates.data,
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    }),
  );
  await cloud.cloudFormation.send(new ExecuteChangeSetCommand({ ChangeSetName: Id }));
  await eventually('the roll-back', async () =>
    (await cloud.ports.stacks.describe(StackName))?.status === 'UPDATE_ROLLBACK_COMPLETE' ? true : undefined,
  );
  const events = await cloud.ports.stacks.eventsSince(StackName, () => false);
  expect(events.find(({ status }) => status === 'UPDATE_FAILED')).toMatchObject({
    logicalId: 'Records',
    reason: expect.stringContaining('denied by stack policy'),
  });
});

describe('with an override', () => {
  test.each([
    ['replace', replacing],
    ['remove', removing],
  ] as const)('one run may %s it, once, and the guard is whole again', async (effect, release) => {
    const id = await activePractice();
    await allow(id, effect);
    const run = await update(id, release);
    expect(run.error).toBeNull();
    expect(await findPractice(database.db, id)).toMatchObject({ release_id: release.manifest.id });
    expect(await changesOf(run.id)).toEqual(
      expect.arrayContaining([expect.objectContaining({ logicalId: 'Records', verdict: 'overridden' })]),
    );
    await guarded(id);
    const actions = await auditOf(id);
    expect(actions).toEqual(
      expect.arrayContaining([
        'change_override.created',
        'change_override.used',
        'change_override.guard_restored',
      ]),
    );
    expect((await listOverrides(core, id, { limit: 10 })).items).toMatchObject([{ used_by_run: run.id }]);
    if (effect === 'remove') return;
    const back = await update(id, first);
    expect(back.error).toMatchObject({ code: 'change_refused', step: 'review-changes' });
  });

  test('that allows something else, or was revoked, the change is refused', async () => {
    const id = await activePractice();
    await allow(id, 'remove');
    expect((await update(id, replacing)).error?.code).toBe('change_refused');
    await revokeOverride(core, { practiceId: id, id: await allow(id, 'replace') }, actor);
    expect((await update(id, replacing)).error?.code).toBe('change_refused');
    expect(await auditOf(id)).not.toContain('change_override.used');
  });

  test('a change that fails leaves the guard whole, and the same run may try again', async () => {
    const id = await activePractice();
    await allow(id, 'replace');
    await cloud.fault({
      service: 'cloudformation',
      operation: 'DescribeStackResources',
      match: `${id}-data`,
      times: 1,
      effect: { kind: 'error', code: 'AccessDenied', message: 'not authorized', status: 403 },
    });
    const denied = await update(id, replacing);
    expect(denied.error).toMatchObject({ code: 'cloud_failure', step: 'deploy-data' });
    await guarded(id);
    await cloud.fault({
      resourceType: 'AWS::Logs::LogGroup',
      action: 'create',
      match: id,
      times: 1,
      effect: { kind: 'fail', message: 'no capacity' },
    });
    const run = await plane.retry(denied.id);
    expect(run.error).toMatchObject({
      code: 'deployment_failed',
      message: expect.stringContaining('no capacity'),
    });
    await guarded(id);
    expect(await findPractice(database.db, id)).toMatchObject({
      state: 'active',
      release_id: first.manifest.id,
    });
    expect((await plane.retry(run.id)).error).toBeNull();
    await guarded(id);
  });

  test('killed while the guard is relaxed, the next engine finishes the change and makes it whole', async () => {
    const id = await activePractice();
    await allow(id, 'replace');
    await slow(id, 'create');
    const runId = await plane.ask(id, replacing);
    await policyIsRelaxed(id);
    await plane.restartWorker(async () =>
      expect(await cloud.policyOf(dataStack(id))).not.toBe(protectStatefulResources),
    );
    const run = await plane.ended(runId);
    expect(run.error).toBeNull();
    await guarded(id);
    const told = (await changesOf(runId)).map(({ changeSetId, logicalId }) => `${changeSetId} ${logicalId}`);
    expect(new Set(told).size).toBe(told.length);
  });

  test('cancelled while the guard is relaxed, the operation ends, the guard is whole and the rest stays', async () => {
    const id = await activePractice();
    await allow(id, 'replace');
    await slow(id, 'create');
    const runId = await plane.ask(id, replacing);
    await policyIsRelaxed(id);
    await cancelRun(core, { runId, reason: 'not today' }, actor);
    const run = await runIn(database.db, runId, 'cancelled', 'failed');
    expect(run.error).toBeNull();
    expect(run.kept).toEqual([
      expect.stringContaining('foundation'),
      `Stack ${dataStack(id)} stays as it is: UPDATE_COMPLETE, at ${replacing.manifest.id}.`,
      expect.stringContaining(`service stays as it is: CREATE_COMPLETE, at ${first.manifest.id}`),
    ]);
    await guarded(id);
    expect(await findPractice(database.db, id)).toMatchObject({
      state: 'active',
      release_id: first.manifest.id,
    });
    const [deployment] = (await listDeployments(database.db, { practiceId: id, limit: 1 })).items;
    expect(deployment).toMatchObject({ state: 'cancelled' });
    expect((await update(id, replacing)).error).toBeNull();
  });
});
