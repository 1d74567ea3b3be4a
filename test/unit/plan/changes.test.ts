import { DomainError } from '../../../lib/domain/errors.ts';
import * as changes from '../../../lib/domain/plan/changes.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import {
  requireTaken,
  type SubscriptionState,
  stateOn,
  subscriptionStates,
  subscriptionVerbs,
} from '../../../lib/domain/plan/state.ts';
import { timelineOf } from '../../../lib/domain/plan/timeline.ts';
import { enrolment, foundingTerms, standardTerms, toStandard } from '../../builders/plan-terms.ts';

/** Free until 1 April 2027, locked until 1 April 2029; periods begin on the first of a month. */
const founding: SubscriptionFact[] = [
  enrolment({ on: '2026-12-20' }),
  { kind: 'activated', on: '2027-01-01' },
];
const trial = '2027-02-10';
const inPeriod = '2027-06-10';

function standing(
  today: string,
  { facts = [], state }: { facts?: SubscriptionFact[]; state?: SubscriptionState } = {},
): changes.Standing {
  const timeline = timelineOf([...founding, ...facts]);
  const closedUntil = today >= '2027-05-01' ? `${today.slice(0, 7)}-01` : null;
  return { state: state ?? stateOn('trialing', timeline, today), timeline, closedUntil, today };
}

function refusal(change: () => unknown): { code: string; message: string } {
  try {
    change();
  } catch (error) {
    if (error instanceof DomainError) return { code: error.code, message: error.publicMessage };
    throw error;
  }
  throw new Error('it was not refused');
}

describe('each verb in each state', () => {
  const taken: Readonly<Record<string, string>> = {
    quantities: 'pending trialing active past_due suspended',
    plan: 'trialing active',
    plan_withdrawal: 'trialing active past_due suspended',
    trial_extension: 'pending trialing',
    lock_extension: 'pending trialing active past_due suspended',
    cancellation: 'trialing active past_due suspended',
    cancellation_withdrawal: 'trialing active past_due suspended',
    past_due: 'active',
    settlement: 'past_due',
    suspension: 'past_due',
    resumption: 'suspended',
    transfer: 'trialing active past_due suspended',
  };

  test.each(subscriptionVerbs)('%s', (verb) => {
    for (const state of subscriptionStates) {
      const ask = () => requireTaken(verb, state);
      if (taken[verb]?.split(' ').includes(state)) expect(ask).not.toThrow();
      else {
        const { code, message } = refusal(ask);
        expect(code).toBe('wrong_state');
        // What it is, and what to do.
        expect(message).toMatch(new RegExp(`^The subscription is ${state}\\. [A-Z].{15,}\\.$`));
      }
    }
  });
});

test('the calendar moves a state; what a person has decided stays until the end', () => {
  const { timeline } = standing(trial, { facts: [{ kind: 'ends', from: '2027-09-01' }] });
  expect(stateOn('pending', timelineOf(founding.slice(0, 1)), trial)).toBe('pending');
  expect(stateOn('pending', timeline, '2027-03-31')).toBe('trialing');
  expect(stateOn('trialing', timeline, '2027-04-01')).toBe('active');
  expect(stateOn('past_due', timeline, '2027-08-31')).toBe('past_due');
  expect(stateOn('suspended', timeline, '2027-09-01')).toBe('cancelled');
});

describe('quantities', () => {
  test('change from the present period on, and what is not said stays', () => {
    expect(changes.changeQuantities(standing(inPeriod), { from: '2027-06-01', clinicians: 9 })).toEqual({
      kind: 'quantities',
      from: '2027-06-01',
      clinicians: 9,
      locations: 1,
    });
  });

  test('do not change in a period that is over, nor after the end, nor to what they are', () => {
    const early = refusal(() =>
      changes.changeQuantities(standing(inPeriod), { from: '2027-05-31', clinicians: 9 }),
    );
    expect(early).toMatchObject({ code: 'conflict', message: expect.stringContaining('from 2027-06-01 on') });
    const ends = standing(inPeriod, { facts: [{ kind: 'ends', from: '2027-08-01' }] });
    const late = refusal(() => changes.changeQuantities(ends, { from: '2027-08-01', clinicians: 9 }));
    expect(late.message).toContain('ends before 2027-08-01');
    const same = refusal(() => changes.changeQuantities(standing(inPeriod), { from: inPeriod }));
    expect(same.message).toContain('already');
  });
});

