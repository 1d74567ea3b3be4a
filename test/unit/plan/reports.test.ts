import fc from 'fast-check';
import { addDays, type Day } from '../../../lib/domain/plan/day.ts';
import { marginOf, type SiloCostFinding } from '../../../lib/domain/plan/margin-report.ts';
import { project } from '../../../lib/domain/plan/projection.ts';
import {
  churnOf,
  cohortsOf,
  memberOn,
  type OfferedVersion,
  placesOf,
  type SubscriptionRecord,
} from '../../../lib/domain/plan/reports.ts';
import { revenueOf } from '../../../lib/domain/plan/revenue-report.ts';
import { enrolment, standardTerms, started, toStandard } from '../../builders/plan-terms.ts';
import { histories } from './histories.ts';
import { at, membersOn, record } from './report-records.ts';

/** 313.00 a month, charged from 20 February 2027, locked until 20 February 2029. */
const founding = started('2026-11-22');
const foundingCents = 14_900 + 5 * 2_900 + 1_900;
const dearer: OfferedVersion = {
  planId: 'founding',
  version: 2,
  rates: { base: 15_900, perClinician: 3_100, perLocation: 1_900 },
  cap: 2,
};
const dearerCents = 15_900 + 5 * 3_100 + 1_900;

test('members are counted by plan and month of enrolment, each once', () => {
  const unlocked = { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } } as const;
  const decided = (state: 'past_due' | 'suspended') => [{ state, at: at('2027-03-01') }];
  const members = membersOn(
    [
      record('pending', [enrolment({ on: '2026-12-31' })]),
      record('trialing', started('2027-01-10')),
      record('locked', founding),
      record('unlocked', started('2026-11-22', unlocked)),
      record('owing', founding, [], decided('past_due')),
      record('cut-off', founding, [], decided('suspended')),
      record('gone', founding, [['2027-01-02', { kind: 'ends', from: '2027-03-01' }]]),
      record('standard', [
        enrolment({ on: '2026-11-22', planId: 'standard', terms: standardTerms }),
        { kind: 'activated', on: '2026-11-22' },
      ]),
      record('later', started('2027-03-02')),
    ],
    '2027-03-01',
  );
  const none = {
    enrolled: 0,
    pending: 0,
    trialing: 0,
    activeLocked: 0,
    activeUnlocked: 0,
    pastDue: 0,
    suspended: 0,
    cancelled: 0,
  };
  const november = {
    enrolled: 5,
    activeLocked: 1,
    activeUnlocked: 1,
    pastDue: 1,
    suspended: 1,
    cancelled: 1,
  };
  expect(cohortsOf(members, '2027-03-01')).toEqual({
    cohorts: [
      { planId: 'founding', month: '2026-11', ...none, ...november },
      { planId: 'founding', month: '2026-12', ...none, enrolled: 1, pending: 1 },
      { planId: 'founding', month: '2027-01', ...none, enrolled: 1, trialing: 1 },
      { planId: 'standard', month: '2026-11', ...none, enrolled: 1, activeUnlocked: 1 },
    ],
    total: { ...none, ...november, enrolled: 8, pending: 1, trialing: 1, activeUnlocked: 2 },
  });
});

test('a report about a past day knows nothing that was recorded later', () => {
  const subscription = record(
    'sunrise',
    [enrolment(), { kind: 'activated', on: '2026-11-22' }],
    [
      ['2027-03-05', { kind: 'lock_extended', months: 6 }],
      ['2027-03-06', { kind: 'quantities', from: '2027-03-01', clinicians: 9, locations: 1 }],
    ],
    [
      { state: 'past_due', at: at('2027-03-10') },
      { state: 'active', at: at('2027-03-12') },
    ],
  );
  const seenOn = (on: Day) => revenueOf(membersOn([subscription], on), [], on).rows[0];
  expect(seenOn('2026-11-21')).toMatchObject({ state: 'pending', lockedUntil: null, monthlyCents: 0 });
  expect(seenOn('2027-03-04')).toMatchObject({ clinicians: 5, lockedUntil: '2029-02-20', state: 'active' });
  expect(seenOn('2027-03-05')).toMatchObject({ clinicians: 5, lockedUntil: '2029-08-20' });
  expect(seenOn('2027-03-06')).toMatchObject({ clinicians: 9 });
  expect(seenOn('2027-03-11')).toMatchObject({ state: 'past_due' });
  expect(seenOn('2027-03-12')).toMatchObject({ state: 'active' });
});

