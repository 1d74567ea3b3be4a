import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { silent } from '../builders/runs.ts';
import { checkSubscriptions } from './check-subscriptions.ts';
import { type Check, checks, examine } from './findings.ts';
import { type Api, readPlans, readPractices, readSubscription } from './read-record.ts';
import type { Plan, Shown } from './record.ts';

let api: TestApi;
let asked: Api;
let notices: ReturnType<typeof testNoticePorts>;

const at = (day: string) => new Date(`${day}T18:00:00Z`);
const change = async (id: string, verb: string, payload: object) => {
  const answer = await api.call({
    method: 'POST',
    url: `/v1/practices/${id}/${verb}`,
    payload: { reason: 'asked for by the practice', ...payload },
    headers: { 'idempotency-key': freshKey() },
  });
  expect(answer.statusCode).toBeLessThan(300);
};
/** What the reconcilers do on each of these days. */
async function pass(...days: string[]): Promise<void> {
  const parts = { db: api.database.db, clock: api.core.clock, log: silent };
  for (const day of days) {
    api.clock.at = at(day);
    await advanceDueSubscriptions(parts);
    await deliverDue({ ...parts, notices });
  }
}

beforeAll(async () => {
  api = await startTestApi();
  notices = testNoticePorts();
  asked = { url: await api.app.listen({ host: '127.0.0.1', port: 0 }), token: api.administrator };
  // First charged on 20 February, two days later after an extension; on 31 January, which has no anchor in February; on 23 February.
  await billedPractice(api.database, 'example', { on: '2026-11-22' });
  await billedPractice(api.database, 'month-end', {
    on: '2026-11-02',
    quantities: { clinicians: 3, locations: 2 },
  });
  await billedPractice(api.database, 'leaves', { on: '2026-11-25' });
  await pass('2027-01-01', '2027-01-17', '2027-01-28');
  await change('example', 'subscription/trial-extension', { days: 2 });
  await pass('2027-01-31', '2027-02-08', '2027-02-19', '2027-02-22', '2027-02-28');
  await change('example', 'subscription/quantities', { from: '2027-02-28', clinicians: 6 });
  await change('leaves', 'subscription/cancellation', { from: '2027-05-03' });
  await change('month-end', 'subscription/quantities', { from: '2027-03-15', clinicians: 1, locations: 1 });
  await pass('2027-03-31', '2027-04-30');
  await change('example', 'ledger/credits', { amountCents: 5_000 });
  await change('example', 'ledger/payments', { amountCents: 31_300 });
  await pass('2027-05-10');
  await change('leaves', 'ledger/credits', { amountCents: 700 });
  await pass('2027-06-30');
});
afterAll(() => api.close());

test('every charge of the control plane is what the terms say', async () => {
  const result = await checkSubscriptions(asked, api.clock.at);
  expect(result.findings).toEqual([]);
  expect(result).toMatchObject({ ok: true, subscriptions: 3, periods: 4 + 5 + 3 });
  expect(result.facts).toHaveLength(Object.keys(checks).length);
});

test('a day on which nothing is closed yet, although it is over, is told', async () => {
  const { ok, findings } = await checkSubscriptions(asked, at('2027-09-01'));
  expect(ok).toBe(false);
  expect(new Set(findings.map(({ check }) => check))).toContain('charges');
});

/** What is found in the record of `example` when it is told otherwise than it is. */
async function foundIn(
  forge: (record: Shown) => Shown,
  plans?: (plans: Plan[]) => Plan[],
): Promise<Set<Check>> {
  const practices = await readPractices(asked);
  const practice = practices.find(({ id }) => id === 'example');
  if (practice === undefined) throw new Error('it is not there');
  const record = await readSubscription(asked, practice);
  const published = await readPlans(asked);
  const { findings } = examine(forge(record), plans?.(published) ?? published, api.clock.at);
  return new Set(findings.map(({ check }) => check));
}

const facts =
  (forged: (fact: Shown['facts'][number]['fact']) => Shown['facts'][number]['fact']) =>
  (record: Shown): Shown => ({
    ...record,
    facts: record.facts.map((recorded) => ({ ...recorded, fact: forged(recorded.fact) })),
  });
const posted =
  (forged: (transaction: Shown['transactions'][number]) => Shown['transactions'][number]) =>
  (record: Shown): Shown => ({ ...record, transactions: record.transactions.map((one) => forged(one)) });

test.each<[string, Check, (record: Shown) => Shown]>([
  [
    'a rate of the terms is another by a cent',
    'charges',
    facts((fact) => {
      if (fact.kind !== 'enrolled') return fact;
      const rates = { ...fact.terms.rates, perClinician: fact.terms.rates.perClinician + 1 };
      return { ...fact, terms: { ...fact.terms, rates } };
    }),
  ],
  [
    'the practice was active a day earlier',
    'charges',
    facts((fact) => (fact.kind === 'activated' ? { ...fact, on: fact.on - 1 } : fact)),
  ],
  [
    'there was a clinician more',
    'charges',
    facts((fact) => (fact.kind === 'quantities' ? { ...fact, clinicians: fact.clinicians + 1 } : fact)),
  ],
  [
    'a charge is gone',
    'charges',
    (record) => ({ ...record, transactions: record.transactions.filter((_, place) => place > 0) }),
  ],
  [
    'a charge has another amount',
    'ledger',
    posted((one) => (one.kind === 'charge' ? { ...one, owedCents: one.owedCents - 1 } : one)),
  ],
  [
    'a locked rate is higher',
    'locks',
    posted((one) =>
      one.charge === null ? one : { ...one, charge: { ...one.charge, rateCents: one.charge.rateCents + 1 } },
    ),
  ],
  [
    'a statement closes with another sum',
    'statements',
    (record) => ({
      ...record,
      statements: record.statements.map((one) => ({ ...one, closingCents: one.closingCents + 1 })),
    }),
  ],
  [
    'a notice was not written',
    'notices',
    (record) => ({ ...record, notices: record.notices.filter(({ daysBefore }) => daysBefore !== 3) }),
  ],
  [
    'a notice was not sent',
    'notices',
    (record) => ({ ...record, notices: record.notices.map((notice) => ({ ...notice, sentAt: null })) }),
  ],
])('is found: %s', async (_what, check, forge) => {
  expect(await foundIn((record) => record)).toEqual(new Set());
  expect(await foundIn(forge)).toContain(check);
});

test('terms that are not those of the published version are found', async () => {
  const cheaper = (plans: Plan[]): Plan[] =>
    plans.map((plan) => ({
      ...plan,
      versions: plan.versions.map((version) => ({ ...version, terms: { ...version.terms, freeDays: 91 } })),
    }));
  expect(await foundIn((record) => record, cheaper)).toEqual(new Set(['terms']));
});

test('a price within the lock, told to nobody, is found', async () => {
  const raised = (record: Shown): Shown => {
    const [first] = record.facts;
    if (first?.fact.kind !== 'enrolled') throw new Error('it was not enrolled');
    const fact = {
      kind: 'rates',
      from: record.statements[1]?.from ?? 0,
      planVersion: 2,
      rates: first.fact.terms.rates,
    };
    return { ...record, facts: [...record.facts, { at: first.at, fact: { ...fact, kind: 'rates' } }] };
  };
  expect(await foundIn(raised)).toContain('prices');
});