describe('a change of plan', () => {
  const ask = (today: string, asked: Partial<changes.NewPlan> = {}, facts: SubscriptionFact[] = []) =>
    changes.changePlan(standing(today, { facts }), {
      planId: 'standard',
      planVersion: 1,
      terms: standardTerms,
      from: undefined,
      givesUpLock: true,
      shape: 'solo',
      ...asked,
    });

  test('begins with the next period; in the free period with the first day that costs anything', () => {
    expect(ask(inPeriod).from).toBe('2027-07-01');
    expect(ask(trial).from).toBe('2027-04-01');
    expect(ask(inPeriod, { from: '2027-10-01' }).from).toBe('2027-10-01');
  });

  test('begins on no other day, and not today', () => {
    expect(refusal(() => ask(inPeriod, { from: '2027-07-02' })).message).toContain('such as 2027-07-01');
    expect(refusal(() => ask('2027-07-01', { from: '2027-07-01' })).code).toBe('invalid_input');
  });

  test('gives up a lock only if somebody says so, in the free period too', () => {
    for (const today of [trial, inPeriod]) {
      const { code, message } = refusal(() => ask(today, { givesUpLock: false }));
      expect(code).toBe('conflict');
      expect(message).toContain('locked until 2029-04-01');
    }
    expect(ask('2029-04-10', { givesUpLock: false }).from).toBe('2029-05-01');
  });

  test('is refused after the end, to the same plan, currency or shape, and beside another one', () => {
    const ends: SubscriptionFact = { kind: 'ends', from: '2027-07-01' };
    expect(refusal(() => ask(inPeriod, {}, [ends])).message).toContain('ends before 2027-07-01');
    const same = { planId: 'founding', planVersion: 1, terms: foundingTerms };
    expect(refusal(() => ask(inPeriod, same)).message).toContain('already');
    const euros = { terms: { ...standardTerms, currency: 'EUR' } };
    expect(refusal(() => ask(inPeriod, euros)).message).toContain('another currency (EUR)');
    expect(refusal(() => ask(inPeriod, { shape: 'group' })).message).toContain('shape');
    const planned = toStandard('2027-08-01');
    const second = { planId: 'other', from: '2027-09-01' };
    expect(refusal(() => ask(inPeriod, second, [planned])).message).toContain('planned for 2027-08-01');
    expect(ask(inPeriod, { planId: 'other' }, [planned]).from).toBe('2027-08-01');
  });
});

test('a change of plan is taken back until its day, and the lock is as before', () => {
  const planned = toStandard('2027-07-01');
  const before = standing(inPeriod, { facts: [planned] });
  expect(before.timeline.lockedUntil).toBe('2027-07-01');
  const fact = changes.withdrawPlan(before);
  expect(fact).toEqual({ kind: 'plan_withdrawn', from: '2027-07-01' });
  expect(timelineOf([...founding, planned, fact])).toEqual(timelineOf(founding));
  // Of two for one day nothing is left either.
  expect(timelineOf([...founding, planned, { ...planned, planId: 'other' }, fact])).toEqual(
    timelineOf(founding),
  );
  const begun = standing('2027-07-01', { facts: [planned] });
  expect(refusal(() => changes.withdrawPlan(begun)).message).toContain('No change of plan is to come');
});

