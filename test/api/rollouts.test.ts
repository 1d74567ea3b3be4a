import { randomUUID } from 'node:crypto';
import {
  rolloutPageSchema,
  rolloutPlanSchema,
  rolloutProgressSchema,
  rolloutSchema,
  rolloutTargetPageSchema,
} from '../../control-api/contracts/rollouts.ts';
import { publishRelease, readReleaseTemplates } from '../../lib/db/release-store.ts';
import { insertRollout, setRolloutStarted } from '../../lib/db/rollout-store.ts';
import { systemActor } from '../../lib/domain/access.ts';
import type { Release } from '../../lib/domain/release.ts';
import { defaultPolicy } from '../../lib/domain/rollout.ts';
import { startRollout } from '../../lib/use-cases/start-rollout.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
/** In the order of publication; every practice runs the first. */
let releases: string[];

/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');
const sundayInChicago = '2026-11-22T08:00:00.000Z';
const sundayInPhoenix = '2026-11-22T09:00:00.000Z';

beforeEach(async () => {
  api = await startTestApi();
  api.clock.at = now;
  releases = [];
  for (const letter of ['a', 'b', 'c']) {
    releases.push(await publishTestRelease(api.database, letter, api.clock.at));
  }
  await practice('Aspen', 'America/Chicago');
  await practice('Birch', 'America/Phoenix');
});
afterEach(() => api.close());

type Method = 'GET' | 'POST' | 'PUT';
const send = (method: Method, url: string, payload?: object, headers: Record<string, string> = {}) =>
  api.call({
    method,
    url,
    headers: { ...(method === 'POST' ? { 'idempotency-key': freshKey() } : {}), ...headers },
    ...(payload === undefined ? {} : { payload }),
  });

/** Signed up, approved, and active on the first release. */
async function practice(displayName: string, timeZone: string): Promise<string> {
  const signUp = await send('POST', '/v1/signups', signUpRequest({ displayName, timeZone }));
  const approved = await send('POST', `/v1/signups/${signUp.json().id}/approve`, { reason: 'checked' });
  const id: string = approved.json().practiceId;
  await api.database.db
    .updateTable('practice')
    .set({ state: 'active', release_id: releases[0] ?? '', activated_at: now })
    .where('id', '=', id)
    .execute();
  return id;
}

/** The release that stands on record, but for what tells it from others, with a deadline. */
async function publishSecurityRelease(deadline: Date): Promise<string> {
  const hash = 'd'.repeat(64);
  const { db } = api.database;
  const { manifest, templates } = (await readReleaseTemplates(db, releases[0] ?? '')) as Release;
  const changed = { ...manifest, id: `r-${hash.slice(0, 12)}`, contentHash: hash };
  const publication = {
    kind: 'security',
    severity: 'high',
    deadline,
    notes: 'Closes a session that was left open.',
    changelogUrl: null,
  } as const;
  await publishRelease(db, { manifest: changed, templates }, { publishedBy: 'test', now, publication });
  return changed.id;
}

const create = (releaseId: string | undefined, start: boolean, headers = {}) =>
  send('POST', '/v1/rollouts', { releaseId, reason: 'monthly', start }, headers);
async function created(releaseId: string | undefined, start: boolean) {
  const answer = await create(releaseId, start);
  expect(answer.statusCode).toBe(201);
  return rolloutSchema.parse(answer.json());
}
const read = async (id: string) => rolloutSchema.parse((await send('GET', `/v1/rollouts/${id}`)).json());
const targetsOf = async (id: string, query = '') =>
  rolloutTargetPageSchema.parse((await send('GET', `/v1/rollouts/${id}/targets${query}`)).json());
const trailOf = async (id: string): Promise<{ action: string; details: Record<string, unknown> }[]> =>
  (await send('GET', `/v1/audit?subjectType=rollout&subjectId=${id}`)).json().items;
const setTarget = (rolloutId: string, practiceId: string, state: 'updating') =>
  api.database.db
    .updateTable('rollout_target')
    .set({ state })
    .where('rollout_id', '=', rolloutId)
    .where('practice_id', '=', practiceId)
    .execute();
const start = (id: string, revision?: number[]) =>
  api.core.db.transaction().execute((trx) => startRollout(api.core, trx, { id, revision }, systemActor));
const notices = () =>
  api.database.db.selectFrom('notice').select(['kind', 'practice_id', 'data']).orderBy('seq').execute();

