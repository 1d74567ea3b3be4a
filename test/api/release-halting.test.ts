import { sql } from 'kysely';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { eventually } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const halt = (id: string, verb: 'halt' | 'unhalt' = 'halt', headers: Record<string, string> = {}) =>
  api.call({
    method: 'POST',
    url: `/v1/releases/${id}/${verb}`,
    headers,
    payload: { reason: 'sign-in fails at two practices' },
  });
const auditOf = async (id: string) =>
  (await api.call({ url: `/v1/audit?subjectType=release&subjectId=${id}` }))
    .json<{ items: { action: string; details: Record<string, unknown> }[] }>()
    .items.map(({ action, details }) => [action, details['reason']]);
/** What its run would do. */
async function becomeActive(
  { practiceId, runId }: { readonly practiceId: string; readonly runId: string },
  releaseId: string,
): Promise<void> {
  const { db } = api.database;
  await db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', runId).execute();
  await db
    .updateTable('practice')
    .set({ state: 'active', release_id: releaseId, activated_at: api.clock.at })
    .where('id', '=', practiceId)
    .execute();
}
const approve = async (displayName: string) => {
  const headers = { 'idempotency-key': freshKey() };
  const payload = signUpRequest({ displayName });
  const { id } = (await api.call({ method: 'POST', url: '/v1/signups', headers, payload })).json();
  const url = `/v1/signups/${id}/approve`;
  return (await api.call({ method: 'POST', url, payload: { reason: 'checked' } })).json();
};
const deploy = (practiceId: string, releaseId: string) =>
  api.call({
    method: 'POST',
    url: `/v1/practices/${practiceId}/deployments`,
    headers: { 'idempotency-key': freshKey() },
    payload: { releaseId, reason: 'an update' },
  });

test('a halted release is given to nobody, until it is let go again', async () => {
  const older = await publishTestRelease(api.database, '1', api.clock.at);
  const newer = await publishTestRelease(api.database, '2', api.clock.at);
  const halted = await halt(newer);
  expect(halted.json()).toMatchObject({
    state: 'halted',
    halted: { by: 'first administrator', reason: 'sign-in fails at two practices' },
  });

  const { practiceId, runId } = await approve('Maple Speech');
  const run = (await api.call({ url: `/v1/runs/${runId}` })).json();
  expect(run.state).toBe('queued');
  const { db } = api.database;
  const { input } = await db
    .selectFrom('run')
    .select('input')
    .where('id', '=', runId)
    .executeTakeFirstOrThrow();
  expect(input['releaseId']).toBe(older);
  await becomeActive({ practiceId, runId }, older);

  const refused = await deploy(practiceId, newer);
  expect([refused.statusCode, refused.json().state, refused.json().detail]).toEqual([
    409,
    'halted',
    expect.stringMatching(/halted, by first administrator .*: sign-in fails .*lumenality release unhalt r-2/),
  ]);
  expect((await halt(newer, 'unhalt')).json()).toMatchObject({ state: 'published', halted: null });
  const update = await deploy(practiceId, newer);
  expect(update.statusCode).toBe(202);
  expect(await auditOf(newer)).toEqual([
    ['release.unhalted', 'sign-in fails at two practices'],
    ['release.halted', 'sign-in fails at two practices'],
  ]);

  // Halted while its run had failed: the retry would deploy it.
  await db.updateTable('run').set({ state: 'failed' }).where('id', '=', update.json().runId).execute();
  await halt(newer);
  const retried = await api.call({ method: 'POST', url: `/v1/runs/${update.json().runId}/retry` });
  expect([retried.statusCode, retried.json().state]).toEqual([409, 'halted']);
  // What a practice has, it may be brought back to.
  await halt(older);
  expect((await deploy(practiceId, older)).statusCode).toBe(202);
  await halt(older, 'unhalt');
});

test('a practice that is pinned to a release hears that it was halted, and stays on it', async () => {
  const id = await publishTestRelease(api.database, '8', api.clock.at);
  const approved = await approve('Pine Speech');
  await becomeActive(approved, id);
  const until = new Date(api.clock.at.getTime() + 86_400_000).toISOString();
  const url = `/v1/practices/${approved.practiceId}/pin`;
  const payload = { releaseId: id, until, reason: 'audit week' };
  expect((await api.call({ method: 'PUT', url, payload })).statusCode).toBe(200);
  await halt(id);
  const notices = await api.call({ url: `/v1/notices?practice=${approved.practiceId}` });
  expect(notices.json().items).toMatchObject([
    {
      kind: 'pinned_release_halted',
      data: { releaseId: id, reason: 'sign-in fails at two practices', until },
    },
  ]);
});

test('halting twice, or with the ETag of another state, is refused', async () => {
  const id = await publishTestRelease(api.database, '3', api.clock.at);
  const { headers } = await api.call({ url: `/v1/releases/${id}` });
  const seen = { 'if-match': String(headers['etag']) };
  expect((await halt(id, 'unhalt')).json()).toMatchObject({ status: 409, state: 'published' });
  expect((await halt(id, 'halt', seen)).statusCode).toBe(200);
  expect((await halt(id)).json()).toMatchObject({ status: 409, state: 'halted' });
  expect((await halt(id, 'unhalt', seen)).statusCode).toBe(412);
  expect((await halt(id, 'unhalt')).statusCode).toBe(200);
});

test('a release that is being halted is waited for by whoever would deploy it', async () => {
  const id = await publishTestRelease(api.database, '4', api.clock.at);
  const started = await approve('Cedar OT');
  const { practiceId } = started;
  await becomeActive(started, await publishTestRelease(api.database, '5', api.clock.at));
  let asked: ReturnType<typeof deploy> | undefined;
  await api.database.db.transaction().execute(async (trx) => {
    const at = api.clock.at;
    await trx
      .updateTable('release')
      .set({ state: 'halted', halted_by: 'test', halted_at: at, halted_reason: 'just now' })
      .where('id', '=', id)
      .execute();
    asked = deploy(practiceId, id);
    await waitingForALock();
  });
  expect((await asked)?.json()).toMatchObject({ status: 409, state: 'halted' });
});

async function waitingForALock(): Promise<void> {
  await eventually('a request waits for the release', async () => {
    const { rows } = await sql<{ waits: number }>`select count(*)::int as waits from pg_stat_activity
      where wait_event_type = 'Lock' and datname = current_database()`.execute(api.database.db);
    return (rows[0]?.waits ?? 0) > 0 ? true : undefined;
  });
}
