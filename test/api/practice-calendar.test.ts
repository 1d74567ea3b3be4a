import { sync as parse, type VEvent } from 'node-ical';
import { calendarAddressSchema } from '../../control-api/contracts/schedules.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { publishTestRelease } from '../builders/database.ts';
import { signUpRequest } from '../builders/sign-up.ts';

let api: TestApi;
/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');

beforeAll(async () => {
  api = await startTestApi();
  await publishTestRelease(api.database, 'a', now);
});
beforeEach(() => {
  api.clock.at = now;
});
afterAll(() => api.close());

const send = (method: 'POST' | 'PUT', url: string, payload: object = {}) =>
  api.call({ method, url, headers: { 'idempotency-key': freshKey() }, payload });

async function practiceOf(displayName: string): Promise<string> {
  const payload = signUpRequest({ displayName, timeZone: 'America/Chicago' });
  const signUp = await send('POST', '/v1/signups', payload);
  return (await send('POST', `/v1/signups/${signUp.json().id}/approve`, { reason: 'checked' })).json()
    .practiceId;
}

const make = async (id: string) =>
  calendarAddressSchema.parse((await send('POST', `/v1/practices/${id}/calendar`)).json()).path;
const read = (url: string, headers: Record<string, string> = {}) => api.app.inject({ url, headers });
const eventsOf = (text: string) =>
  Object.values(parse.parseICS(text)).filter((each): each is VEvent => each?.type === 'VEVENT');

test('a calendar holds the windows of 90 days, each the same event in every edition, and needs no token', async () => {
  const id = await practiceOf('Speech; Play, Sons');
  await send('PUT', `/v1/practices/${id}/deferral`, { until: '2026-11-29T12:00:00Z', reason: 'moves house' });
  const path = await make(id);
  const answer = await read(path);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({
    'content-type': 'text/calendar; charset=utf-8',
    'cache-control': 'private, max-age=3600',
  });
  expect(answer.body).toContain(`NAME:Lumenality updates of Speech\\; Play\\, Sons\r\n`);
  const events = eventsOf(answer.body);
  expect(events).toHaveLength(13);
  expect(events[0]).toMatchObject({
    uid: `2026-11-22T08:00:00.000Z.${id}@lumenality`,
    start: new Date('2026-11-22T08:00Z'),
    end: new Date('2026-11-22T12:00Z'),
    summary: 'No updates planned (deferral)',
  });
  expect(events.at(-1)).toMatchObject({
    start: new Date('2027-02-14T08:00Z'),
    summary: 'Updates may be installed',
  });
  api.clock.at = new Date('2026-11-23T12:00:00Z');
  const later = eventsOf((await read(path)).body);
  const kept = events.slice(1).map(({ uid }) => uid);
  expect(later.slice(0, kept.length).map(({ uid }) => uid)).toEqual(kept);
});

test('a calendar is sent again only when it has changed', async () => {
  const id = await practiceOf('Willow One');
  const path = await make(id);
  const tag = String((await read(path)).headers['etag']);
  api.clock.at = new Date(now.getTime() + 60_000);
  const same = await read(path, { 'if-none-match': tag });
  expect([same.statusCode, same.body, same.headers['etag']]).toEqual([304, '', tag]);
  expect((await read(path, { 'if-none-match': `"other", ${tag.slice(2)}` })).statusCode).toBe(304);
  const window = { rule: 'FREQ=WEEKLY;BYDAY=TU;BYHOUR=22', durationMinutes: 90, timeZone: 'America/Denver' };
  await send('PUT', `/v1/practices/${id}/schedule`, { window, ring: 'general' });
  const changed = await read(path, { 'if-none-match': tag });
  expect([changed.statusCode, changed.headers['etag'] === tag]).toEqual([200, false]);
});

test('a calendar has one address, which only who asked for it knows', async () => {
  const id = await practiceOf('Willow Two');
  const first = await make(id);
  const second = await make(id);
  const unknown = `/v1/calendars/${'A'.repeat(43)}.ics`;
  const answers = [await read(first), await read(unknown), await read('/v1/calendars/a.ics')];
  const [told, ...others] = answers.map((answer) => ({ ...answer.json(), instance: '' }));
  expect(told).toMatchObject({ status: 404, detail: 'There is no such calendar.' });
  expect(others).toEqual([told, told]);
  expect((await read(second)).statusCode).toBe(200);

  const key = /([^/]+)\.ics$/.exec(second)?.[1] ?? '';
  const kept = await api.database.db.selectFrom('practice_calendar').selectAll().execute();
  expect(JSON.stringify(kept)).not.toContain(key);
  expect(api.log.join()).not.toContain(key);
  expect(
    (await api.call({ url: `/v1/audit?subjectType=practice&subjectId=${id}` })).json().items[0],
  ).toMatchObject({
    action: 'practice.calendar_made',
    details: { replaced: true },
  });
});
