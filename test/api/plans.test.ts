import type { LightMyRequestResponse } from 'fastify';
import { sql } from 'kysely';
import {
  dryRunSchema,
  planPreviewSchema,
  planSchema,
  planVersionSchema,
} from '../../control-api/contracts/plans.ts';
import { migrate } from '../../lib/db/database.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { openEmptyDatabase } from '../builders/database.ts';
import { foundingTerms as founding } from '../builders/plan-terms.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

type Answer = Promise<LightMyRequestResponse>;
const post = (url: string, payload: object, headers: Record<string, string> = {}): Answer =>
  api.call({ method: 'POST', url, headers: { 'idempotency-key': freshKey(), ...headers }, payload });
const publish = (plan: string, payload: object, headers: Record<string, string> = {}): Answer =>
  post(`/v1/plans/${plan}/versions`, payload, headers);
const read = async (id: string) => planSchema.parse((await api.call({ url: `/v1/plans/${id}` })).json());
const etagOf = async (id: string) => (await api.call({ url: `/v1/plans/${id}` })).headers['etag'] as string;
const refusalOf = async (answer: Answer) => {
  const { statusCode } = await answer;
  const { errors } = (await answer).json<{ errors?: { pointer: string; message: string }[] }>();
  return { statusCode, errors: errors?.map(({ pointer, message }) => `${pointer} ${message}`) };
};
const auditOf = async (id: string) =>
  (await api.call({ url: `/v1/audit?subjectType=plan&subjectId=${id}` })).json().items as {
    action: string;
    details: Record<string, unknown>;
  }[];

let made = 0;
/** A plan of its own for a test, which promises 30 days and 12 months. */
async function newPlan(): Promise<string> {
  made += 1;
  const id = `early-${made}`;
  const promise = { freeDays: 30, lockMonths: 12 };
  await post('/v1/plans', { id, name: 'Early practices', description: 'For early practices', promise });
  return id;
}

test('two plans are there from the start, with what their versions always gave', async () => {
  const { promise, versions } = await read('founding');
  expect(promise).toEqual({ freeDays: 90, lockMonths: 24 });
  expect(versions).toEqual([
    { version: 1, effectiveFrom: '2026-01-01', offeredUntil: null, terms: founding },
  ]);
  const standard = await read('standard');
  expect(standard.promise).toEqual({ freeDays: 0, lockMonths: 0 });
  expect(standard.versions[0]?.terms).toMatchObject({
    rates: { base: 24_900, perClinician: 3_900, perLocation: 2_900 },
    freeDays: 0,
    lock: { months: 0 },
    cap: null,
  });
  expect((await api.call({ url: '/v1/plans/nothing' })).statusCode).toBe(404);
});

test('versions from before keep number, day, free days, lock and shape', async () => {
  const database = await openEmptyDatabase();
  const { db } = database;
  await migrate(db, '0012-ci-exchange');
  await sql`insert into plan_version values ('founding', 2, '2026-06-01', 120, 36, 'group')`.execute(db);
  await migrate(db);
  const rows = await db
    .selectFrom('plan_version')
    .selectAll()
    .orderBy('plan_id')
    .orderBy('version')
    .execute();
  const plans = await db.selectFrom('plan').select(['id', 'promise']).orderBy('id').execute();
  await database.close();
  expect(rows.map((row) => [row.plan_id, row.version, row.effective_from])).toEqual([
    ['founding', 1, '2026-01-01'],
    ['founding', 2, '2026-06-01'],
    ['standard', 1, '2026-01-01'],
  ]);
  expect(rows[0]?.terms).toEqual(founding);
  const lock = { months: 36, from: 'first_charged_day' };
  expect(rows[1]?.terms).toEqual({ ...founding, freeDays: 120, lock, shape: 'group' });
  expect(plans).toEqual([
    { id: 'founding', promise: { freeDays: 90, lockMonths: 24 } },
    { id: 'standard', promise: { freeDays: 0, lockMonths: 0 } },
  ]);
});

test.each([
  `update plan_version set terms = terms || '{"freeDays": 0}'`,
  `update plan_version set effective_from = '2020-01-01'`,
  'delete from plan_version',
  'truncate plan_version cascade',
])('what was published never changes: "%s" is refused', async (statement) => {
  await expect(sql.raw(statement).execute(api.database.db)).rejects.toThrow('append-only');
});