describe('a plan', () => {
  test('shows waves with local zones, and stores nothing', async () => {
    await send('PUT', '/v1/practices/birch/schedule', { window: null, ring: 'canary' });
    const answer = await send('POST', '/v1/rollouts/plan', { releaseId: releases[1] });
    const plan = rolloutPlanSchema.parse(answer.json());
    expect(plan).toMatchObject({ takesOver: null, blockedBy: [], left: [], late: [], policy: defaultPolicy });
    expect(plan.waves).toMatchObject([
      { ring: 'canary', targets: [{ practiceId: 'birch', startsAt: sundayInPhoenix }] },
      {
        ring: 'general',
        targets: [{ practiceId: 'aspen', timeZone: 'America/Chicago', startsAt: '2026-11-22T10:35:00.000Z' }],
      },
    ]);
    expect((await send('GET', '/v1/rollouts')).json()).toEqual({ items: [], nextCursor: null });
  });

  test('takes a policy, and says what is wrong with one', async () => {
    const planWith = (policy: object, releaseId = releases[1]) =>
      send('POST', '/v1/rollouts/plan', { releaseId, policy });
    expect((await planWith({ bakeMinutes: 0 })).json().policy).toEqual({ ...defaultPolicy, bakeMinutes: 0 });
    const wrong = await planWith({ concurrencyPerCell: 0 });
    expect(wrong.statusCode).toBe(400);
    expect(wrong.json().errors).toMatchObject([{ pointer: '/policy/concurrencyPerCell' }]);
    const unknown = await planWith({}, 'r-00000000dead');
    expect(unknown.json()).toMatchObject({ code: 'invalid_input', errors: [{ pointer: '/releaseId' }] });
  });

  test('is refused for a release that is halted', async () => {
    await send('POST', `/v1/releases/${releases[1]}/halt`, { reason: 'loses visits' });
    for (const url of ['/v1/rollouts/plan', '/v1/rollouts']) {
      const answer = await send('POST', url, {
        releaseId: releases[1],
        ...(url.endsWith('plan') ? {} : { reason: 'monthly' }),
      });
      expect(answer.json()).toMatchObject({ status: 409, code: 'wrong_state', state: 'halted' });
      expect(answer.json().detail).toContain('loses visits');
    }
  });
});

