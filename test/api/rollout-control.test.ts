import type { Role } from '../../lib/domain/access.ts';
import { type RolloutFleet, startRolloutFleet } from '../builders/rollout-fleet.ts';

let fleet: RolloutFleet;
const reason = 'asked for by the team';

beforeEach(async () => {
  fleet = await startRolloutFleet();
});
afterEach(() => fleet.close());

const post = (url: string, headers: Record<string, string> = {}) =>
  fleet.api.call({ method: 'POST', url, headers, payload: { reason } });
const verb = (id: string, name: string, headers: Record<string, string> = {}) =>
  post(`/v1/rollouts/${id}/${name}`, headers);
const target = (id: string, practiceId: string, name: string) =>
  post(`/v1/rollouts/${id}/targets/${practiceId}/${name}`);
const auditOf = async (id: string): Promise<{ action: string; details: object }[]> =>
  (await fleet.api.call({ url: `/v1/audit?subjectType=rollout&subjectId=${id}` })).json().items;

test('a rollout is started, paused, resumed and aborted, each with its audit row and a new revision', async () => {
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1], start: false });
  expect(await target(id, 'general-one', 'retry')).toMatchObject({ statusCode: 409 });
  const started = await fleet.api.call({ method: 'POST', url: `/v1/rollouts/${id}/start` });
  expect(started.json()).toEqual({ id, releaseId: fleet.releases[1], state: 'running', pausedBecause: null });
  const paused = await verb(id, 'pause', { 'if-match': String(started.headers['etag']) });
  expect(paused.json()).toMatchObject({ state: 'paused', pausedBecause: expect.stringContaining(reason) });
  fleet.at('2026-11-21T02:00:00Z');
  expect(await fleet.pass()).toEqual([]);
  const again = await verb(id, 'pause');
  expect(again).toMatchObject({ statusCode: 409 });
  expect(again.json()).toMatchObject({ state: 'paused', detail: expect.stringContaining('Resume it first') });
  const stale = await verb(id, 'resume', { 'if-match': String(started.headers['etag']) });
  expect(stale.statusCode).toBe(412);
  expect((await verb(id, 'resume')).json()).toMatchObject({ state: 'running', pausedBecause: null });
  expect(await fleet.pass()).toEqual(['general-one: start']);
  expect((await verb(id, 'abort')).json()).toMatchObject({ state: 'aborted' });
  await fleet.end('general-one', { message: 'It broke.' });
  // What had begun comes to its end, and goes back.
  expect(await fleet.pass()).toEqual(['general-one: roll_back']);
  await fleet.end('general-one');
  expect(await fleet.pass()).toEqual(['general-one: rolled_back']);
  expect(await fleet.state(id)).toBe('aborted');
  expect((await verb(id, 'resume')).json()).toMatchObject({
    state: 'aborted',
    detail: expect.stringContaining('over'),
  });
  expect((await verb('0b9c8d7e-6f5a-4b3c-8d2e-1f0a9b8c7d6e', 'pause')).statusCode).toBe(404);
  const told = (await auditOf(id)).map(({ action }) => action).reverse();
  expect(told.slice(0, 5)).toEqual([
    'rollout.started',
    'rollout.paused',
    'rollout.resumed',
    'rollout.practice_started',
    'rollout.aborted',
  ]);
});

test('after failures beyond the budget a rollout goes on once they are retried or skipped', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('canary-two', 'canary');
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  fleet.at('2026-11-21T02:00:00Z');
  await fleet.pass();
  await fleet.end('canary-one', {});
  await fleet.end('canary-two', {});
  await fleet.pass();
  const busy = await target(id, 'canary-one', 'skip');
  expect(busy.json()).toMatchObject({
    status: 409,
    state: 'updating',
    detail: expect.stringMatching(/Run \S+ is at work on it/),
  });
  await fleet.end('canary-one');
  await fleet.end('canary-two');
  await fleet.pass();
  expect(await fleet.pass()).toEqual([]);
  expect(await fleet.state(id)).toBe(
    'paused: 2 of its practices failed, none may. Retry or skip those that failed, then resume; or abort',
  );
  await target(id, 'canary-one', 'skip');
  expect((await verb(id, 'resume')).statusCode).toBe(409);
  await target(id, 'canary-two', 'skip');
  expect((await verb(id, 'resume')).statusCode).toBe(200);
  expect(await fleet.pass()).toEqual(['all: finish']);
});

test('a practice gets another turn, or is left out', async () => {
  await fleet.practice('canary-one', 'canary');
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  fleet.at('2026-11-21T02:00:00Z');
  await fleet.pass();
  await fleet.end('canary-one', {});
  await fleet.pass();
  await fleet.end('canary-one');
  await fleet.pass();
  expect((await verb(id, 'resume')).json()).toMatchObject({
    state: 'paused',
    detail: expect.stringContaining('paused again at once: 1 of its practices failed'),
  });
  const retried = await target(id, 'canary-one', 'retry');
  expect(retried.json()).toMatchObject({
    state: 'pending',
    startsAt: '2026-11-21T02:00:00.000Z',
    note: expect.stringContaining(reason),
  });
  await verb(id, 'resume');
  expect(await fleet.pass()).toEqual(['canary-one: start']);
  await fleet.end('canary-one', {});
  await fleet.pass();
  await fleet.end('canary-one');
  await fleet.pass();
  expect((await target(id, 'canary-one', 'skip')).json()).toMatchObject({ state: 'skipped' });
  await verb(id, 'resume');
  fleet.at('2026-11-21T02:45:00Z');
  expect(await fleet.pass()).toEqual(['general-one: start']);
  expect(await auditOf(id)).toContainEqual(
    expect.objectContaining({
      action: 'rollout.practice_skipped',
      details: { practiceId: 'canary-one', wave: 1, reason, from: 'rolled_back' },
    }),
  );
});

test('a promotion goes past bake time and gate, and takes along who has not had its turn', async () => {
  for (const id of ['canary-one', 'canary-two']) await fleet.practice(id, 'canary');
  await fleet.practice('general-one');
  const id = await fleet.rollout({
    releaseId: fleet.releases[1],
    policy: { bakeMinutes: 600, concurrencyPerCell: 1 },
  });
  expect((await verb(id, 'promote')).statusCode).toBe(200);
  expect(await fleet.targets(id)).toEqual({
    'canary-one': 'pending',
    'canary-two': 'pending',
    'general-one': 'pending',
  });
  fleet.at('2026-11-21T02:00:00Z');
  await fleet.pass();
  await fleet.end('canary-one');
  expect(await fleet.pass()).toContain('canary-one: bake');
  expect((await verb(id, 'promote')).json()).toMatchObject({ state: 'running' });
  expect(await fleet.targets(id)).toMatchObject({ 'canary-one': 'succeeded' });
  expect(await verb(id, 'promote')).toMatchObject({ statusCode: 409 });
  const [promoted] = (await auditOf(id)).filter(({ action }) => action === 'rollout.promoted');
  expect(promoted?.details).toMatchObject({ practices: ['canary-one'], joined: 0, reason });
});

test.each<[Role, string, number]>([
  ['ci', 'pause', 200],
  ['ci', 'promote', 403],
  ['operator', 'pause', 200],
  ['operator', 'resume', 403],
])('a token of role %s asks for %s: %d', async (role, name, status) => {
  await fleet.practice('general-one');
  const id = await fleet.rollout({ releaseId: fleet.releases[1] });
  const { token } = await fleet.api.tokenWith([role]);
  expect((await verb(id, name, { authorization: `Bearer ${token}` })).statusCode).toBe(status);
});