test.each([
  `update plan set promise = '{"freeDays": 0, "lockMonths": 0}'`,
  `delete from plan where id = 'founding'`,
])('a promise is fixed: "%s" is refused', async (statement) => {
  await expect(sql.raw(statement).execute(api.database.db)).rejects.toThrow('is fixed');
});

test('a plan is made once for a key, by a plan administrator, and its id is its own', async () => {
  const payload = {
    id: 'partner',
    name: 'Partner practices',
    description: 'For practices of partners',
    promise: { freeDays: 30, lockMonths: 12 },
  };
  const { token } = await api.tokenWith(['viewer', 'operator', 'security_admin']);
  const refused = await post('/v1/plans', payload, { authorization: `Bearer ${token}` });
  expect(refused.statusCode).toBe(403);
  const key = { 'idempotency-key': freshKey() };
  const answer = await post('/v1/plans', payload, key);
  expect([answer.statusCode, answer.headers['location']]).toEqual([201, '/v1/plans/partner']);
  expect(planSchema.parse(answer.json())).toEqual({ ...payload, versions: [] });
  expect((await post('/v1/plans', payload, key)).headers['idempotency-replayed']).toBe('true');
  expect(await refusalOf(post('/v1/plans', payload))).toEqual({
    statusCode: 409,
    errors: ['/id must be an id that no plan has'],
  });
  expect((await refusalOf(post('/v1/plans', { ...payload, id: 'Partner 2' }))).statusCode).toBe(400);
  expect((await auditOf('partner')).map(({ action }) => action)).toEqual(['plan.created']);
});

test('a version is published once for a key, and held to the revision that its author saw', async () => {
  const plan = await newPlan();
  const seen = { 'if-match': await etagOf(plan) };
  const key = { 'idempotency-key': freshKey() };
  const first = { effectiveFrom: '2026-12-01', terms: founding };
  const answer = await publish(plan, first, { ...seen, ...key });
  expect(answer.statusCode).toBe(201);
  expect(planVersionSchema.parse(answer.json())).toEqual({ version: 1, offeredUntil: null, ...first });
  expect(answer.headers['etag']).toBe(await etagOf(plan));
  const repeated = await publish(plan, first, { ...seen, ...key });
  expect([repeated.statusCode, repeated.headers['idempotency-replayed']]).toEqual([201, 'true']);
  const terms = { ...founding, rates: { base: 15_900, perClinician: 3_100, perLocation: 1_900 } };
  const second = { effectiveFrom: '2027-03-01', terms };
  expect((await publish(plan, second, seen)).statusCode).toBe(412);
  expect((await publish(plan, second, { 'if-match': await etagOf(plan) })).statusCode).toBe(201);
  expect((await read(plan)).versions).toEqual([
    { version: 1, ...first, offeredUntil: '2027-03-01' },
    { version: 2, ...second, offeredUntil: null },
  ]);
  expect((await auditOf(plan)).map(({ action, details }) => [action, details['version']])).toEqual([
    ['plan.version_published', 2],
    ['plan.version_published', 1],
    ['plan.created', undefined],
  ]);
  expect((await publish('nothing', second)).statusCode).toBe(404);
});

test('with a version its members are due, so that those whom it reaches are told in time', async () => {
  const plan = await newPlan();
  await publish(plan, { effectiveFrom: '2026-12-01', terms: founding });
  await billedPractice(api.database, 'yearly-aba');
  const { db } = api.database;
  const later = new Date('2027-11-22T06:00:00Z');
  const due = () =>
    db.selectFrom('subscription').select('next_due_at').where('practice_id', '=', 'yearly-aba');
  await db
    .updateTable('subscription')
    .set({ plan_id: plan, plan_version: 1, next_due_at: later })
    .where('practice_id', '=', 'yearly-aba')
    .execute();
  await publish(plan, { effectiveFrom: '2026-12-01', terms: founding });
  expect(await due().executeTakeFirst()).toEqual({ next_due_at: later });
  await publish(plan, { effectiveFrom: '2027-01-01', terms: founding });
  expect(await due().executeTakeFirst()).toEqual({ next_due_at: api.clock.at });
});

