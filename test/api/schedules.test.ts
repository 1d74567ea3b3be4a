import {
  freezePageSchema,
  freezeSchema,
  type Schedule,
  scheduleSchema,
  upcomingWindowsSchema,
} from '../../control-api/contracts/schedules.ts';
import { readFreezes, readSchedules } from '../../lib/db/schedule-store.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
let releaseId: string;
let serial = 0;
/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');
const day = 86_400_000;
const inDays = (days: number): string => new Date(now.getTime() + days * day).toISOString();

beforeAll(async () => {
  api = await startTestApi();
  releaseId = await publishTestRelease(api.database, 'a', now);
});
beforeEach(() => {
  api.clock.at = now;
});
afterAll(() => api.close());

async function newPractice(name = 'Willow'): Promise<string> {
  serial += 1;
  const payload = signUpRequest({ displayName: `${name} ${serial}`, timeZone: 'America/Chicago' });
  const signUp = await send('POST', '/v1/signups', payload);
  const url = `/v1/signups/${signUp.json().id}/approve`;
  return (await send('POST', url, { reason: 'checked' })).json().practiceId;
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
const send = (method: Method, url: string, payload?: object, headers: Record<string, string> = {}) =>
  api.call({
    method,
    url,
    headers: { ...(method === 'POST' ? { 'idempotency-key': freshKey() } : {}), ...headers },
    ...(payload === undefined ? {} : { payload }),
  });
const scheduleOf = async (id: string): Promise<Schedule> =>
  scheduleSchema.parse((await send('GET', `/v1/practices/${id}/schedule`)).json());
const trailOf = async (type: string, id: string) =>
  (await send('GET', `/v1/audit?subjectType=${type}&subjectId=${id}`)).json().items;
const as = (token: string) => ({ authorization: `Bearer ${token}` });

const nights = {
  rule: 'FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=22;BYMINUTE=30',
  durationMinutes: 90,
  timeZone: 'America/Denver',
};

describe('a schedule', () => {
  test('is the default until it is set, and a change is held to its revision', async () => {
    const id = await newPractice();
    const before = await send('GET', `/v1/practices/${id}/schedule`);
    expect(scheduleSchema.parse(before.json())).toEqual({
      practiceId: id,
      window: {
        rule: 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
        durationMinutes: 240,
        timeZone: 'America/Chicago',
        inWords: 'Sundays 02:00 for 4 h, America/Chicago',
      },
      ring: 'general',
      pin: null,
      deferral: null,
      freezes: [],
      next: { startsAt: '2026-11-22T08:00:00.000Z', endsAt: '2026-11-22T12:00:00.000Z', heldBy: [] },
    });
    const put = (headers: Record<string, string>) =>
      send(
        'PUT',
        `/v1/practices/${id}/schedule`,
        { window: nights, ring: 'early', reason: 'asked for' },
        headers,
      );
    const etag = String(before.headers['etag']);
    const changed = await put({ 'if-match': etag });
    expect(changed.statusCode).toBe(200);
    expect(scheduleSchema.parse(changed.json())).toMatchObject({
      window: { ...nights, inWords: 'Tuesdays and Thursdays 22:30 for 1 h 30 min, America/Denver' },
      ring: 'early',
      next: { startsAt: '2026-11-25T05:30:00.000Z' },
    });
    expect(changed.headers['etag']).not.toBe(etag);
    expect((await put({ 'if-match': etag })).statusCode).toBe(412);
    expect((await trailOf('practice', id))[0]).toMatchObject({
      action: 'practice.schedule_changed',
      details: { from: { ring: 'general' }, to: { window: nights, ring: 'early' }, reason: 'asked for' },
    });
    expect(await readSchedules(api.database.db, [id])).toEqual([
      { practiceId: id, window: nights, ring: 'early', pin: null, deferral: null, revision: 1 },
    ]);

    const back = await send('PUT', `/v1/practices/${id}/schedule`, { window: null, ring: 'canary' });
    expect(back.json().window.inWords).toBe('Sundays 02:00 for 4 h, America/Chicago');
  });

  test('that nobody could hold to is refused by the field that is wrong, and nothing is kept', async () => {
    const id = await newPractice();
    const put = async (change: object) =>
      (
        await send('PUT', `/v1/practices/${id}/schedule`, { window: { ...nights, ...change }, ring: 'early' })
      ).json();
    expect(await put({ rule: 'FREQ=HOURLY' })).toMatchObject({
      status: 400,
      errors: [{ pointer: '/window/rule' }],
    });
    expect(await put({ durationMinutes: 20 })).toMatchObject({
      errors: [{ pointer: '/window/durationMinutes' }],
    });
    expect(await put({ timeZone: 'Chicago' })).toMatchObject({ errors: [{ pointer: '/window/timeZone' }] });
    expect(await scheduleOf(id)).toMatchObject({ ring: 'general' });
    expect(await readSchedules(api.database.db, [id])).toMatchObject([{ revision: 0 }]);
    expect(
      (await send('PUT', '/v1/practices/nobody/schedule', { window: null, ring: 'early' })).statusCode,
    ).toBe(404);
  });

  test('of a practice that is gone has no windows, and is not changed any more', async () => {
    const id = await newPractice();
    await api.database.db
      .updateTable('practice')
      .set({ state: 'deprovisioned' })
      .where('id', '=', id)
      .execute();
    expect(await scheduleOf(id)).toMatchObject({ next: null });
    const refused = await send('PUT', `/v1/practices/${id}/schedule`, { window: null, ring: 'early' });
    expect(refused.json()).toMatchObject({ status: 409, state: 'deprovisioned' });
  });

  test('lists its next windows, an open one too, over the changes of the clocks', async () => {
    const id = await newPractice();
    api.clock.at = new Date('2027-02-28T11:59:00Z');
    const answer = await send('GET', `/v1/practices/${id}/maintenance-windows?limit=40`);
    const { windows, inWords } = upcomingWindowsSchema.parse(answer.json());
    expect(inWords).toBe('Sundays 02:00 for 4 h, America/Chicago');
    expect(windows.slice(0, 4).map(({ startsAt }) => startsAt)).toEqual([
      '2027-02-28T08:00:00.000Z',
      '2027-03-07T08:00:00.000Z',
      '2027-03-14T08:00:00.000Z',
      '2027-03-21T07:00:00.000Z',
    ]);
    expect(windows).toHaveLength(40);
    expect(windows.at(-1)?.startsAt).toBe('2027-11-28T08:00:00.000Z');
    expect((await send('GET', `/v1/practices/${id}/maintenance-windows?limit=101`)).statusCode).toBe(400);
  });
});

describe('a pin and a deferral', () => {
  const pin = () => ({ releaseId, until: inDays(29), reason: 'audit season' });

  test('hold windows until their end, and are taken back', async () => {
    const id = await newPractice();
    const pinned = await send('PUT', `/v1/practices/${id}/pin`, pin());
    expect(pinned.json()).toMatchObject({ pin: pin(), next: { heldBy: ['pin'] } });
    const deferred = await send('PUT', `/v1/practices/${id}/deferral`, {
      until: inDays(9),
      reason: 'moves house',
    });
    expect(deferred.json()).toMatchObject({
      deferral: { until: inDays(9) },
      next: { heldBy: ['pin', 'deferral'] },
    });
    const { windows } = (await send('GET', `/v1/practices/${id}/maintenance-windows?limit=5`)).json();
    expect(windows.map(({ heldBy }: { heldBy: string[] }) => heldBy)).toEqual([
      ['pin', 'deferral'],
      ['pin', 'deferral'],
      ['pin'],
      ['pin'],
      [],
    ]);
    const etag = String(deferred.headers['etag']);
    const stale = String(pinned.headers['etag']);
    expect(
      (await send('DELETE', `/v1/practices/${id}/pin`, undefined, { 'if-match': stale })).statusCode,
    ).toBe(412);
    expect(
      (await send('DELETE', `/v1/practices/${id}/pin`, undefined, { 'if-match': etag })).json().pin,
    ).toBeNull();
    const free = await send('DELETE', `/v1/practices/${id}/deferral`);
    expect(free.json()).toMatchObject({ deferral: null, next: { heldBy: [] } });
    // Without one there is nothing to take back, and nothing to tell of.
    expect((await send('DELETE', `/v1/practices/${id}/deferral`)).headers['etag']).toBe(free.headers['etag']);
    expect(
      (await trailOf('practice', id)).slice(0, 4).map(({ action }: { action: string }) => action),
    ).toEqual(['practice.undeferred', 'practice.unpinned', 'practice.deferred', 'practice.pinned']);
  });

  test('pass by themselves', async () => {
    const id = await newPractice();
    await send('PUT', `/v1/practices/${id}/pin`, pin());
    api.clock.at = new Date(inDays(29));
    expect(await scheduleOf(id)).toMatchObject({ pin: null, next: { heldBy: [] } });
  });

  test('need an end that is neither past nor too far off, and a published release', async () => {
    const id = await newPractice();
    const put = async (what: string, body: object) =>
      (await send('PUT', `/v1/practices/${id}/${what}`, { reason: 'test', ...body })).json();
    for (const [what, most] of [
      ['pin', 180],
      ['deferral', 60],
    ] as const) {
      const body = what === 'pin' ? { releaseId } : {};
      for (const days of [0, -1, most + 1]) {
        expect(await put(what, { ...body, until: inDays(days) })).toMatchObject({
          status: 400,
          errors: [{ pointer: '/until', message: expect.stringContaining(`at most ${most} days`) }],
        });
      }
      expect(await put(what, { ...body, until: inDays(most) })).toMatchObject({
        [what]: { until: inDays(most) },
      });
    }
    expect(await put('pin', { releaseId: 'r-000000000000', until: inDays(1) })).toMatchObject({
      status: 400,
      errors: [{ pointer: '/releaseId' }],
    });
    const halted = await publishTestRelease(api.database, 'b', now);
    await send('POST', `/v1/releases/${halted}/halt`, { reason: 'it loses appointments' });
    expect(await put('pin', { releaseId: halted, until: inDays(1) })).toMatchObject({
      detail: expect.stringContaining('halted'),
      errors: [{ pointer: '/releaseId' }],
    });
    expect(await put('pin', { releaseId, until: 'tomorrow' })).toMatchObject({
      errors: [{ pointer: '/until' }],
    });
  });
});

describe('a freeze', () => {
  // One of the fleet would hold windows of other tests too.
  afterEach(() => api.database.db.deleteFrom('update_freeze').execute());

  const freeze = async (body: object, key = freshKey()) => {
    const answer = await send(
      'POST',
      '/v1/freezes',
      { reason: 'holiday', ...body },
      { 'idempotency-key': key },
    );
    return { answer, frozen: answer.statusCode === 201 ? freezeSchema.parse(answer.json()) : undefined };
  };
  const created = async (body: object) => {
    const { answer, frozen } = await freeze(body);
    if (frozen === undefined) throw new Error(answer.body);
    return frozen;
  };
  const actionsOf = async (type: string, id: string) =>
    (await trailOf(type, id)).map(({ action }: { action: string }) => action);

  test('that begins while a window is open holds it too', async () => {
    const id = await newPractice();
    // Sunday, 03:00 in Chicago.
    api.clock.at = new Date('2026-11-22T09:00:00Z');
    expect((await scheduleOf(id)).next).toMatchObject({ startsAt: '2026-11-22T08:00:00.000Z', heldBy: [] });
    await send('POST', '/v1/freezes', { practiceId: id, until: inDays(3), reason: 'an incident' });
    expect((await scheduleOf(id)).next).toMatchObject({
      startsAt: '2026-11-22T08:00:00.000Z',
      heldBy: ['freeze'],
    });
  });

  test('of the fleet concerns every practice, one of a practice nobody else, until it is lifted', async () => {
    const [one, other] = [await newPractice(), await newPractice()];
    const fleet = await created({ practiceId: null, until: inDays(1) });
    const own = await created({ practiceId: one, from: inDays(1), until: inDays(5) });
    expect([fleet.state, own.state]).toEqual(['in_force', 'scheduled']);
    expect((await scheduleOf(one)).freezes.map(({ id }) => id)).toEqual([fleet.id, own.id]);
    expect((await scheduleOf(one)).next?.heldBy).toEqual(['freeze']);
    expect((await scheduleOf(other)).freezes.map(({ id }) => id)).toEqual([fleet.id]);
    expect((await scheduleOf(other)).next?.heldBy).toEqual([]);
    expect(await readFreezes(api.database.db, now)).toMatchObject([
      { id: fleet.id, practiceId: null, renewedBySecurity: false },
      { id: own.id, practiceId: one, from: new Date(inDays(1)), until: new Date(inDays(5)) },
    ]);

    const operator = as((await api.tokenWith(['operator'])).token);
    const lift = () => send('DELETE', `/v1/freezes/${fleet.id}`, undefined, operator);
    expect([(await lift()).statusCode, (await lift()).statusCode]).toEqual([204, 204]);
    expect(await actionsOf('freeze', fleet.id)).toEqual(['freeze.lifted', 'freeze.created']);
    expect((await actionsOf('practice', one))[0]).toBe('freeze.created');
    expect((await scheduleOf(other)).freezes).toEqual([]);
    const list = async (query: string) =>
      freezePageSchema.parse((await send('GET', `/v1/freezes?${query}`)).json()).items.map(({ id }) => id);
    expect(await list('open=true')).toEqual([own.id]);
    expect(await list(`practiceId=${other}`)).toEqual([fleet.id]);
    expect((await list(`practiceId=${one}`)).toSorted()).toEqual([fleet.id, own.id].toSorted());
  });

  test('is made once for a key, and within its bounds', async () => {
    const key = freshKey();
    const body = { practiceId: null, until: inDays(30) };
    const { frozen, answer: first } = await freeze(body, key);
    const repeat = await freeze(body, key);
    expect(repeat.frozen?.id).toBe(frozen?.id);
    expect([first.headers['idempotency-replayed'], repeat.answer.headers['idempotency-replayed']]).toEqual([
      undefined,
      'true',
    ]);
    const refused = async (change: object) =>
      (await freeze({ ...body, ...change })).answer.json().errors[0].pointer;
    expect(await refused({ until: inDays(31) })).toBe('/until');
    expect(await refused({ until: inDays(0) })).toBe('/until');
    expect(await refused({ from: inDays(-1) })).toBe('/from');
    expect(await refused({ from: inDays(366), until: inDays(370) })).toBe('/from');
    expect(await refused({ practiceId: 'nobody' })).toBe('/practiceId');
  });

  test('holds for good once security has renewed it, and is then theirs to lift', async () => {
    const id = await newPractice();
    const [operator, security] = [await api.tokenWith(['operator']), await api.tokenWith(['security_admin'])];
    const frozen = await created({ practiceId: id, until: inDays(20) });
    const renew = (token: string, until: string, headers: Record<string, string> = {}) =>
      send(
        'POST',
        `/v1/freezes/${frozen.id}/renew`,
        { until, reason: 'forensics' },
        { ...as(token), ...headers },
      );
    expect((await renew(operator.token, inDays(30))).statusCode).toBe(403);
    expect((await renew(security.token, inDays(31))).json().errors[0].pointer).toBe('/until');
    api.clock.at = new Date(inDays(19));
    const renewed = await renew(security.token, inDays(49), { 'if-match': '"1"' });
    expect(freezeSchema.parse(renewed.json())).toMatchObject({
      until: inDays(49),
      renewedBySecurity: true,
      renewal: { at: inDays(19), reason: 'forensics' },
    });
    expect((await renew(security.token, inDays(40), { 'if-match': '"1"' })).statusCode).toBe(412);
    expect(await readFreezes(api.database.db, api.clock.at)).toMatchObject([{ renewedBySecurity: true }]);
    expect((await trailOf('practice', id))[0]).toMatchObject({
      action: 'freeze.renewed',
      details: { freezeId: frozen.id, reason: 'forensics', from: inDays(20), to: inDays(49) },
    });

    const lift = (token: string) => send('DELETE', `/v1/freezes/${frozen.id}`, undefined, as(token));
    expect((await lift(operator.token)).json()).toMatchObject({
      status: 403,
      detail: expect.stringContaining('security_admin'),
    });
    expect((await lift(security.token)).statusCode).toBe(204);
    expect((await renew(security.token, inDays(40))).json()).toMatchObject({ status: 409, state: 'lifted' });
  });

  test('that is over is neither renewed nor lifted', async () => {
    const frozen = await created({ practiceId: null, until: inDays(1) });
    api.clock.at = new Date(inDays(1));
    const renewed = await send('POST', `/v1/freezes/${frozen.id}/renew`, {
      until: inDays(2),
      reason: 'late',
    });
    expect(renewed.json()).toMatchObject({ status: 409, state: 'over' });
    expect((await send('DELETE', `/v1/freezes/${frozen.id}`)).statusCode).toBe(204);
    expect(await actionsOf('freeze', frozen.id)).toEqual(['freeze.created']);
    const nowhere = '/v1/freezes/00000000-0000-4000-8000-000000000000';
    expect((await send('DELETE', nowhere)).statusCode).toBe(404);
  });
});
