import type { Day } from '../../../lib/domain/plan/day.ts';
import {
  churnOf,
  cohortsOf,
  type OfferedVersion,
  type SubscriptionRecord,
} from '../../../lib/domain/plan/reports.ts';
import { revenueOf } from '../../../lib/domain/plan/revenue-report.ts';
import { enrolment, foundingTerms, standardTerms, started, toStandard } from '../../builders/plan-terms.ts';
import { at, membersOn, record } from './report-records.ts';

/** Free until 20 February 2027, then 313.00 a month, locked until 20 February 2029. */
const founding = started('2026-11-22');
const foundingCents = 14_900 + 5 * 2_900 + 1_900;

const offered = (planId: string, version: number): OfferedVersion => ({
  planId,
  version,
  rates: { base: 15_900, perClinician: 3_100, perLocation: 1_900 },
  cap: null,
});
const offeredCents = 15_900 + 5 * 3_100 + 1_900;

test('who leaves before another plan begins has left the plan that it had', () => {
  const left = record('sunrise', founding, [
    ['2027-01-02', toStandard('2027-02-20')],
    ['2027-01-03', { kind: 'ends', from: '2027-02-20' }],
  ]);
  // On the day of its enrolment, before it had any other.
  const cancelled = record('unmade', [enrolment()], [['2026-11-20', { kind: 'ends', from: '2026-11-20' }]]);
  for (const on of ['2027-02-19', '2027-02-20', '2027-06-01']) {
    expect(membersOn([left, cancelled], on).map(({ planId }) => planId)).toEqual(['founding', 'founding']);
  }
  const members = membersOn([left, cancelled], '2027-06-01');
  expect(cohortsOf(members, '2027-06-01').cohorts).toMatchObject([
    { planId: 'founding', month: '2026-11', enrolled: 2, cancelled: 2 },
  ]);
  expect(churnOf(members, '2027-06-01').filter(({ cancelled: gone }) => gone > 0)).toMatchObject([
    { month: '2027-02', activeAtStart: 1, cancelled: 1, churn: 1 },
  ]);
});

test('nothing recurred in the time before there were subscriptions', () => {
  // As of a start on 1 March 2027, of practices that were approved and activated long before.
  const recorded = (
    ...facts: readonly SubscriptionRecord['facts'][number]['fact'][]
  ): SubscriptionRecord => ({
    ...record('earlier', []),
    facts: facts.map((fact) => ({ fact, at: at('2027-03-01') })),
  });
  const terms = standardTerms;
  const earlier = recorded(
    enrolment({ terms }),
    { kind: 'activated', on: '2026-11-22' },
    { kind: 'trial_extended', days: 99 },
  );
  const seenOn = (of: SubscriptionRecord, on: Day) => revenueOf(membersOn([of], on), [], on).rows[0];
  expect(seenOn(earlier, '2026-11-21')).toMatchObject({ state: 'pending', monthlyCents: 0 });
  expect(seenOn(earlier, '2027-01-15')).toMatchObject({
    state: 'trialing',
    monthlyCents: 0,
    freeUntil: '2027-03-01',
  });
  const gone = recorded(
    enrolment({ terms }),
    { kind: 'activated', on: '2026-11-22' },
    { kind: 'trial_extended', days: 99 },
    { kind: 'ends', from: '2026-12-24' },
  );
  expect(seenOn(gone, '2026-12-23')).toMatchObject({ state: 'trialing' });
  expect(membersOn([gone], '2026-12-24')).toMatchObject([{ state: 'cancelled' }]);
});

test('a price that lapsed because the practice has a new owner does not come', () => {
  const unlocked = started('2026-11-22', { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } });
  const { rates: after } = offered('founding', 2);
  const told: SubscriptionRecord = {
    ...record('sunrise', unlocked),
    announcements: [
      {
        announced: { from: '2027-05-22', planId: 'founding', planVersion: 2, after },
        at: at('2027-03-10'),
        sentAt: at('2027-03-11'),
        lapsedAt: at('2027-04-01'),
      },
    ],
  };
  const nextOn = (on: Day) => revenueOf(membersOn([told], on), [], on).rows[0]?.next ?? null;
  expect(nextOn('2027-03-31')).toMatchObject({ from: '2027-05-22', basis: 'agreed' });
  expect(nextOn('2027-04-01')).toBeNull();
});

test('the price that comes next is named by the version that it is of', () => {
  // Announced at once, version 2 of the other plan would come with that plan's first day.
  const changes = record('sunrise', founding, [['2027-03-01', toStandard('2027-08-20')]]);
  const { rows, totals } = revenueOf(
    membersOn([changes], '2027-03-01'),
    [offered('standard', 2)],
    '2027-03-01',
  );
  expect(rows[0]?.next).toEqual({
    from: '2027-08-20',
    planId: 'standard',
    planVersion: 2,
    rateCents: offeredCents,
    basis: 'assumed',
  });
  expect(totals[0]?.months[6]).toMatchObject({ on: '2027-09-01', assumedCents: offeredCents });
});

test('no price is assumed for the day of the report, which is over', () => {
  const terms = {
    freeDays: 0,
    lock: { months: 0, from: 'first_charged_day' },
    priceChange: { noticeDays: 0 },
  } as const;
  const today = '2027-03-22';
  const { rows, totals } = revenueOf(
    membersOn([record('sunrise', started('2026-11-22', { ...foundingTerms, ...terms }))], today),
    [offered('founding', 2)],
    today,
  );
  expect(rows[0]).toMatchObject({
    monthlyCents: foundingCents,
    next: { from: '2027-04-22', basis: 'assumed' },
  });
  expect(totals[0]?.monthlyCents).toBe(foundingCents);
  expect(totals[0]?.months[0]).toMatchObject({ on: today, monthlyCents: foundingCents, assumedCents: 0 });
});
