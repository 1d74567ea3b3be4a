import { sql } from 'kysely';
import { driftCheckSchema, driftHistorySchema, driftSchema } from '../../control-api/contracts/drift.ts';
import { claimDriftCheck, postponeDriftCheck, recordDrift } from '../../lib/db/drift-store.ts';
import { noFindings } from '../../lib/domain/drift.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { drifted, lookAt, retention, unreadable } from '../builders/drift.ts';
import { insertPracticeRun } from '../builders/runs.ts';

let api: TestApi;
let releaseId: string;
beforeAll(async () => {
  api = await startTestApi();
  releaseId = await publishTestRelease(api.database, 'a', api.clock.at);
});
afterAll(() => api.close());

let serial = 0;
const inMinutes = (minutes: number): Date => new Date(api.clock.at.getTime() + minutes * 60_000);
const pass = (minutes: number): void => {
  api.clock.at = inMinutes(minutes);
};

/** An active practice, as a provisioning that succeeded leaves it; `runId` is that of the provisioning. */
async function activePractice(): Promise<{ id: string; runId: string }> {
  serial += 1;
  const id = `willow-${serial}`;
  const runId = await insertPracticeRun(
    api.database.db,
    { practiceId: id, steps: ['prepare'] },
    async () => undefined,
  );
  await setRun(runId, 'succeeded');
  await api.database.db
    .updateTable('practice')
    .set({ state: 'active', release_id: releaseId, activated_at: api.clock.at })
    .where('id', '=', id)
    .execute();
  return { id, runId };
}
const setRun = (id: string, state: 'running' | 'succeeded', finishedAt: Date | null = null) =>
  api.database.db.updateTable('run').set({ state, finished_at: finishedAt }).where('id', '=', id).execute();
const read = async (id: string) =>
  driftSchema.parse((await api.call({ url: `/v1/practices/${id}/drift` })).json());
const ask = (id: string) => api.call({ method: 'POST', url: `/v1/practices/${id}/drift-checks` });
const look = (findings = noFindings) => lookAt(api.database.db, api.clock.at, releaseId, findings);

test('a practice that nobody has looked at says so; the first look is its own answer', async () => {
  const { id } = await activePractice();
  expect(await read(id)).toMatchObject({ state: 'not_checked', checkedAt: null, differences: [] });
  const asked = await ask(id);
  expect(asked.statusCode).toBe(202);
  const { requestedAt } = driftCheckSchema.parse(asked.json());
  expect(await look(drifted)).toMatchObject({ practiceId: id, state: 'drifted', became: 'appeared' });
  const seen = await read(id);
  expect(seen).toMatchObject({ state: 'drifted', releaseId, differences: [retention], requestedAt });
  expect(String(seen.checkedAt) >= requestedAt).toBe(true);
  const trail = (await api.call({ url: `/v1/audit?subjectId=${id}` })).json().items;
  expect(trail).toMatchObject([{ action: 'practice.drift_check_requested' }]);
  const metrics = await api.call({ url: '/metrics' });
  expect(metrics.body).toMatch(/lumenality_practice_drift\{state="drifted"\} [1-9]/);
});

test('drift appears, changes and clears once each; a look that could not tell comes between without a word', async () => {
  const { id } = await activePractice();
  const more = { ...drifted, differences: [retention, { ...retention, property: '/KmsKeyId' }] };
  const became: (string | undefined)[] = [];
  const states: string[] = [];
  for (const findings of [
    noFindings,
    drifted,
    drifted,
    unreadable,
    drifted,
    more,
    unreadable,
    noFindings,
    noFindings,
  ]) {
    pass(1);
    await ask(id);
    const change = await look(findings);
    became.push(change?.became);
    states.push((await read(id)).state);
  }
  expect(became.filter((each) => each !== undefined)).toEqual(['appeared', 'changed', 'cleared']);
  expect(states.at(3)).toBe('unknown');
  const history = driftHistorySchema.parse(
    (await api.call({ url: `/v1/practices/${id}/drift/history?limit=3` })).json(),
  );
  expect(history.items.map(({ state }) => state)).toEqual(['in_sync', 'unknown', 'drifted']);
  const rest = await api.call({ url: `/v1/practices/${id}/drift/history?cursor=${history.nextCursor}` });
  // Nine looks, of which two found the same as the one before.
  expect(rest.json().items).toHaveLength(4);
});

