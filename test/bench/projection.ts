import { chargesOf } from '../../lib/domain/plan/charges.ts';
import { addDays, addMonths } from '../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../lib/domain/plan/facts.ts';
import { periodAt } from '../../lib/domain/plan/periods.ts';
import { project } from '../../lib/domain/plan/projection.ts';
import { timelineOf } from '../../lib/domain/plan/timeline.ts';
import { enrolment, foundingTerms, standardTerms } from '../builders/plan-terms.ts';
import type { Benchmark } from './benchmark.ts';
import { median, sum } from './figures.ts';

/** Most subscriptions are still in their lock, some have just left it. */
const today = '2028-06-15';
const nextPrice = { planVersion: 2, rates: standardTerms.rates, noticeOn: today };

/** Facts to timeline to periods to charges, which is pure: no database, no HTTP. */
export const projection: Benchmark = {
  name: 'projection',
  title: 'projecting 24 months of every subscription, and the charges of one statement each',
  run: async ({ quick, say }) => {
    const subscriptions = Array.from({ length: quick ? 500 : 10_000 }, (_, at) => factsOf(at));
    const count = subscriptions.length.toLocaleString('en-US');
    say(`${count} subscriptions`);
    const rounds = Array.from({ length: quick ? 2 : 7 }, () => ({
      projected: timed(() => subscriptions.map(projected)),
      stated: timed(() => subscriptions.map(stated)),
    }));
    const [first] = rounds;
    if (first === undefined) throw new Error('nothing was measured');
    const goal = { kind: 'at most', value: 2 } as const;
    const middle = (of: 'projected' | 'stated'): number => median(rounds.map((round) => round[of].seconds));
    const periods = sum(first.projected.made.map((made) => made.periods.length));
    const charges = sum(first.stated.made.map((made) => made.length));
    const name = `${count} subscriptions, 24 months`;
    return {
      figures: [
        { name: `${name}: first time`, value: first.projected.seconds, unit: 's', goal },
        { name: `${name}: median`, value: middle('projected'), unit: 's', goal },
        {
          name: `${count} statements, charges of a period: first time`,
          value: first.stated.seconds,
          unit: 's',
        },
        { name: `${count} statements, charges of a period: median`, value: middle('stated'), unit: 's' },
      ],
      notes: [
        `One process, one thread, from the facts on. ${periods.toLocaleString('en-US')} projected periods; ${charges.toLocaleString('en-US')} charges of statements.`,
      ],
    };
  },
};

function projected(facts: readonly SubscriptionFact[]) {
  return project(timelineOf(facts), { from: today, months: 24 }, nextPrice);
}

function stated(facts: readonly SubscriptionFact[]) {
  const timeline = timelineOf(facts);
  const period = periodAt(timeline, today);
  return period === null ? [] : chargesOf(timeline, period);
}

/** Begun on any day of three years; every second one has changed its clinicians five times, some have a longer trial or a suspension. */
function factsOf(at: number): SubscriptionFact[] {
  const on = addDays('2025-06-01', (at * 7) % 1_000);
  const facts: SubscriptionFact[] = [
    enrolment({
      on,
      terms: { ...foundingTerms, interval: at % 10 === 9 ? 'year' : 'month' },
      quantities: { clinicians: 1 + (at % 30), locations: 1 + (at % 3) },
    }),
    { kind: 'activated', on: addDays(on, at % 4) },
  ];
  if (at % 20 === 5) facts.push({ kind: 'trial_extended', days: 30 });
  const changes = at % 2 === 0 ? [10, 16, 22, 28, 34] : [];
  for (const months of changes) {
    const from = addDays(addMonths(on, months), at % 28);
    facts.push({ kind: 'quantities', from, clinicians: 1 + ((at + months) % 30), locations: 1 });
  }
  if (at % 50 === 7) {
    facts.push({ kind: 'suspended', from: addMonths(on, 8) }, { kind: 'resumed', from: addMonths(on, 9) });
  }
  return facts;
}

function timed<Made>(make: () => Made): { readonly made: Made; readonly seconds: number } {
  const begun = performance.now();
  const made = make();
  return { made, seconds: (performance.now() - begun) / 1_000 };
}
