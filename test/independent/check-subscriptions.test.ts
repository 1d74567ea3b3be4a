import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { advanceDueSubscriptions } from '../../lib/reconcilers/advance-subscriptions.ts';
import { deliverDue } from '../../lib/reconcilers/deliver-notices.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { billedPractice } from '../builders/billed-practice.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { silent } from '../builders/runs.ts';
import { checkSubscriptions } from './check-subscriptions.ts';
import { type Check, checks } from './checks.ts';
import { dayNumber } from './civil-days.ts';
import { examine } from './findings.ts';
import { at, type CutOff, cutOff, forgeries, type Rise, risen } from './forgeries.ts';
import { type Api, readPlans, readPractices, readSubscription } from './read-record.ts';
import type { Plan, Shown } from './record.ts';

let api: TestApi;
let asked: Api;
/** A practice as the API shows it at the end. */
let example: { readonly record: Shown; readonly plans: readonly Plan[] };
let notices: ReturnType<typeof testNoticePorts>;

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

async function activePractice(id: string, on: string, quantities = { clinicians: 5, locations: 1 }) {
  await billedPractice(api.database, id, { on, quantities });
  await api.database.db
    .updateTable('practice')
    .set({ activated_at: at(on) })
    .where('id', '=', id)
    .execute();
}

beforeAll(async () => {
  api = await startTestApi();
  notices = testNoticePorts();
  asked = { url: await api.app.listen({ host: '127.0.0.1', port: 0 }), token: api.administrator };
  // First charged on 20 February, two days later after an extension; on 31 January, which has no anchor in February; on 23 February.
  await activePractice('example', '2026-11-22');
  await activePractice('month-end', '2026-11-02', { clinicians: 3, locations: 2 });
  await activePractice('leaves', '2026-11-25');
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
  const practice = (await readPractices(asked)).find(({ id }) => id === 'example');
  if (practice === undefined) throw new Error('it is not there');
  example = { record: await readSubscription(asked, practice), plans: await readPlans(asked) };
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
const found = (record: Shown, plans: readonly Plan[] = example.plans): Set<Check> =>
  new Set(examine(record, plans, api.clock.at).findings.map(({ check }) => check));

test.each(forgeries)('is found: %s', (_what, check, forge) => {
  expect(found(example.record)).toEqual(new Set());
  expect(found(forge(example.record))).toContain(check);
});

const withVersions = (forged: (version: Plan['versions'][number]) => Plan['versions'][number]): Plan[] =>
  example.plans.map((plan) => ({ ...plan, versions: plan.versions.map((version) => forged(version)) }));

test('terms that are not those of the published version are found', () => {
  const longer = withVersions((version) => ({ ...version, terms: { ...version.terms, freeDays: 91 } }));
  expect(found(example.record, longer)).toEqual(new Set(['terms']));
});

test('a version is found that was taken when it was not offered any more, or not yet', () => {
  const on = dayNumber('2026-11-22');
  // Published in the course of the day, by UTC.
  const sameDay = withVersions((version) => ({ ...version, effectiveFrom: on, offeredUntil: on }));
  expect(found(example.record, sameDay)).toEqual(new Set());
  const later = withVersions((version) => ({ ...version, effectiveFrom: on + 1 }));
  expect(found(example.record, later)).toEqual(new Set(['terms']));
  const earlier = withVersions((version) => ({ ...version, offeredUntil: on - 2 }));
  expect(found(example.record, earlier)).toEqual(new Set(['terms']));
});

test.each([
  { freeDays: 91, lockMonths: 24 },
  { freeDays: 90, lockMonths: 25 },
])('terms that give less than the plan promises are found: %p', (promise) => {
  const promising = example.plans.map((plan) => ({ ...plan, promise }));
  expect(found(example.record, promising)).toEqual(new Set(['terms']));
});

const foundRisen = (change: Rise): Set<Check> => {
  const { record, plans } = risen(example, change);
  return found(record, plans);
};

test.each<[string, Rise]>([
  ['told a day too late', { sentAt: at('2027-04-24') }],
  ['told to nobody', { sentAt: null }],
  ['told beside another old price', { before: 14_800 }],
  ['before its version is offered', { offeredFrom: '2027-06-23' }],
  ['not with a period', { from: '2027-06-23' }],
  ['noted as lapsed', { outcome: 'the notice was not sent' }],
  ['taken, and no fact', { isFact: false }],
  ['neither taken nor lapsed', { isFact: false, outcome: null }],
])('a new price is found that is %s', (_what, change) => {
  expect(foundRisen({})).not.toContain('prices');
  expect(foundRisen(change)).toContain('prices');
});

test('the rates of a plan are still its own after another plan was taken back', () => {
  const { record, plans } = risen(example, {});
  const standard = plans.find(({ id }) => id === 'standard');
  const terms = standard?.versions[0]?.terms;
  if (terms === undefined) throw new Error('it is not there');
  const from = dayNumber('2027-07-22');
  const change = { kind: 'plan', from, planId: 'standard', planVersion: 1, terms } as const;
  const changed = [
    { at: at('2027-05-01'), fact: change },
    { at: at('2027-05-02'), fact: { kind: 'plan_withdrawn', from } as const },
  ];
  const [rates, ...before] = record.facts.toReversed();
  if (rates === undefined) throw new Error('it did not rise');
  const facts = [...before.toReversed(), ...changed, rates];
  const without = found(record, plans);
  expect(without).not.toContain('terms');
  expect(found({ ...record, facts }, plans)).toEqual(without);
});

const foundCutOff = (change: CutOff): Set<Check> => found(cutOff(example.record, change));

test.each<[string, CutOff]>([
  ['13 days after it was told', { toldOn: '2027-05-07' }],
  ['never told', { toldOn: null }],
  ['charged on the day of the suspension', { from: '2027-05-21' }],
  ['charged on the day of the resumption', { resumedFrom: '2027-06-01' }],
  ['free for a day after an offboarding that was taken back', { isForPayment: false }],
])('a practice is found that was cut off, %s', (_what, change) => {
  expect(foundCutOff({})).not.toContain('suspensions');
  expect(foundCutOff(change)).toContain('suspensions');
});

test('a price within the lock, told to nobody, is found', () => {
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
  expect(found(raised(example.record))).toContain('prices');
});

test('what holds no practice at all is not in order', async () => {
  const nothing = createServer((_request, response) => response.end('{"items":[],"nextCursor":null}'));
  await new Promise<void>((resolve) => nothing.listen(0, '127.0.0.1', resolve));
  const { port } = nothing.address() as AddressInfo;
  const result = await checkSubscriptions({ url: `http://127.0.0.1:${port}`, token: 'any' }, api.clock.at);
  expect(result).toMatchObject({ ok: false, subscriptions: 0, findings: [] });
  await new Promise((resolve) => nothing.close(resolve));
});
