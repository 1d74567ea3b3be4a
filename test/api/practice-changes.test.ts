import {
  changedSettingsSchema,
  overrideSchema,
  settingsSchema,
} from '../../control-api/contracts/changes.ts';
import { deploymentPageSchema, deploymentSchema } from '../../control-api/contracts/practices.ts';
import type { RunState } from '../../lib/domain/run.ts';
import { freshKey, startTestApi, type TestApi, updateSteps } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let releaseId: string;
let serial = 0;
const resources = {
  DatabaseInstance: { Type: 'AWS::RDS::DBInstance' },
  Vault: { Type: 'AWS::Backup::BackupVault' },
  Role: { Type: 'AWS::IAM::Role' },
};

beforeAll(async () => {
  api = await startTestApi();
  releaseId = await publishTestRelease(api.database, 'a', api.clock.at, {
    foundation: '{"Resources":{}}',
    data: JSON.stringify({ Resources: resources }),
    service: '{"Resources":{}}',
  });
});
afterAll(() => api.close());

/** An active practice, as a provisioning that succeeded leaves it. */
async function activePractice(): Promise<string> {
  serial += 1;
  const headers = { 'idempotency-key': freshKey() };
  const payload = signUpRequest({ displayName: `Willow ${serial}` });
  const signUp = (await api.call({ method: 'POST', url: '/v1/signups', headers, payload })).json();
  const url = `/v1/signups/${signUp.id}/approve`;
  const { practiceId, runId } = (
    await api.call({ method: 'POST', url, payload: { reason: 'checked' } })
  ).json();
  await endRun(runId, 'succeeded');
  tick();
  await api.database.db
    .updateTable('practice')
    .set({ state: 'active', release_id: releaseId, activated_at: api.clock.at })
    .where('id', '=', practiceId)
    .execute();
  return practiceId;
}

/** Runs are told apart by when they were asked for. */
const tick = (): void => {
  api.clock.at = new Date(api.clock.at.getTime() + 1);
};
const endRun = (id: string, state: RunState) =>
  api.database.db.updateTable('run').set({ state }).where('id', '=', id).execute();
const post = (url: string, payload: object, key = freshKey()) =>
  api.call({ method: 'POST', url, headers: { 'idempotency-key': key }, payload });
const deploy = (practiceId: string, key?: string, release = releaseId) =>
  post(`/v1/practices/${practiceId}/deployments`, { releaseId: release, reason: 'a fix' }, key);
const auditOf = async (practiceId: string) =>
  (await api.call({ url: `/v1/audit?subjectType=practice&subjectId=${practiceId}` })).json().items;
const runsOf = async (practiceId: string) =>
  (await api.call({ url: `/v1/practices/${practiceId}/runs` })).json().items;