describe('extensions', () => {
  const list = { ...foundingTerms.rates, base: foundingTerms.rates.base + 10_000 };
  const quantities: SubscriptionFact = { kind: 'quantities', from: trial, clinicians: 3, locations: 1 };

  test('of the free period are worth what its days would cost, those before included', () => {
    const now = standing(trial, { facts: [quantities] });
    const monthly =
      foundingTerms.rates.base + 3 * foundingTerms.rates.perClinician + foundingTerms.rates.perLocation;
    const { fact, valueCents } = changes.extendTrial(now, 10, 0);
    expect(fact).toEqual({ kind: 'trial_extended', days: 10 });
    expect(valueCents).toBe(Math.ceil((monthly * 12 * 10) / 365));
    expect(changes.extendTrial(now, 10, 20).valueCents).toBe(Math.ceil((monthly * 12 * 30) / 365));
  });

  test('of a lock are worth what the practice saves by the price of new members', () => {
    const now = standing(inPeriod);
    expect(changes.extendLock(now, 6, 0, [list])).toEqual({
      fact: { kind: 'lock_extended', months: 6 },
      valueCents: 60_000,
    });
    const less = { ...list, base: 0 };
    expect(changes.extendLock(now, 6, 0, [less]).valueCents).toBe(0);
    expect(changes.extendLock(now, 6, 0, [less, list, less]).valueCents).toBe(60_000);
  });

  test('of the free period never take days from a lock that a planned change of plan would end', () => {
    // Nobody gave the lock up: it would have been over by then.
    const after = standing(trial, { facts: [toStandard('2029-04-01')] });
    expect(refusal(() => changes.extendTrial(after, 14, 0)).message).toContain('planned for 2029-04-01');
    const moves = standing(trial, { facts: [toStandard('2027-04-01')] });
    expect(changes.extendTrial(moves, 14, 0).fact).toEqual({ kind: 'trial_extended', days: 14 });
  });

  test('need a lock that goes on, and no other plan ahead', () => {
    expect(refusal(() => changes.extendLock(standing('2029-04-01'), 6, 0, [list])).message).toContain(
      'there is none',
    );
    const planned = toStandard('2027-08-01');
    const before = standing(inPeriod, { facts: [planned] });
    expect(refusal(() => changes.extendLock(before, 6, 0, [list])).message).toContain(
      'planned for 2027-08-01',
    );
    const after = standing('2027-08-10', { facts: [planned] });
    expect(refusal(() => changes.extendLock(after, 6, 0, [list])).message).toContain('no lock');
  });
});

describe('an end', () => {
  const end = (today: string, from?: string, waiveNotice = false, facts: SubscriptionFact[] = []) =>
    changes.endSubscription(standing(today, { facts }), { from, waiveNotice });

  test('keeps to the notice of the terms, unless that is waived', () => {
    expect(end(inPeriod).from).toBe('2027-07-10');
    expect(refusal(() => end(inPeriod, '2027-07-09'))).toMatchObject({
      code: 'invalid_input',
      message: expect.stringContaining('2027-07-10 or later'),
    });
    expect(end(inPeriod, '2027-06-10', true).from).toBe('2027-06-10');
    expect(refusal(() => end(inPeriod, '2027-06-09', true)).message).toContain('2027-06-10 or later');
  });

  test('needs no notice in the free period', () => {
    expect(end(trial).from).toBe('2027-04-01');
    expect(end('2027-03-30', '2027-03-31').from).toBe('2027-03-31');
  });

  test('is planned once, and can be taken back until its day', () => {
    const ends: SubscriptionFact = { kind: 'ends', from: '2027-07-10' };
    expect(refusal(() => end(inPeriod, undefined, false, [ends])).message).toContain('Take that back first');
    expect(changes.takeCancellationBack(standing('2027-07-09', { facts: [ends] }))).toEqual({
      kind: 'ends',
      from: null,
    });
    const over = standing('2027-07-10', { facts: [ends] });
    expect(refusal(() => changes.takeCancellationBack(over)).code).toBe('wrong_state');
    expect(refusal(() => changes.takeCancellationBack(standing(inPeriod))).message).toContain(
      'not cancelled',
    );
  });
});

describe('an overdue payment', () => {
  const overdue = standing('2027-06-15', { state: 'past_due' });

  test('was due on a day that costs something and has come', () => {
    const now = standing(inPeriod);
    expect(() => changes.markPastDue(now, '2027-04-01')).not.toThrow();
    expect(refusal(() => changes.markPastDue(now, '2027-06-11')).code).toBe('invalid_input');
    expect(refusal(() => changes.markPastDue(now, '2027-03-31')).code).toBe('invalid_input');
  });

  test('never suspends a practice that was not told 14 days before', () => {
    expect(refusal(() => changes.suspend(overdue, null)).message).toContain('was not sent yet');
    const early = refusal(() => changes.suspend(overdue, '2027-06-02'));
    expect(early.message).toContain('from 2027-06-16 on');
    expect(changes.suspend(overdue, '2027-06-01')).toEqual({ kind: 'suspended', from: '2027-06-15' });
  });

  test('is not charged on the day on which access comes back', () => {
    const suspended = standing('2027-06-15', { state: 'suspended' });
    expect(changes.resume(suspended)).toEqual({ kind: 'resumed', from: '2027-06-16' });
  });
});