test('places are held from the change to a plan on, and given back with the end', () => {
  const records = [
    record('stays', founding),
    record('goes', founding, [['2027-01-02', { kind: 'ends', from: '2027-01-05' }]]),
    record('changes', founding, [['2027-03-01', toStandard('2027-03-20')]]),
  ];
  const offered = [dearer, { ...dearer, planId: 'standard', version: 1, cap: null }];
  const placesOn = (on: Day) => placesOf(offered, membersOn(records, on), new Map([['founding', 4]]));
  expect(placesOn('2027-01-04')).toEqual([
    // A cap that was lowered below its members leaves no place, not a negative one.
    { planId: 'founding', version: 2, cap: 2, members: 3, placesLeft: 0, waiting: 4 },
    { planId: 'standard', version: 1, cap: null, members: 0, placesLeft: null, waiting: 0 },
  ]);
  expect(placesOn('2027-03-01')).toMatchObject([
    { members: 1, placesLeft: 1 },
    { members: 1, placesLeft: null },
  ]);
});

describe('revenue', () => {
  const revenueOn = (records: readonly SubscriptionRecord[], on: Day) =>
    revenueOf(membersOn(records, on), [dearer], on);

  it('counts a practice from its first charged day on, and at the present price after lock and notice', () => {
    const { rows, totals } = revenueOn([record('sunrise', founding)], '2027-02-10');
    expect(rows).toEqual([
      {
        practiceId: 'sunrise',
        displayName: 'sunrise',
        planId: 'founding',
        planVersion: 1,
        state: 'trialing',
        clinicians: 5,
        locations: 1,
        currency: 'USD',
        rateCents: foundingCents,
        monthlyCents: 0,
        freeUntil: '2027-02-20',
        freeDaysLeft: 10,
        lockedUntil: '2029-02-20',
        lockedDaysLeft: 741,
        endsOn: null,
        next: {
          from: '2029-02-20',
          planId: 'founding',
          planVersion: 2,
          rateCents: dearerCents,
          basis: 'assumed',
        },
      },
    ]);
    const months = totals[0]?.months ?? [];
    expect(months).toHaveLength(25);
    expect(months[0]).toMatchObject({ on: '2027-02-10', monthlyCents: 0 });
    expect(months[1]).toMatchObject({ on: '2027-03-10', lockedCents: foundingCents, assumedCents: 0 });
    expect(months[24]).toMatchObject({ on: '2029-02-10', monthlyCents: foundingCents });
    const later = revenueOn([record('sunrise', founding)], '2027-03-10').totals[0]?.months.at(-1);
    expect(later).toEqual({
      on: '2029-03-10',
      monthlyCents: dearerCents,
      lockedCents: 0,
      agreedCents: 0,
      assumedCents: dearerCents,
    });
  });

  it('leaves out who is suspended, has ended or is not active, and takes a twelfth of a yearly price, rounded down', () => {
    const yearly = started('2026-11-22', { interval: 'year', freeDays: 0 }, { clinicians: 1, locations: 1 });
    const { rows, totals } = revenueOn(
      [
        record('yearly', yearly),
        record('paused', founding, [['2027-02-25', { kind: 'suspended', from: '2027-02-25' }]]),
        record('leaving', founding, [['2027-02-25', { kind: 'ends', from: '2027-04-10' }]]),
        record('gone', founding, [['2027-02-25', { kind: 'ends', from: '2027-03-01' }]]),
        record('pending', [enrolment()]),
      ],
      '2027-03-01',
    );
    const twelfth = Math.floor((14_900 + 2_900 + 1_900) / 12);
    expect(rows.map(({ practiceId, monthlyCents }) => [practiceId, monthlyCents])).toEqual([
      ['yearly', twelfth],
      ['paused', 0],
      ['leaving', foundingCents],
      ['pending', 0],
    ]);
    expect(totals[0]?.months.slice(0, 3).map(({ monthlyCents }) => monthlyCents)).toEqual([
      twelfth + foundingCents,
      twelfth + foundingCents,
      twelfth,
    ]);
  });

  it('counts a price that was announced from its day on, unless its notice is late', () => {
    const unlocked = started('2026-11-22', { freeDays: 0, lock: { months: 0, from: 'first_charged_day' } });
    const announced = { from: '2027-05-22', planId: 'founding', planVersion: 2, after: dearer.rates };
    const told = (sentAt: Date | null): SubscriptionRecord => ({
      ...record('sunrise', unlocked),
      announcements: [{ announced, at: at('2027-03-10'), sentAt, lapsedAt: null }],
    });
    const nextOn = (sentAt: Date | null, on: Day) =>
      revenueOf(membersOn([told(sentAt)], on), [], on).rows[0]?.next ?? null;
    const next = {
      from: '2027-05-22',
      planId: 'founding',
      planVersion: 2,
      rateCents: dearerCents,
      basis: 'agreed',
    };
    expect(nextOn(null, '2027-03-09')).toBeNull();
    expect(nextOn(null, '2027-03-10')).toEqual(next);
    // 60 days before its day it is too late for a notice that was not sent.
    expect(nextOn(null, '2027-03-24')).toBeNull();
    expect(nextOn(at('2027-03-12'), '2027-03-24')).toEqual(next);
    expect(nextOn(at('2027-03-25'), '2027-03-25')).toBeNull();
    // What is sent later is not known yet.
    expect(nextOn(at('2027-03-25'), '2027-03-20')).toEqual(next);
  });

  it('agrees with the projection of each subscription in every whole month', () => {
    const { totals } = revenueOn([record('sunrise', founding)], '2027-03-20');
    const [member] = membersOn([record('sunrise', founding)], '2027-03-20');
    if (member === undefined) throw new Error('no member');
    const next = { planVersion: dearer.version, rates: dearer.rates, noticeOn: '2027-03-20' };
    const projected = project(member.timeline, { from: '2027-03-20', months: 25 }, next);
    expect(totals[0]?.months.map(({ monthlyCents }) => monthlyCents)).toEqual(
      projected.periods.map(({ totalCents }) => totalCents),
    );
  });
});