test('of many who publish the next version at once, one does', async () => {
  const plan = await newPlan();
  const seen = { 'if-match': await etagOf(plan) };
  const codesOf = async (asked: readonly Answer[]) => (await Promise.all(asked)).map((one) => one.statusCode);
  const days = ['2026-12-01', '2026-12-02', '2026-12-03', '2026-12-04'];
  const first = await codesOf(
    days.map((effectiveFrom) => publish(plan, { effectiveFrom, terms: founding }, seen)),
  );
  expect(first.toSorted(ascending)).toEqual([201, 412, 412, 412]);
  // Without If-Match too, since versions of one day would overlap.
  const next = { effectiveFrom: '2027-01-01', terms: founding };
  const second = await codesOf(days.map(() => publish(plan, next)));
  expect(second.toSorted(ascending)).toEqual([201, 400, 400, 400]);
  expect((await read(plan)).versions.map(({ version }) => version)).toEqual([1, 2]);
});
const ascending = (one: number, other: number) => one - other;

describe('a version is refused', () => {
  let plan: string;
  beforeAll(async () => {
    plan = await newPlan();
    const terms = { ...founding, freeDays: 60, lock: { ...founding.lock, months: 18 } };
    await publish(plan, { effectiveFrom: '2026-12-01', terms });
  });
  const rates = (changed: object) => ({ rates: { ...founding.rates, ...changed } });

  test.each<[string, object, string]>([
    ['a negative price', rates({ base: -1 }), '/terms/rates/base must be at least 0'],
    ['a fraction of a cent', rates({ perLocation: 1.5 }), '/terms/rates/perLocation must be a whole number'],
    ['an unknown currency', { currency: 'ABC' }, '/terms/currency must be the ISO 4217 code'],
    ['another currency', { currency: 'CAD' }, '/terms/currency must'],
    ['another interval', { interval: 'year' }, '/terms/interval must'],
    ['a shorter free period', { freeDays: 29 }, '/terms/freeDays must be at least 30, as plan'],
    ['a shorter lock', { lock: { ...founding.lock, months: 11 } }, '/terms/lock/months must be at least 12'],
    ['no discipline', { disciplines: [] }, '/terms/disciplines must name at least one'],
    [
      'enrolment that ends before it begins',
      { enrolment: { from: '2027-02-01', until: '2027-01-31' } },
      '/terms/enrolment/until must not be before',
    ],
    ['no place', { cap: 0 }, '/terms/cap must be at least 1'],
    ['what is no term', { discount: 5 }, '/terms/discount is not a field'],
  ])('for %s', async (_what, changed, words) => {
    const terms = { ...founding, ...changed };
    const { statusCode, errors } = await refusalOf(publish(plan, { effectiveFrom: '2027-01-01', terms }));
    expect([statusCode, errors]).toEqual([400, [expect.stringContaining(words)]]);
  });

  test.each([
    ['2026-11-19', 'must be 2026-11-20, which is today in UTC, or later'],
    ['2026-12-01', 'must be after 2026-12-01'],
    ['2027-02-30', 'must be a day'],
    ['9999-12-31', 'must be in the years 2000 to 2199'],
  ])('for the first day %s', async (effectiveFrom, words) => {
    const { statusCode, errors } = await refusalOf(publish(plan, { effectiveFrom, terms: founding }));
    expect([statusCode, errors?.[0]]).toEqual([400, expect.stringContaining(`/effectiveFrom ${words}`)]);
  });
});

describe('a dry run', () => {
  const dearer = { ...founding, rates: { ...founding.rates, base: 15_900 } };
  const asked = { effectiveFrom: '2027-03-01', terms: dearer };
  const dryRun = (payload: object, query = '', headers: Record<string, string> = {}): Answer =>
    post(`/v1/plans/founding/versions?dryRun=true${query}`, payload, headers);
  beforeAll(async () => {
    const unlocked = { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } } as const;
    await billedPractice(api.database, 'locked-aba');
    await billedPractice(api.database, 'open-aba', { terms: unlocked });
    await billedPractice(api.database, 'open-speech', { terms: unlocked });
  });

  test('lists whom the version would touch, from when and by how much, and publishes nothing', async () => {
    const answer = await dryRun(asked, '&limit=1');
    expect(answer.statusCode).toBe(200);
    const { touched, ...others } = dryRunSchema.parse(answer.json());
    expect(others).toEqual({
      planId: 'founding',
      version: 2,
      effectiveFrom: '2027-03-01',
      currency: 'USD',
      locked: { count: 1, firstUntil: '2029-02-20', lastUntil: '2029-02-20' },
      unaffected: 0,
    });
    expect(touched).toMatchObject({ count: 2, monthlyDifferenceCents: 2_000, firstFrom: '2027-03-22' });
    const row = {
      from: '2027-03-22',
      clinicians: 5,
      locations: 1,
      monthlyCentsBefore: 31_300,
      monthlyCentsAfter: 32_300,
      monthlyDifferenceCents: 1_000,
    };
    expect(touched.items).toEqual([{ practiceId: 'open-aba', ...row }]);
    const next = dryRunSchema.parse((await dryRun(asked, `&limit=1&cursor=${touched.nextCursor}`)).json());
    expect(next.touched).toMatchObject({
      count: 2,
      items: [{ practiceId: 'open-speech' }],
      nextCursor: null,
    });
    expect((await read('founding')).versions).toHaveLength(1);
    expect(await auditOf('founding')).toEqual([]);
  });

  test('is refused where the publication would be', async () => {
    const refused = { ...asked, terms: { ...dearer, cap: 2 } };
    const wrong = {
      statusCode: 400,
      errors: ['/terms/cap must be at least 3, the members that the plan has'],
    };
    expect(await refusalOf(dryRun(refused))).toEqual(wrong);
    expect(await refusalOf(publish('founding', refused))).toEqual(wrong);
    expect((await dryRun(asked, '', { 'if-match': '"99"' })).statusCode).toBe(412);
  });
});

