import fc from 'fast-check';
import { Temporal } from 'temporal-polyfill';
import { type Charge, chargesOf, components } from '../../../lib/domain/plan/charges.ts';
import { addDays, type Day, daysBetween } from '../../../lib/domain/plan/day.ts';
import { type Period, periodsOf } from '../../../lib/domain/plan/periods.ts';
import { entryOn } from '../../../lib/domain/plan/timeline.ts';
import { type History, histories, laterChanges, withFacts } from './histories.ts';

/** Long enough for every change that a history has. */
const lookedAt = 1_500;

function periodsIn({ timeline, chargedFrom }: History): Period[] {
  return periodsOf(timeline, { from: '1990-01-01', until: addDays(chargedFrom, lookedAt) });
}

function chargesIn(subscription: History): Charge[] {
  return periodsIn(subscription).flatMap((period) => chargesOf(subscription.timeline, period));
}

function daysOf({ from, until }: { readonly from: Day; readonly until: Day }): Day[] {
  return Array.from({ length: daysBetween(from, until) }, (_, at) => addDays(from, at));
}

const unitOf = ({ amountCents, quantity }: Charge): number => amountCents / quantity;
const sumOf = (amounts: readonly number[]): number => amounts.reduce((sum, amount) => sum + amount, 0);

describe('charges of any subscription', () => {
  it('hold every day from the first charged one to the end once, but those of a suspension', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const { timeline, chargedFrom } = subscription;
        const last = periodsIn(subscription).at(-1)?.until ?? chargedFrom;
        const owed = daysOf({ from: chargedFrom, until: last }).filter(
          (day) =>
            !timeline.suspensions.some(({ from, until }) => from <= day && (until === null || day < until)),
        );
        const charges = chargesIn(subscription);
        for (const component of components) {
          const charged = charges.filter((charge) => charge.component === component).flatMap(daysOf);
          expect(charged.join(' ')).toBe(owed.join(' '));
        }
        const isCut = timeline.endsOn !== null && timeline.endsOn < addDays(chargedFrom, lookedAt);
        if (isCut) expect([timeline.endsOn, chargedFrom]).toContain(last);
        else expect(last >= addDays(chargedFrom, lookedAt)).toBe(true);
      }),
    );
  });

  it('are positive whole cents, and none is of the free period', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const { facts, chargedFrom, timeline } = subscription;
        const free = facts.reduce((days, fact) => days + (fact.kind === 'trial_extended' ? fact.days : 0), 0);
        const [enrolled] = facts;
        if (enrolled?.kind !== 'enrolled') throw new Error('no enrolment');
        const { freeDays, freeFrom } = enrolled.terms;
        const begins = freeFrom === 'approval' ? enrolled.on : (timeline.activatedOn ?? '');
        expect(daysBetween(begins, chargedFrom)).toBeGreaterThanOrEqual(freeDays + free);
        expect(chargedFrom >= (timeline.activatedOn ?? '')).toBe(true);
        const wrong = chargesIn(subscription).filter(
          ({ from, amountCents }) =>
            from < chargedFrom || !Number.isSafeInteger(amountCents) || amountCents <= 0,
        );
        expect(wrong).toEqual([]);
      }),
    );
  });

  it('are locked for the months of the terms and of extensions, from the day that the terms name', () => {
    fc.assert(
      fc.property(histories, ({ facts, timeline, chargedFrom }) => {
        const [enrolled] = facts;
        fc.pre(enrolled?.kind === 'enrolled' && facts.every(({ kind }) => kind !== 'plan'));
        const { months, from } = enrolled.terms.lock;
        const more = facts.reduce((sum, fact) => sum + (fact.kind === 'lock_extended' ? fact.months : 0), 0);
        const begins = (from === 'activation' ? timeline.activatedOn : chargedFrom) ?? '';
        const ends = Temporal.PlainDate.from(begins).add({ months: months + more });
        expect(timeline.locks).toEqual(months === 0 ? [] : [{ from: begins, until: ends.toString() }]);
      }),
    );
  });

  it('keep the rates of a lock to its end, whatever else changes', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const { plans, locks } = subscription.timeline;
        const broken = chargesIn(subscription).filter(({ from, locked, component, planId, rateCents }) => {
          const isPromised = locks.some((lock) => lock.from <= from && from < lock.until);
          if (locked !== isPromised) return true;
          const plan = entryOn(plans, from);
          const { base, perClinician, perLocation } = plan.terms.rates;
          const promised = { base, per_clinician: perClinician, per_location: perLocation };
          return locked && (planId !== plan.planId || rateCents !== promised[component]);
        });
        expect(broken).toEqual([]);
      }),
    );
  });

  it('have the quantity and the rate of each of their days', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const { quantities, rates } = subscription.timeline;
        const wrong = chargesIn(subscription).flatMap((charge) =>
          daysOf(charge).filter((day) => {
            const { clinicians, locations } = entryOn(quantities, day);
            const counted = { base: 1, per_clinician: clinicians, per_location: locations };
            const { base, perClinician, perLocation } = entryOn(rates, day).rates;
            const rate = { base, per_clinician: perClinician, per_location: perLocation };
            const { component } = charge;
            return charge.quantity !== counted[component] || charge.rateCents !== rate[component];
          }),
        );
        expect(wrong).toEqual([]);
      }),
    );
  });

  it('sum to the rate over a whole period, however it is cut', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const { timeline } = subscription;
        for (const period of periodsIn(subscription)) {
          const isSuspended = timeline.suspensions.some(
            ({ from, until }) => from < period.until && (until === null || until > period.from),
          );
          if (isSuspended || period.until !== period.wholeUntil) continue;
          for (const component of components) {
            const pieces = chargesOf(timeline, period).filter((charge) => charge.component === component);
            const rates = new Set(pieces.map(({ rateCents }) => rateCents));
            if (rates.size > 1) continue;
            expect(sumOf(pieces.map(unitOf))).toBe(pieces[0]?.rateCents);
          }
        }
      }),
    );
  });

  it('cost for one of what is counted within a cent of their part of the rate', () => {
    fc.assert(
      fc.property(histories, (subscription) => {
        const wrong = periodsIn(subscription).flatMap((period) => {
          const whole = daysBetween(period.from, period.wholeUntil);
          return chargesOf(subscription.timeline, period).filter((charge) => {
            const exact = (charge.rateCents * daysBetween(charge.from, charge.until)) / whole;
            return Math.abs(unitOf(charge) - exact) >= 1;
          });
        });
        expect(wrong).toEqual([]);
      }),
    );
  });

  it('of closed periods stay as they are, whatever is recorded for later days', () => {
    fc.assert(
      fc.property(histories, fc.nat(40), laterChanges, (subscription, nth, asked) => {
        const periods = periodsIn(subscription);
        const closed = periods.slice(0, nth % (periods.length + 1));
        const closedUntil = closed.at(-1)?.until ?? subscription.chargedFrom;
        const later = asked.reduce((before, change) => {
          const { lockedUntil, endsOn } = before.timeline;
          const facts = change(before).filter((fact) => {
            if (fact.kind === 'lock_extended') return lockedUntil !== null && lockedUntil > closedUntil;
            // What has ended has ended: its last period is closed.
            if (fact.kind === 'ends' && endsOn !== null && endsOn <= closedUntil) return false;
            return 'from' in fact && fact.from !== null && fact.from >= closedUntil;
          });
          return withFacts(before, facts);
        }, subscription);
        const again = periodsOf(later.timeline, { from: '1990-01-01', until: closedUntil });
        expect(again).toEqual(closed);
        const charges = closed.flatMap((period) => chargesOf(subscription.timeline, period));
        expect(again.flatMap((period) => chargesOf(later.timeline, period))).toEqual(charges);
      }),
    );
  });
});