describe('margins', () => {
  const costs = new Map<string, SiloCostFinding>([
    ['paid', { monthlyNanoUsd: 123_455_000_000 }],
    ['dear', { monthlyNanoUsd: 400_000_000_000 }],
    ['canadian', { monthlyNanoUsd: 123_454_999_999 }],
    ['no-silo', { reason: 'No release is published.' }],
  ]);

  it('are rate less cost, which is rounded half up, and a reason where there is none', () => {
    const canadian = started('2026-11-22', { currency: 'CAD' });
    const members = membersOn(
      [
        record('paid', founding),
        record('dear', founding),
        record('canadian', canadian),
        record('no-silo', founding),
      ],
      '2027-03-01',
    );
    const { rows, total } = marginOf(members, costs, '2027-03-01');
    expect(rows.map(({ costCents, marginCents }) => [costCents, marginCents])).toEqual([
      [12_346, foundingCents - 12_346],
      [40_000, foundingCents - 40_000],
      [12_345, null],
      [null, null],
    ]);
    expect(rows.map(({ reason }) => reason)).toEqual([
      null,
      null,
      'Its rate is in CAD, and the cost of its silo in USD.',
      'No release is published.',
    ]);
    expect(total).toEqual({
      practices: 2,
      rateCents: 2 * foundingCents,
      costCents: 52_346,
      marginCents: 2 * foundingCents - 52_346,
      withoutMargin: 2,
    });
  });
});