describe('a preview', () => {
  const asked = {
    plan: 'founding',
    clinicians: 6,
    locations: 1,
    startsOn: '2026-11-22',
    timeZone: 'America/Chicago',
  };
  const preview = (changes: object) => post('/v1/plans/preview', { ...asked, ...changes });

  test('says what is free, what is locked and when what is charged', async () => {
    const { token } = await api.tokenWith(['viewer']);
    const answer = await post(
      '/v1/plans/preview',
      { ...asked, months: 5 },
      { authorization: `Bearer ${token}` },
    );
    const shown = planPreviewSchema.parse(answer.json());
    expect(shown).toMatchObject({
      version: 1,
      chargedFrom: '2027-02-20',
      lockedFrom: '2027-02-20',
      lockedUntil: '2029-02-20',
      totalCents: 3 * 34_200,
    });
    expect(
      shown.periods.map(({ from, until, days, basis, chargedAt }) => [from, until, days, basis, chargedAt]),
    ).toEqual([
      // Clocks go forward on 14 March: midnight is an hour earlier in UTC from then on.
      ['2027-02-20', '2027-03-20', 28, 'locked', '2027-03-20T05:00:00.000Z'],
      ['2027-03-20', '2027-04-20', 31, 'locked', '2027-04-20T05:00:00.000Z'],
      ['2027-04-20', '2027-05-20', 30, 'locked', '2027-05-20T05:00:00.000Z'],
    ]);
    expect(shown.periods[0]?.charges.map(({ component, amountCents }) => [component, amountCents])).toEqual([
      ['base', 14_900],
      ['per_clinician', 17_400],
      ['per_location', 1_900],
    ]);
  });

  test('is of the version that is offered on the day, or of the one that is named', async () => {
    const plan = await newPlan();
    await publish(plan, { effectiveFrom: '2026-12-01', terms: founding });
    await publish(plan, { effectiveFrom: '2027-01-01', terms: { ...founding, freeDays: 100 } });
    const versionOf = async (changes: object) => (await preview({ plan, ...changes })).json().version;
    expect(await versionOf({ startsOn: '2026-12-31' })).toBe(1);
    expect(await versionOf({ startsOn: '2027-01-01' })).toBe(2);
    expect(await versionOf({ startsOn: '2027-01-01', version: 1 })).toBe(1);
    const { errors } = await refusalOf(preview({ plan, startsOn: '2026-11-30' }));
    expect(errors).toEqual([expect.stringContaining('/startsOn must be 2026-12-01 or later')]);
  });

  test.each<[object, string]>([
    [{ plan: 'nothing' }, '/plan must be the id of a plan'],
    [{ version: 9 }, '/version must be a version of plan founding'],
    [{ timeZone: 'America/Springfield' }, '/timeZone must be an IANA time zone'],
    [{ clinicians: 0 }, '/clinicians must be at least 1'],
    [{ startsOn: 'soon' }, '/startsOn must be a day'],
    [{ startsOn: '9999-12-31' }, '/startsOn must be in the years 2000 to 2199'],
    [{ months: 121 }, '/months must be at most 120'],
  ])('is refused for %j', async (changes, words) => {
    expect(await refusalOf(preview(changes))).toEqual({
      statusCode: 400,
      errors: [expect.stringContaining(words)],
    });
  });
});