describe('a rollout', () => {
  test('is stored as planned, once for each key, with its audit row and nothing told', async () => {
    const key = { 'idempotency-key': freshKey() };
    const first = await create(releases[1], false, key);
    expect(first.statusCode).toBe(201);
    const rollout = rolloutSchema.parse(first.json());
    expect(rollout).toMatchObject({
      state: 'planned',
      releaseId: releases[1],
      parentId: null,
      practices: { pending: 2 },
      waves: [{ ring: 'general', firstStartAt: sundayInChicago, lastStartAt: sundayInPhoenix, yielded: 0 }],
    });
    const again = await create(releases[1], false, key);
    expect(again.json()).toEqual(first.json());
    expect(again.headers['idempotency-replayed']).toBe('true');
    expect((await trailOf(rollout.id)).map(({ action }) => action)).toEqual(['rollout.created']);
    expect(await notices()).toEqual([]);
    const page = rolloutPageSchema.parse((await send('GET', '/v1/rollouts?state=planned')).json());
    expect(page.items).toMatchObject([{ id: rollout.id, practices: { pending: 2 } }]);
  });

  test('that starts tells every practice when its turn is', async () => {
    const { id } = await created(releases[1], true);
    expect(await read(id)).toMatchObject({ state: 'running', startedAt: now.toISOString() });
    expect((await trailOf(id)).map(({ action }) => action)).toEqual(['rollout.started', 'rollout.created']);
    expect(await notices()).toMatchObject([
      { kind: 'update_scheduled', practice_id: 'aspen', data: { rolloutId: id, startsAt: sundayInChicago } },
      { kind: 'update_scheduled', practice_id: 'birch', data: { rolloutId: id, startsAt: sundayInPhoenix } },
    ]);
    const first = await targetsOf(id, '?limit=1');
    expect(first.items).toMatchObject([{ practiceId: 'aspen', wave: 1, timeZone: 'America/Chicago' }]);
    const second = await targetsOf(id, `?limit=1&cursor=${first.nextCursor}`);
    expect(second).toMatchObject({ items: [{ practiceId: 'birch', state: 'pending' }], nextCursor: null });
    expect((await targetsOf(id, '?state=updating')).items).toEqual([]);
    expect((await targetsOf(id, '?wave=2')).items).toEqual([]);
  });

  test('tells how far it is without its plan', async () => {
    const { id } = await created(releases[1], true);
    const { policy: _policy, plannedUntil: _until, left: _left, late: _late, ...whole } = await read(id);
    const answer = await send('GET', `/v1/rollouts/${id}/progress`);
    const waves = [{ wave: 1, practices: { pending: 2 } }];
    expect(rolloutProgressSchema.parse(answer.json())).toEqual({ ...whole, waves });
    expect(answer.headers['etag']).toBe((await send('GET', `/v1/rollouts/${id}`)).headers['etag']);
    expect((await send('GET', `/v1/rollouts/${randomUUID()}/progress`)).statusCode).toBe(404);
  });

  test('of a security release tells whose deferral yields', async () => {
    const until = '2026-12-15T00:00:00Z';
    await send('PUT', '/v1/practices/aspen/deferral', { until, reason: 'move of the clinic' });
    const deadline = new Date('2026-12-01T00:00:00Z');
    const release = await publishSecurityRelease(deadline);
    const { id, waves } = await created(release, true);
    expect(waves).toMatchObject([{ yielded: 1 }]);
    expect((await notices()).filter(({ kind }) => kind === 'security_override')).toEqual([
      {
        kind: 'security_override',
        practice_id: 'aspen',
        data: {
          rolloutId: id,
          releaseId: release,
          deadline: deadline.toISOString(),
          startsAt: sundayInChicago,
          yielded: ['deferral'],
        },
      },
    ]);
  });

  test('is refused when nobody would be updated, with the reason', async () => {
    const answer = await create(releases[0], true);
    expect(answer.json()).toMatchObject({ status: 409, code: 'conflict' });
    expect(answer.json().detail).toContain('aspen, because: It runs this release already.');
  });

  test('is for those who publish; everybody who follows runs reads it', async () => {
    const as = async (role: 'viewer' | 'ci' | 'plan_admin') => ({
      authorization: `Bearer ${(await api.tokenWith([role])).token}`,
    });
    expect((await create(releases[1], false, await as('viewer'))).statusCode).toBe(403);
    expect((await create(releases[1], false, await as('ci'))).statusCode).toBe(201);
    expect((await send('GET', '/v1/rollouts', undefined, await as('viewer'))).statusCode).toBe(200);
    expect((await send('GET', '/v1/rollouts', undefined, await as('plan_admin'))).statusCode).toBe(403);
    const missing = await send('GET', '/v1/rollouts/3f0a5c52-8a0e-4e39-9f6e-0d6a5c1c7b21');
    expect(missing.json()).toMatchObject({ status: 404, code: 'not_found' });
  });
});