describe('an update', () => {
  test('is queued once for a key, with its run, deployment and audit row', async () => {
    const id = await activePractice();
    const key = freshKey();
    const answer = await deploy(id, key);
    expect(answer.statusCode).toBe(202);
    const deployment = deploymentSchema.parse(answer.json());
    expect(answer.headers['location']).toBe(`/v1/runs/${deployment.runId}`);
    expect(deployment).toMatchObject({ releaseId, state: 'queued', reason: 'a fix' });
    const repeat = await deploy(id, key);
    expect([repeat.json(), repeat.headers['idempotency-replayed']]).toEqual([deployment, 'true']);

    const [run] = await runsOf(id);
    expect(run).toMatchObject({ id: deployment.runId, workflow: 'update-practice', state: 'queued' });
    expect(run.steps.map(({ name }: { name: string }) => name)).toEqual(updateSteps);
    expect(api.enqueued.at(-1)).toEqual({ id: run.id, practiceId: id, generation: 1 });
    const page = deploymentPageSchema.parse(
      (await api.call({ url: `/v1/practices/${id}/deployments` })).json(),
    );
    expect(page.items).toEqual([deployment]);
    expect((await auditOf(id))[0]).toMatchObject({
      action: 'practice.update_requested',
      details: { reason: 'a fix', releaseId, from: releaseId, runId: run.id },
    });
    expect((await api.call({ url: `/v1/practices/${id}` })).json().state).toBe('active');
  });

  test('is refused while a run is open, which is named; of several at once exactly one is taken', async () => {
    const id = await activePractice();
    const answers = await Promise.all([deploy(id), deploy(id), deploy(id)]);
    expect(answers.filter(({ statusCode }) => statusCode === 202)).toHaveLength(1);
    const [run] = await runsOf(id);
    const refused = answers.find(({ statusCode }) => statusCode === 409)?.json();
    expect(refused).toMatchObject({
      code: 'wrong_state',
      state: 'queued',
      detail: expect.stringContaining(run.id),
    });
    await endRun(run.id, 'failed');
    expect((await deploy(id)).statusCode).toBe(202);
  });

  test('needs a published release and an active practice', async () => {
    const id = await activePractice();
    const unknown = await deploy(id, undefined, 'r-000000000000');
    expect(unknown.json()).toMatchObject({ status: 400, errors: [{ pointer: '/releaseId' }] });
    await api.database.db.updateTable('practice').set({ state: 'suspended' }).where('id', '=', id).execute();
    expect((await deploy(id)).json()).toMatchObject({ status: 409, state: 'suspended' });
    expect((await deploy('nobody-here')).statusCode).toBe(404);
  });

  test('that nobody could queue leaves nothing behind', async () => {
    const id = await activePractice();
    const before = await auditOf(id);
    api.queue.fault = new Error('the queue is gone');
    expect((await deploy(id)).statusCode).toBe(500);
    delete api.queue.fault;
    expect(await auditOf(id)).toEqual(before);
    expect(await runsOf(id)).toHaveLength(1);
    expect((await api.call({ url: `/v1/practices/${id}/deployments` })).json().items).toEqual([]);
  });

  test('that failed can be retried and cancelled, but not once a later run has come', async () => {
    const id = await activePractice();
    const first = (await deploy(id)).json().runId;
    await endRun(first, 'failed');
    expect((await api.call({ method: 'POST', url: `/v1/runs/${first}/retry` })).json()).toMatchObject({
      state: 'queued',
    });
    expect((await api.call({ url: `/v1/practices/${id}` })).json().state).toBe('active');
    await endRun(first, 'failed');
    tick();
    const second = (await deploy(id)).json().runId;
    const retry = await api.call({ method: 'POST', url: `/v1/runs/${first}/retry` });
    expect(retry.json()).toMatchObject({ status: 409, detail: expect.stringContaining(second) });
    const cancel = (runId: string) =>
      api.call({ method: 'POST', url: `/v1/runs/${runId}/cancel`, payload: { reason: 'not now' } });
    expect((await cancel(first)).json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining(second),
    });
    // What a later run made of the practice is no matter of the first one's any more, and its failure stays on record.
    await endRun(second, 'succeeded');
    expect((await cancel(first)).statusCode).toBe(409);
    await endRun(second, 'running');
    expect((await cancel(second)).json()).toMatchObject({ state: 'cancelling' });
  });
});

describe('settings', () => {
  const read = (id: string) => api.call({ url: `/v1/practices/${id}/settings` });
  const put = (id: string, settings: object, headers: Record<string, string> = {}) =>
    api.call({
      method: 'PUT',
      url: `/v1/practices/${id}/settings`,
      headers,
      payload: { settings, reason: 'asked for by the practice' },
    });

  test('are the shape’s until they are set, and a change begins one update', async () => {
    const id = await activePractice();
    const before = await read(id);
    const { settings } = settingsSchema.parse(before.json());
    expect(settings.every(({ isSet, value, default: standard }) => !isSet && value === standard)).toBe(true);
    const etag = String(before.headers['etag']);
    const answer = await put(id, { sessionTimeoutMinutes: 20 }, { 'if-match': etag });
    expect(answer.statusCode).toBe(202);
    const changed = changedSettingsSchema.parse(answer.json());
    expect(changed.settings.filter(({ isSet }) => isSet)).toMatchObject([
      { name: 'sessionTimeoutMinutes', value: 20, default: 15 },
    ]);
    expect((await read(id)).headers['etag']).toBe(answer.headers['etag']);
    const [run] = await runsOf(id);
    expect(run).toMatchObject({ id: changed.runId, workflow: 'update-practice' });
    expect((await auditOf(id))[0]).toMatchObject({
      action: 'practice.settings_changed',
      details: {
        from: {},
        to: { sessionTimeoutMinutes: 20 },
        runId: run.id,
        reason: 'asked for by the practice',
      },
    });

    const stale = await put(id, { sessionTimeoutMinutes: 10 }, { 'if-match': etag });
    expect(stale.statusCode).toBe(412);
    const busy = await put(id, { sessionTimeoutMinutes: 10 });
    expect(busy.json()).toMatchObject({ status: 409, detail: expect.stringContaining(run.id) });
    await endRun(run.id, 'succeeded');
    const same = await put(id, { sessionTimeoutMinutes: 20 });
    expect(same.json()).toMatchObject({ runId: null });
    expect(await runsOf(id)).toHaveLength(2);
  });

  test('that their run has not brought to the silo may be asked for again', async () => {
    const id = await activePractice();
    const settings = { sessionTimeoutMinutes: 20 };
    for (const end of ['failed', 'cancelled', 'succeeded'] as const) {
      const { runId } = changedSettingsSchema.parse((await put(id, settings)).json());
      expect(runId).toBe((await runsOf(id))[0].id);
      await endRun(String(runId), end);
      tick();
    }
    expect((await put(id, settings)).json()).toMatchObject({ runId: null });
  });

  test('outside their bounds are refused one by one, and nothing is kept', async () => {
    const id = await activePractice();
    const answer = await put(id, { sessionTimeoutMinutes: 600, instanceClass: 'db.r3.huge', colour: 'blue' });
    expect(answer.statusCode).toBe(400);
    expect(
      answer
        .json()
        .errors.map(({ pointer }: { pointer: string }) => pointer)
        .toSorted(),
    ).toEqual(['/settings/colour', '/settings/instanceClass', '/settings/sessionTimeoutMinutes']);
    expect(await runsOf(id)).toHaveLength(1);
  });
});

