import { accessChangeSchema, offboardingSchema } from '../../control-api/contracts/life-cycle.ts';
import { changeOffboarding } from '../../lib/db/offboarding-store.ts';
import type { PracticeState } from '../../lib/domain/practice.ts';
import { advanceDue } from '../../lib/reconcilers/advance-offboardings.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { silent } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let releaseId: string;
let serial = 0;
const reason = 'asked for by the practice';

beforeAll(async () => {
  api = await startTestApi();
  releaseId = await publishTestRelease(api.database, 'b', api.clock.at);
});
afterAll(() => api.close());

const post = (url: string, payload: object, headers: Record<string, string> = {}) =>
  api.call({ method: 'POST', url, headers: { 'idempotency-key': freshKey(), ...headers }, payload });
const endRuns = async (practiceId: string, state: 'succeeded' | 'failed') => {
  await api.database.db.updateTable('run').set({ state }).where('practice_id', '=', practiceId).execute();
  // Runs are told apart by when they were asked for.
  api.clock.at = new Date(api.clock.at.getTime() + 1);
};

/** A practice in a state, as a provisioning that ended leaves it. */
async function practiceIn(state: PracticeState): Promise<string> {
  serial += 1;
  const signUp = (await post('/v1/signups', signUpRequest({ displayName: `Birch ${serial}` }))).json();
  const { practiceId } = (await post(`/v1/signups/${signUp.id}/approve`, { reason: 'checked' })).json();
  await endRuns(practiceId, 'succeeded');
  await api.database.db
    .updateTable('practice')
    .set({ state, release_id: releaseId, activated_at: api.clock.at })
    .where('id', '=', practiceId)
    .execute();
  return practiceId;
}

/** An offboarding whose grace period has begun. */
async function inGrace(): Promise<string> {
  const id = await practiceIn('active');
  await post(`/v1/practices/${id}/offboard`, { reason, confirm: id });
  await endRuns(id, 'succeeded');
  await api.database.db.transaction().execute(async (trx) => {
    const graceEndsAt = new Date(api.clock.at.getTime() + 30 * 86_400_000);
    await changeOffboarding(trx, id, {
      stage: 'grace',
      runId: null,
      graceBeganAt: api.clock.at,
      graceEndsAt,
    });
    await trx.updateTable('practice').set({ state: 'offboarding' }).where('id', '=', id).execute();
  });
  return id;
}

const auditOf = async (practiceId: string): Promise<{ action: string; details: object }[]> =>
  (await api.call({ url: `/v1/audit?subjectType=practice&subjectId=${practiceId}` })).json().items;
const runsOf = async (practiceId: string): Promise<{ id: string; workflow: string }[]> =>
  (await api.call({ url: `/v1/practices/${practiceId}/runs` })).json().items;

describe('a suspension', () => {
  test('is queued once for a key, with run and audit row, and changes no state by itself', async () => {
    const id = await practiceIn('active');
    const headers = { 'idempotency-key': freshKey() };
    const answer = await post(`/v1/practices/${id}/suspend`, { reason }, headers);
    expect(answer.statusCode).toBe(202);
    const change = accessChangeSchema.parse(answer.json());
    expect(change).toMatchObject({ practiceId: id, state: 'active' });
    expect(answer.headers['location']).toBe(`/v1/runs/${change.runId}`);
    expect((await post(`/v1/practices/${id}/suspend`, { reason }, headers)).json()).toEqual(change);
    expect((await runsOf(id)).filter(({ workflow }) => workflow === 'suspend-practice')).toHaveLength(1);
    const rows = (await auditOf(id)).filter(({ action }) => action === 'practice.suspension_requested');
    expect(rows).toMatchObject([{ details: { reason, runId: change.runId } }]);
  });

  test('is refused in any other state, and while a run is open, with what is possible instead', async () => {
    const suspended = await practiceIn('suspended');
    const refused = await post(`/v1/practices/${suspended}/suspend`, { reason });
    expect(refused.json()).toMatchObject({
      status: 409,
      state: 'suspended',
      detail: expect.stringContaining('resumed'),
    });
    const busy = await practiceIn('active');
    await post(`/v1/practices/${busy}/suspend`, { reason });
    const open = await post(`/v1/practices/${busy}/offboard`, { reason, confirm: busy });
    expect(open.json()).toMatchObject({ status: 409, detail: expect.stringContaining('suspend-practice') });
    expect((await post('/v1/practices/nobody/suspend', { reason })).statusCode).toBe(404);
  });

  test('is held to the revision that its author saw', async () => {
    const id = await practiceIn('active');
    const stale = await post(`/v1/practices/${id}/suspend`, { reason }, { 'if-match': '"999"' });
    expect(stale.statusCode).toBe(412);
    const { headers } = await api.call({ url: `/v1/practices/${id}` });
    const fresh = await post(
      `/v1/practices/${id}/suspend`,
      { reason },
      { 'if-match': String(headers['etag']) },
    );
    expect(fresh.statusCode).toBe(202);
  });

  test('keeps updates, settings and invitations waiting until it is over', async () => {
    const id = await practiceIn('suspended');
    const update = await post(`/v1/practices/${id}/deployments`, { releaseId, reason });
    expect(update.json()).toMatchObject({ status: 409, state: 'suspended' });
    const invited = await post(`/v1/practices/${id}/owner-invitation`, {
      reason,
      tokenSha256: 'ab'.repeat(32),
    });
    expect(invited.json()).toMatchObject({ status: 409, state: 'suspended' });
    const resumed = await post(`/v1/practices/${id}/resume`, { reason });
    expect(resumed.statusCode).toBe(202);
    const { items } = (await api.call({ url: `/v1/practices/${id}/deployments` })).json();
    expect(items).toMatchObject([{ runId: resumed.json().runId, releaseId, state: 'queued', reason }]);
  });
});