test('churn is who left in a month of those that were there at its start', () => {
  const endsOn = (day: Day) => [['2026-11-23', { kind: 'ends', from: day }] as const];
  const records = [
    record('stays', founding),
    // The first day that is not charged any more counts: it was there on the last of November.
    record('first-day', founding, endsOn('2026-12-01')),
    record('in-between', founding, endsOn('2026-12-31')),
    record('same-month', started('2026-12-05'), endsOn('2026-12-20')),
    record('known-to-leave', founding, endsOn('2027-02-20')),
    record('never-active', [enrolment()], endsOn('2026-12-10')),
  ];
  const members = membersOn(records, '2027-01-15');
  const nobody = { activated: 0, cancelled: 0, cancelledNew: 0 };
  expect(churnOf(members, '2027-01-15')).toEqual([
    {
      month: '2026-11',
      complete: true,
      ...nobody,
      activeAtStart: 0,
      activated: 4,
      activeAtEnd: 4,
      churn: null,
    },
    {
      month: '2026-12',
      complete: true,
      activeAtStart: 4,
      activated: 1,
      cancelled: 2,
      cancelledNew: 1,
      activeAtEnd: 2,
      churn: 0.5,
    },
    { month: '2027-01', complete: false, ...nobody, activeAtStart: 2, activeAtEnd: 2, churn: 0 },
  ]);
  const leaving = churnOf(membersOn(records, '2027-02-20'), '2027-02-20').at(-1);
  expect(leaving).toMatchObject({ month: '2027-02', activeAtStart: 2, cancelled: 1, churn: 0.5 });
  expect(churnOf([], '2027-01-15')).toEqual([]);
});

test('totals of any reports are the sums of their rows, to the cent', () => {
  const fleets = fc.array(histories, { minLength: 1, maxLength: 12 });
  const days = fc.integer({ min: 0, max: 4_000 }).map((offset) => addDays('2024-01-01', offset));
  const sum = (amounts: readonly number[]): number => amounts.reduce((total, amount) => total + amount, 0);
  fc.assert(
    fc.property(fleets, days, (fleet, on) => {
      const records = fleet.map(({ facts }, place) => record(`practice-${place}`, facts));
      const members = records.flatMap((each) => memberOn(each, on, at('2200-01-01')) ?? []);
      const { cohorts, total } = cohortsOf(members, on);
      const { enrolled, ...counts } = total;
      expect([sum(cohorts.map((cohort) => cohort.enrolled)), sum(Object.values(counts))]).toEqual([
        members.length,
        enrolled,
      ]);
      const offered = ['founding', 'other'].map((planId) => ({ ...dearer, planId }));
      const revenue = revenueOf(members, offered, on);
      expect(revenue.totals.length).toBe(revenue.rows.length === 0 ? 0 : 1);
      for (const { monthlyCents, rateCents, months } of revenue.totals) {
        expect(monthlyCents).toBe(sum(revenue.rows.map((row) => row.monthlyCents)));
        expect(rateCents).toBe(sum(revenue.rows.map((row) => row.rateCents)));
        expect(months[0]?.monthlyCents).toBe(monthlyCents);
        for (const month of months) {
          expect(month.lockedCents + month.agreedCents + month.assumedCents).toBe(month.monthlyCents);
        }
      }
      const costs = new Map(
        members.map(({ practiceId }) => [practiceId, { monthlyNanoUsd: 204_005_000_000 }]),
      );
      const margin = marginOf(members, costs, on);
      expect(margin.total.marginCents).toBe(sum(margin.rows.map((row) => row.rateCents - 20_401)));
      const churn = churnOf(members, on);
      for (const [place, month] of churn.entries()) {
        expect(month.activeAtStart).toBe(churn[place - 1]?.activeAtEnd ?? 0);
      }
      const active = members.filter(({ state }) => state !== 'pending' && state !== 'cancelled');
      expect(churn.at(-1)?.activeAtEnd ?? 0).toBe(active.length);
    }),
    { numRuns: 60 },
  );
});
