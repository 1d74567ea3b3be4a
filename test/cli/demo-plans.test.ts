import { mkdtempSync } from 'node:fs';
import { demonstrate } from '../../bin/accelerated-demo.ts';
import { type Asked, isAllRecorded } from '../../bin/demo-plans-asked.ts';
import { checkIndependently } from '../../bin/demo-plans-facts.ts';
import { yearsOf } from '../../bin/demo-plans-report.ts';
import { lastDay, story } from '../../bin/demo-plans-story.ts';
import type { Stops } from '../../bin/lifecycle.ts';
import type { StatementSummary } from '../../control-api/contracts/statements.ts';
import type { Config } from '../../lib/config.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { enrolment } from '../builders/plan-terms.ts';
import { shared } from '../builders/run-directory.ts';

// The demo itself takes minutes: CI runs it (.github/workflows/ci.yml). This is what its report would tell wrongly without anybody seeing it.

const statement = (until: string, chargeCents: number): StatementSummary => ({
  number: `oak-${until}`,
  practiceId: 'oak',
  from: '2027-01-01',
  until,
  currency: 'USD',
  openingCents: 0,
  totals: { charge: chargeCents, credit: -5, adjustment: -2, payment: -100, reversal: 1 },
  costCents: chargeCents - 6,
  closingCents: 0,
  closedAt: `${until}T05:00:00Z`,
});

test('a statement counts in the year in which its last day is', () => {
  const statements = [
    // Its last day is the last one of the first year.
    statement('2027-11-23', 1_000),
    statement('2027-11-24', 20_000),
    statement('2029-11-23', 300_000),
  ];
  const years = yearsOf({ subscriptions: [], statements }, '2026-11-23');
  expect(years.map(({ from, chargedCents }) => [from, chargedCents])).toEqual([
    ['2026-11-23', 1_000],
    ['2027-11-23', 20_000],
    ['2028-11-23', 300_000],
  ]);
  expect(years[0]).toMatchObject({ statements: 1, correctedCents: -6, paidCents: 100 });
});

test('the story is told in the order of its days, and ends with time left for what follows from it', () => {
  const days = story.map(({ day }) => day);
  expect(days).toEqual(days.toSorted((one, other) => one - other));
  expect(days[0]).toBe(0);
  expect(days.at(-1)).toBeLessThan(lastDay - 14);
});

test('who interrupts the independent check interrupts the demo, which then still stops what it has started', async () => {
  const interrupt = new AbortController();
  const of = { url: 'http://127.0.0.1:1', tokenFile: 'none', clock: { now: () => new Date() } };
  const checked = checkIndependently(of, interrupt.signal);
  interrupt.abort();
  await expect(checked).rejects.toThrow('aborted');
});

test('everything that was started is stopped, also after something that does not stop', async () => {
  process.env['LUMENALITY_DATA_DIR'] = mkdtempSync(shared('demo-'));
  const stopped: string[] = [];
  const start = async (_config: Config, stops: Stops): Promise<never> => {
    stops.push(async () => stopped.push('database'));
    stops.push(() => Promise.reject(new Error('it does not stop')));
    stops.push(async () => stopped.push('API'));
    throw new Error('it does not start');
  };
  const show = () => Promise.reject(new Error('nothing to show'));
  const options = { exit: true, json: true, color: false, help: false };
  const demo = demonstrate({ folder: 'demo', start, show }, options, new AbortController().signal);
  await expect(demo).rejects.toThrow('it does not stop');
  expect(stopped).toEqual(['API', 'database']);
});

const asked = (verb: string, body: Asked['body'] = {}): Asked => ({ index: 0, on: '2027-03-01', verb, body });
const enrolled = enrolment({ on: '2027-03-01' });

test.each<[string, Asked, SubscriptionFact]>([
  [
    'a clinician more from a later day on',
    asked('quantities', { clinicians: 6, from: '2027-03-20' }),
    { kind: 'quantities', clinicians: 6, locations: 1, from: '2027-03-20' },
  ],
  ['a cancellation with notice', asked('cancellation'), { kind: 'ends', from: '2027-03-31' }],
  ['its being taken back', asked('cancellation taken back'), { kind: 'ends', from: null }],
  ['a longer trial', asked('trial-extension', { days: 14 }), { kind: 'trial_extended', days: 14 }],
  ['a longer lock', asked('lock-extension', { months: 12 }), { kind: 'lock_extended', months: 12 }],
  ['a suspension', asked('suspension', { confirm: 'oak' }), { kind: 'suspended', from: '2027-03-01' }],
  ['its end', asked('resumption'), { kind: 'resumed', from: '2027-03-02' }],
])('what was asked is held against the record: %s', (_what, change, fact) => {
  const enrols = asked('enrolment', { ...enrolled.quantities });
  const isRecorded = (...facts: SubscriptionFact[]) =>
    isAllRecorded([enrols, change], {
      facts: [enrolled, { kind: 'activated', on: '2027-03-01' }, ...facts],
      posted: [],
    });
  expect(isRecorded(fact)).toBe(true);
  expect(isRecorded()).toBe(false);
  expect(isRecorded(fact, fact)).toBe(false);
  expect(isRecorded('from' in fact ? { ...fact, from: '2027-03-05' } : { kind: 'ends', from: null })).toBe(
    false,
  );
});

test('what was posted is held against what was asked', () => {
  const credit = [asked('credits', { amountCents: 500 })];
  expect(isAllRecorded(credit, { facts: [], posted: [-500] })).toBe(true);
  expect(isAllRecorded(credit, { facts: [], posted: [500] })).toBe(false);
  expect(isAllRecorded(credit, { facts: [], posted: [-500, -500] })).toBe(false);
  expect(isAllRecorded(credit, { facts: [], posted: [] })).toBe(false);
});