describe('an offboarding', () => {
  test('is confirmed by the practice’s id and is a security administrator’s to begin', async () => {
    const id = await practiceIn('active');
    const wrong = await post(`/v1/practices/${id}/offboard`, { reason, confirm: 'another' });
    expect(wrong.json()).toMatchObject({ status: 400, errors: [{ pointer: '/confirm' }] });
    const short = await post(`/v1/practices/${id}/offboard`, { reason, confirm: id, graceDays: 1 });
    expect(short.json()).toMatchObject({ status: 400, errors: [{ pointer: '/graceDays' }] });
    const { token } = await api.tokenWith(['operator']);
    const headers = { authorization: `Bearer ${token}` };
    expect((await post(`/v1/practices/${id}/offboard`, { reason, confirm: id }, headers)).statusCode).toBe(
      403,
    );
    expect(await runsOf(id)).toHaveLength(1);
    const begun = await post(`/v1/practices/${id}/offboard`, { reason, confirm: id });
    expect(begun.statusCode).toBe(202);
    expect(offboardingSchema.parse(begun.json())).toMatchObject({
      stage: 'closing',
      graceDays: 30,
      canBeTakenBack: false,
    });
    expect((await api.call({ url: `/v1/practices/${id}` })).json().state).toBe('active');
  });

  test('of a practice that has none is not found, and cannot be cancelled', async () => {
    const id = await practiceIn('active');
    expect((await api.call({ url: `/v1/practices/${id}/offboarding` })).statusCode).toBe(404);
    const cancelled = await post(`/v1/practices/${id}/offboarding/cancel`, { reason });
    expect(cancelled.json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('not being offboarded'),
    });
  });

  test('advances once when its time has come, however many look, and not while it is being taken back', async () => {
    const [due, taken] = [await inGrace(), await inGrace()];
    const cancel = await post(`/v1/practices/${taken}/offboarding/cancel`, { reason });
    expect(cancel.json()).toMatchObject({ stage: 'cancelling', cancelReason: reason });
    const pass = () => advanceDue({ ...api.core, log: silent });
    expect(await pass()).toEqual([]);
    api.clock.at = new Date(api.clock.at.getTime() + 31 * 86_400_000);
    const begun = (await Promise.all([pass(), pass(), pass()])).flat();
    expect(begun).toHaveLength(1);
    expect((await runsOf(due))[0]).toMatchObject({ id: begun[0], workflow: 'deprovision-practice' });
    expect((await runsOf(taken))[0]).toMatchObject({ workflow: 'resume-practice' });
    const shown = (await api.call({ url: `/v1/practices/${due}/offboarding` })).json();
    expect(shown).toMatchObject({ stage: 'deprovisioning', runId: begun[0], canBeTakenBack: false });
    const late = await post(`/v1/practices/${due}/offboarding/cancel`, { reason });
    expect(late.statusCode).toBe(409);
  });

  test('cannot be called off by its run once the removal has begun', async () => {
    const id = await inGrace();
    api.clock.at = new Date(api.clock.at.getTime() + 31 * 86_400_000);
    await advanceDue({ ...api.core, log: silent });
    const [run] = await runsOf(id);
    await api.database.db
      .transaction()
      .execute((trx) => changeOffboarding(trx, id, { removalBeganAt: api.clock.at }));
    const refused = await api.call({
      method: 'POST',
      url: `/v1/runs/${run?.id}/cancel`,
      payload: { reason },
    });
    expect(refused.json()).toMatchObject({
      status: 409,
      detail: expect.stringContaining('nothing of that comes back'),
    });
  });
});