describe('an override', () => {
  const wanted = {
    component: 'data',
    logicalId: 'DatabaseInstance',
    effect: 'replace',
    reason: 'rehearsed on a copy',
    expiresInMinutes: 60,
  };
  const list = async (id: string) =>
    (await api.call({ url: `/v1/practices/${id}/change-overrides` })).json().items;

  test('is recorded once for a key, listed, and can be revoked', async () => {
    const id = await activePractice();
    const key = freshKey();
    const url = `/v1/practices/${id}/change-overrides`;
    const answer = await post(url, wanted, key);
    expect(answer.statusCode).toBe(201);
    const override = overrideSchema.parse(answer.json());
    expect(override).toMatchObject({
      state: 'usable',
      resourceType: 'AWS::RDS::DBInstance',
      effect: 'replace',
    });
    expect((await post(url, wanted, key)).json()).toEqual(override);
    expect(await list(id)).toEqual([override]);
    expect((await auditOf(id))[0]).toMatchObject({
      action: 'change_override.created',
      details: { overrideId: override.id, reason: 'rehearsed on a copy', logicalId: 'DatabaseInstance' },
    });
    const revoke = () => api.call({ method: 'DELETE', url: `${url}/${override.id}` });
    expect((await revoke()).statusCode).toBe(204);
    expect((await revoke()).statusCode).toBe(204);
    expect(await list(id)).toMatchObject([{ id: override.id, state: 'revoked' }]);
    const revocations = (await auditOf(id)).filter(
      ({ action }: { action: string }) => action === 'change_override.revoked',
    );
    expect(revocations).toHaveLength(1);
    const elsewhere = `/v1/practices/${await activePractice()}/change-overrides/${override.id}`;
    expect((await api.call({ method: 'DELETE', url: elsewhere })).statusCode).toBe(404);
  });

  test('expires', async () => {
    const id = await activePractice();
    await post(`/v1/practices/${id}/change-overrides`, wanted);
    const before = api.clock.at;
    api.clock.at = new Date(before.getTime() + 61 * 60_000);
    expect(await list(id)).toMatchObject([{ state: 'expired' }]);
    api.clock.at = before;
  });

  test.each([
    ['a vault', { logicalId: 'Vault' }, 409],
    ['what keeps nothing', { logicalId: 'Role' }, 400],
    ['what is not there', { logicalId: 'Ghost' }, 400],
    ['what every object has', { logicalId: 'constructor' }, 400],
    ['more than a day', { expiresInMinutes: 1441 }, 400],
    ['another effect', { effect: 'weaken' }, 400],
    ['no reason', { reason: '' }, 400],
  ])('is not given for %s', async (_what, over, status) => {
    const id = await activePractice();
    const answer = await post(`/v1/practices/${id}/change-overrides`, { ...wanted, ...over });
    expect(answer.statusCode).toBe(status);
    expect(await list(id)).toEqual([]);
  });
});
