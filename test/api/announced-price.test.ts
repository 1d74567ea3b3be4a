import { projectionSchema, subscriptionSchema } from '../../control-api/contracts/subscriptions.ts';
import { insertPlanVersion } from '../../lib/db/plan-store.ts';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { foundingTerms } from '../builders/plan-terms.ts';
import { silent } from '../builders/runs.ts';

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());

const id = 'alder-aba';
const dearer = { ...foundingTerms.rates, base: 19_900 };
const get = async (path: string) =>
  (await api.call({ method: 'GET', url: `/v1/practices/${id}/subscription${path}` })).json();
const projectedCents = async () =>
  projectionSchema
    .parse(await get('/projection?months=4'))
    .periods.map(({ from, basis, totalCents }) => [from, basis, totalCents]);
const until = (day: string) => {
  api.clock.at = new Date(`${day}T18:00:00Z`);
  return advanceDueSubscriptions({ db: api.database.db, clock: { now: () => api.clock.at }, log: silent });
};

test('a price that the practice was told of is projected from its day on, also before its version is offered', async () => {
  await billedPractice(api.database, id, {
    terms: { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } },
  });
  await api.database.db.transaction().execute((trx) =>
    insertPlanVersion(trx, {
      planId: 'founding',
      version: 2,
      effectiveFrom: '2027-03-01',
      terms: { ...foundingTerms, rates: dearer },
    }),
  );
  await until('2027-01-10');
  const agreed = 14_900 + 5 * 2_900 + 1_900;
  const before = [
    ['2026-12-22', 'agreed', agreed],
    ['2027-01-22', 'agreed', agreed],
    ['2027-02-22', 'agreed', agreed],
  ];
  expect(await projectedCents()).toEqual([
    ...before,
    ['2027-03-22', 'agreed', agreed],
    ['2027-04-22', 'agreed', agreed],
  ]);

  // 70 days before it: written, and in time to be sent.
  await until('2027-01-11');
  expect(await projectedCents()).toEqual([
    ...before,
    ['2027-03-22', 'agreed', agreed + 5_000],
    ['2027-04-22', 'agreed', agreed + 5_000],
  ]);
  expect(subscriptionSchema.parse(await get(''))).toMatchObject({
    plan: { version: 1 },
    coming: [{ from: '2027-03-22', plan: { version: 2 }, rates: dearer }],
  });

  // It was never sent, and now it is too late: it will not come on that day.
  api.clock.at = new Date('2027-01-22T18:00:00Z');
  expect(subscriptionSchema.parse(await get('')).coming).toEqual([]);
});
