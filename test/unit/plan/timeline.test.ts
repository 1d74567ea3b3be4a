import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { isLockedOn, timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { enrolment, foundingTerms, started, toStandard } from '../../builders/plan-terms.ts';

const dearer = { base: 15_900, perClinician: 3_100, perLocation: 2_000 };
const rates = (from: string): SubscriptionFact => ({ kind: 'rates', from, planVersion: 2, rates: dearer });

describe('the timeline of a subscription', () => {
  it('knows no charged day before activation', () => {
    expect(timelineOf([enrolment()])).toMatchObject({
      enrolledOn: '2026-11-20',
      activatedOn: null,
      freeFrom: null,
      chargedFrom: null,
      locks: [],
      lockedUntil: null,
      anchors: [],
    });
  });

  it('counts free days from activation, and the lock from the first charged day', () => {
    expect(timelineOf([enrolment(), { kind: 'activated', on: '2026-11-22' }])).toMatchObject({
      freeFrom: '2026-11-22',
      chargedFrom: '2027-02-20',
      locks: [{ from: '2027-02-20', until: '2029-02-20' }],
      lockedUntil: '2029-02-20',
      anchors: [{ from: '2027-02-20', interval: 'month' }],
    });
  });

  it('counts from approval where the terms say so, and charges nothing before activation', () => {
    const fromApproval = enrolment({ terms: { ...foundingTerms, freeFrom: 'approval', freeDays: 10 } });
    const soon = timelineOf([fromApproval, { kind: 'activated', on: '2026-11-22' }]);
    expect(soon).toMatchObject({ freeFrom: '2026-11-20', chargedFrom: '2026-11-30' });
    const late = timelineOf([fromApproval, { kind: 'activated', on: '2026-12-24' }]);
    expect(late).toMatchObject({ freeFrom: '2026-11-20', chargedFrom: '2026-12-24' });
  });

  it('ends a lock on the last day of a month that is too short', () => {
    const terms = { freeDays: 0, lock: { months: 1, from: 'first_charged_day' } } as const;
    expect(timelineOf(started('2027-01-31', terms)).lockedUntil).toBe('2027-02-28');
    expect(timelineOf(started('2028-01-31', terms)).lockedUntil).toBe('2028-02-29');
  });

  it('moves a lock with a longer trial only if it counts from the first charged day', () => {
    const longer: SubscriptionFact = { kind: 'trial_extended', days: 10 };
    expect(timelineOf([...started('2026-11-22'), longer])).toMatchObject({
      chargedFrom: '2027-03-02',
      lockedUntil: '2029-03-02',
    });
    const fromActivation = started('2026-11-22', { lock: { months: 24, from: 'activation' } });
    expect(timelineOf([...fromActivation, longer])).toMatchObject({
      chargedFrom: '2027-03-02',
      locks: [{ from: '2026-11-22', until: '2028-11-22' }],
    });
  });

  it('adds all months of a lock at once', () => {
    const facts = started('2026-11-02', { freeDays: 90, lock: { months: 1, from: 'first_charged_day' } });
    const longer: SubscriptionFact = { kind: 'lock_extended', months: 1 };
    // From 31 January: not from 28 February on.
    expect(timelineOf([...facts, longer]).locks).toEqual([{ from: '2027-01-31', until: '2027-03-31' }]);
  });

  it('does not let a price hold within a lock that was made longer after it was announced', () => {
    const announced = [...started('2026-11-22'), rates('2029-02-20')];
    expect(timelineOf(announced).rates.map(({ from }) => from)).toEqual(['2026-11-22', '2029-02-20']);
    const longer = timelineOf([...announced, { kind: 'lock_extended', months: 6 }]);
    expect(longer.lockedUntil).toBe('2029-08-20');
    expect(longer.rates.map(({ from }) => from)).toEqual(['2026-11-22']);
  });

  it('ends the lock and what was intended where a plan begins', () => {
    const timeline = timelineOf([
      ...started('2026-11-22'),
      rates('2029-02-20'),
      { kind: 'lock_extended', months: 1 },
      toStandard('2027-05-20'),
    ]);
    expect(timeline).toMatchObject({
      locks: [{ from: '2027-02-20', until: '2027-05-20' }],
      anchors: [
        { from: '2027-02-20', interval: 'month' },
        { from: '2027-05-20', interval: 'month' },
      ],
      plans: [{ planId: 'founding' }, { planId: 'standard' }],
    });
    expect(timeline.rates.map(({ from, planId }) => [from, planId])).toEqual([
      ['2026-11-22', 'founding'],
      ['2027-05-20', 'standard'],
    ]);
  });

  it('begins a plan that was chosen in the free period with the first charged day, and its lock there', () => {
    const terms = { ...foundingTerms, lock: { months: 12, from: 'activation' } } as const;
    const change: SubscriptionFact = {
      kind: 'plan',
      from: '2027-01-01',
      planId: 'other',
      planVersion: 1,
      terms,
    };
    expect(timelineOf([...started('2026-11-22'), change, { kind: 'trial_extended', days: 1 }])).toMatchObject(
      {
        chargedFrom: '2027-02-21',
        locks: [{ from: '2027-02-21', until: '2028-02-21' }],
        anchors: [{ from: '2027-02-21' }],
        plans: [{ planId: 'founding' }, { from: '2027-02-21', planId: 'other' }],
      },
    );
  });

  it('takes the last fact for a day, whatever the order of days', () => {
    const at = (from: string, clinicians: number): SubscriptionFact => ({
      kind: 'quantities',
      from,
      clinicians,
      locations: 1,
    });
    const timeline = timelineOf([
      ...started('2026-11-22'),
      at('2027-03-10', 7),
      at('2027-03-01', 6),
      at('2027-03-10', 8),
    ]);
    expect(timeline.quantities.map(({ from, clinicians }) => [from, clinicians])).toEqual([
      ['2026-11-22', 5],
      ['2027-03-01', 6],
      ['2027-03-10', 8],
    ]);
  });

  it('knows suspensions, and an end until it is taken back', () => {
    const facts: SubscriptionFact[] = [
      ...started('2026-11-22'),
      { kind: 'resumed', from: '2027-03-01' },
      { kind: 'suspended', from: '2027-04-01' },
      { kind: 'resumed', from: '2027-04-11' },
      { kind: 'suspended', from: '2027-05-01' },
      { kind: 'suspended', from: '2027-05-09' },
      { kind: 'ends', from: '2027-06-01' },
    ];
    expect(timelineOf(facts)).toMatchObject({
      suspensions: [
        { from: '2027-04-01', until: '2027-04-11' },
        { from: '2027-05-01', until: null },
      ],
      endsOn: '2027-06-01',
    });
    expect(timelineOf([...facts, { kind: 'ends', from: null }]).endsOn).toBeNull();
  });

  it('locks from the first day on and not on the last', () => {
    const timeline = timelineOf(started('2026-11-22'));
    const days = ['2027-02-19', '2027-02-20', '2029-02-19', '2029-02-20'];
    expect(days.map((day) => isLockedOn(timeline, day))).toEqual([false, true, true, false]);
  });

  it('refuses facts without an enrolment', () => {
    expect(() => timelineOf([{ kind: 'activated', on: '2026-11-22' }])).toThrow('enrolment');
  });
});