test('no look while a run is open, and none that a run came into counts', async () => {
  const { id, runId } = await activePractice();
  await ask(id);
  await setRun(runId, 'running');
  expect(await look()).toBeUndefined();
  const refused = await ask(id);
  expect([refused.statusCode, refused.json().code]).toEqual([409, 'wrong_state']);
  expect(refused.json().detail).toContain(runId);

  await setRun(runId, 'succeeded', inMinutes(-1));
  const claim = await claimDriftCheck(api.database.db, { startedAt: api.clock.at, until: inMinutes(1) });
  if (claim === undefined) throw new Error('it was its turn');
  await setRun(runId, 'succeeded', inMinutes(0.5));
  const result = { releaseId, findings: drifted, nextCheckAt: inMinutes(60) };
  const kept = await api.database.db.transaction().execute((trx) => recordDrift(trx, claim, result));
  expect(kept).toBeUndefined();
  expect((await read(id)).state).toBe('not_checked');
  await postponeDriftCheck(api.database.db, claim, inMinutes(-1));
  await setRun(runId, 'succeeded', inMinutes(-1));
  expect(await look()).toMatchObject({ practiceId: id, state: 'in_sync' });
});

test('one process looks at a time; a claim that ran out is taken over, and its first holder writes nothing', async () => {
  const { db } = api.database;
  const { id } = await activePractice();
  await ask(id);
  const first = await claimDriftCheck(db, { startedAt: api.clock.at, until: inMinutes(10) });
  expect(first?.practiceId).toBe(id);
  expect(await look()).toBeUndefined();
  pass(11);
  expect(await look()).toMatchObject({ practiceId: id, state: 'in_sync' });
  if (first === undefined) throw new Error('nothing was claimed');
  const late = { releaseId, findings: drifted, nextCheckAt: inMinutes(60) };
  expect(await db.transaction().execute((trx) => recordDrift(trx, first, late))).toBeUndefined();
  expect((await read(id)).state).toBe('in_sync');
});

test('whoever asks while a look is under way gets one that began later', async () => {
  const { db } = api.database;
  const { id } = await activePractice();
  await ask(id);
  const claim = await claimDriftCheck(db, { startedAt: api.clock.at, until: inMinutes(10) });
  if (claim === undefined) throw new Error('nothing was claimed');
  pass(1);
  const { requestedAt } = (await ask(id)).json();
  const result = { releaseId, findings: noFindings, nextCheckAt: inMinutes(60) };
  await db.transaction().execute((trx) => recordDrift(trx, claim, result));
  expect(String((await read(id)).checkedAt) < requestedAt).toBe(true);
  expect(await look()).toMatchObject({ practiceId: id });
  expect((await read(id)).checkedAt).toBe(requestedAt);
});

test('a suspended practice is looked at and counted; of one that is leaving nothing is claimed, and nobody looks', async () => {
  const { id } = await activePractice();
  await ask(id);
  await look(drifted);
  const become = (state: 'suspended' | 'offboarding') =>
    api.database.db.updateTable('practice').set({ state }).where('id', '=', id).execute();
  const counted = async () =>
    Number(
      /lumenality_practice_drift\{state="drifted"\} (\d+)/.exec(
        (await api.call({ url: '/metrics' })).body,
      )?.[1],
    );
  const before = await counted();
  await become('suspended');
  expect([await counted(), (await read(id)).state]).toEqual([before, 'drifted']);
  expect((await ask(id)).statusCode).toBe(202);
  await become('offboarding');
  expect(await read(id)).toMatchObject({ state: 'not_checked', nextCheckAt: null, differences: [] });
  expect(await counted()).toBe(before - 1);
  expect((await ask(id)).json()).toMatchObject({ code: 'wrong_state', state: 'offboarding' });
  for (const answer of [await ask('nobody'), await api.call({ url: '/v1/practices/nobody/drift' })]) {
    expect([answer.statusCode, answer.json().code]).toEqual([404, 'not_found']);
  }
});

test('what looks found is never changed or removed, whoever asks the database', async () => {
  const { id } = await activePractice();
  await ask(id);
  await look(drifted);
  for (const statement of [
    `update drift_record set state = 'in_sync'`,
    'delete from drift_record',
    'truncate drift_record',
  ]) {
    await expect(sql.raw(statement).execute(api.database.db)).rejects.toThrow('append-only');
  }
});