describe('two rollouts', () => {
  test('of the same release never have the same practice: the second names the first', async () => {
    const first = await created(releases[1], true);
    const second = await create(releases[1], true);
    expect(second.json()).toMatchObject({ status: 409, code: 'conflict' });
    expect(second.json().detail).toContain(`Rollout ${first.id}`);
    const plan = await send('POST', '/v1/rollouts/plan', { releaseId: releases[1] });
    expect(plan.json().blockedBy).toEqual([{ rolloutId: first.id, releaseId: releases[1], practices: 2 }]);
  });

  test('of an older release does not start while one of a newer has its practices', async () => {
    const newer = await created(releases[2], true);
    expect((await create(releases[1], true)).json().detail).toContain(`Rollout ${newer.id}`);
  });

  test('cannot have the same practice, whoever tries', async () => {
    await created(releases[1], true);
    const { db } = api.database;
    const begun = db.transaction().execute(async (trx) => {
      const id = '3f0a5c52-8a0e-4e39-9f6e-0d6a5c1c7b21';
      const wave = {
        ring: 'general' as const,
        targets: [{ practiceId: 'aspen', startsAt: now, latestStartAt: now, yielded: [] }],
      };
      const plan = { waves: [wave], left: [], late: [], until: now };
      const releaseId = releases[1] ?? '';
      const other = { id, releaseId, parentId: null, policy: defaultPolicy, plan, reason: 'x', now };
      await insertRollout(trx, { ...other, createdBy: 'x' });
      await setRolloutStarted(trx, id, { parentId: null, now });
    });
    await expect(begun).rejects.toThrow('rollout_target_one_open');
  });

  test('a newer release takes over what an unfinished rollout has not begun, as its child', async () => {
    const parent = await created(releases[1], true);
    await setTarget(parent.id, 'birch', 'updating');
    const plan = await send('POST', '/v1/rollouts/plan', { releaseId: releases[2] });
    expect(plan.json().takesOver).toEqual({ rolloutId: parent.id, releaseId: releases[1] });

    const child = await created(releases[2], true);
    expect(child).toMatchObject({ parentId: parent.id, state: 'running', practices: { pending: 1 } });
    expect(child.left).toMatchObject([
      { practiceId: 'birch', reason: expect.stringContaining(`Rollout ${parent.id} is updating it`) },
    ]);
    expect(await read(parent.id)).toMatchObject({
      state: 'superseded',
      childId: child.id,
      finishedAt: now.toISOString(),
      practices: { skipped: 1, updating: 1 },
    });
    expect((await targetsOf(parent.id, '?state=skipped')).items).toMatchObject([
      { practiceId: 'aspen', note: `Rollout ${child.id} of ${releases[2]} took over.` },
    ]);
    expect((await trailOf(parent.id))[0]).toMatchObject({
      action: 'rollout.superseded',
      details: { by: child.id, skipped: 1 },
    });
  });

  test('started at the same moment do not both begin', async () => {
    const answers = await Promise.all([create(releases[1], true), create(releases[1], true)]);
    expect(answers.map(({ statusCode }) => statusCode).toSorted((one, other) => one - other)).toEqual([
      201, 409,
    ]);
  });

  test('what an older rollout has begun meanwhile is skipped by the one that was planned before', async () => {
    const parent = await created(releases[1], true);
    const child = await created(releases[2], false);
    await setTarget(parent.id, 'birch', 'updating');
    await start(child.id);
    expect((await targetsOf(child.id)).items).toMatchObject([
      { practiceId: 'aspen', state: 'pending' },
      {
        practiceId: 'birch',
        state: 'skipped',
        note: `Rollout ${parent.id} was updating it to ${releases[1]} when this one started.`,
      },
    ]);
    expect((await trailOf(child.id))[0]).toMatchObject({
      action: 'rollout.started',
      details: { supersedes: [parent.id], underWay: ['birch'] },
    });
    const told = (await notices()).filter(({ data }) => 'rolloutId' in data && data.rolloutId === child.id);
    expect(told.map(({ practice_id: id }) => id)).toEqual(['aspen']);
  });

  test('one that was planned is not started twice, nor once its release is halted, nor past another', async () => {
    const [first, second] = [await created(releases[1], false), await created(releases[2], false)];
    await expect(start(first.id, [7])).rejects.toMatchObject({ code: 'precondition_failed' });
    await start(first.id);
    await expect(start(first.id)).rejects.toMatchObject({
      code: 'wrong_state',
      context: { state: 'running' },
    });
    await send('POST', `/v1/releases/${releases[2]}/halt`, { reason: 'loses visits' });
    await expect(start(second.id)).rejects.toMatchObject({ code: 'wrong_state' });
    await send('POST', `/v1/releases/${releases[2]}/unhalt`, { reason: 'it does not' });
    await start(second.id);
    expect(await read(first.id)).toMatchObject({ state: 'superseded', childId: second.id });
  });

  test('one that is only planned holds nobody, and takes nothing over', async () => {
    const parent = await created(releases[1], true);
    const child = await created(releases[2], false);
    expect(child).toMatchObject({ parentId: parent.id, state: 'planned' });
    expect(await read(parent.id)).toMatchObject({ state: 'running', childId: null });
  });
});

test('what was planned never changes', async () => {
  const { id } = await created(releases[1], true);
  const { db } = api.database;
  const of = (change: object) => db.updateTable('rollout').set(change).where('id', '=', id).execute();
  await expect(of({ plan: '{}' })).rejects.toThrow('its plan never changes');
  await expect(of({ policy: '{}' })).rejects.toThrow('its plan never changes');
  await expect(of({ release_id: releases[2] })).rejects.toThrow('its plan never changes');
  await expect(db.deleteFrom('rollout').where('id', '=', id).execute()).rejects.toThrow('never changes');
});
