import { defaultPolicy, type RolloutPlan } from '../../lib/domain/rollout.ts';
import type { PlanInput, PlanPractice } from '../../lib/domain/rollout-input.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';
import type { Ring } from '../../lib/domain/schedule.ts';
import type { Benchmark } from './benchmark.ts';
import { type Figure, median } from './figures.ts';

const day = 86_400_000;
/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');
const zones = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Phoenix',
  'America/Los_Angeles',
  'America/Anchorage',
  'Pacific/Honolulu',
];
const rules = [
  'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
  'FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=30',
  'FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=22;BYMINUTE=0',
  'FREQ=DAILY;BYHOUR=3;BYMINUTE=0',
  'FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2;BYMINUTE=0',
];

/** `planRollout`, which is pure: no database, no HTTP. */
export const planning: Benchmark = {
  name: 'planning',
  title: 'planning a rollout over the whole fleet',
  run: async ({ quick, say }) => {
    const practices = fleet(quick ? 500 : 10_000);
    const count = practices.length.toLocaleString('en-US');
    const deadline = new Date(now.getTime() + 14 * day);
    const kinds = [
      { name: 'an ordinary release', practices, kind: 'fix', deadline: null },
      { name: 'a security release due in 14 days', practices, kind: 'security', deadline },
      {
        name: 'the same, everybody in one cell',
        practices: practices.map((practice) => ({ ...practice, cellId: 'cell-0' })),
        kind: 'security',
        deadline,
      },
    ] as const;
    const figures: Figure[] = [];
    const notes: string[] = [];
    for (const { name, ...asked } of kinds) {
      say(`${count} practices, ${name}`);
      const seen = Array.from({ length: quick ? 2 : 7 }, () => timed(inputOf(asked)));
      const [first] = seen;
      if (first === undefined) throw new Error('nothing was planned');
      const goal = { kind: 'at most', value: 1 } as const;
      figures.push(
        { name: `${count} practices, ${name}: first plan`, value: first.seconds, unit: 's', goal },
        {
          name: `${count} practices, ${name}: median`,
          value: median(seen.map(({ seconds }) => seconds)),
          unit: 's',
          goal,
        },
      );
      notes.push(`${name}: ${wordsOf(first.plan)}`);
    }
    return {
      figures,
      notes: [
        ...notes,
        'One process, one thread. The first plan works out the windows too; later ones of the same process find them worked out.',
      ],
    };
  },
};

/** Practices of seven zones and five kinds of windows in cells of 200; some are pinned or deferred. */
function fleet(count: number): PlanPractice[] {
  const until = new Date(now.getTime() + 25 * day);
  return Array.from({ length: count }, (_, at): PlanPractice => {
    const ring: Ring = at % 100 === 0 ? 'canary' : at % 10 === 1 ? 'early' : 'general';
    return {
      id: `practice-${at}`,
      state: 'active',
      cellId: `cell-${Math.floor(at / 200)}`,
      ring,
      currentOrdinal: 1,
      window: {
        // Most have chosen nothing.
        rule: rules[at % 3 === 0 ? Math.floor(at / 3) % rules.length : 0] ?? '',
        durationMinutes: 240,
        timeZone: zones[at % zones.length] ?? '',
      },
      pin: at % 50 === 3 ? { releaseId: 'r-000000000001', until, reason: 'audit season' } : null,
      deferral: at % 50 === 4 ? { until, reason: 'move of the clinic' } : null,
    };
  });
}

function inputOf(asked: {
  readonly practices: readonly PlanPractice[];
  readonly kind: 'fix' | 'security';
  readonly deadline: Date | null;
}): PlanInput {
  const { practices, kind, deadline } = asked;
  const [from, until] = [new Date(now.getTime() + 5 * day), new Date(now.getTime() + 10 * day)];
  const freeze = { id: 'holidays', practiceId: null, reason: 'nobody is on call', from, until };
  return {
    now,
    release: { id: 'r-000000000002', ordinal: 2, kind, deadline },
    practices,
    freezes: [{ ...freeze, renewedBySecurity: false }],
    policy: defaultPolicy,
    horizonDays: 70,
  };
}

function timed(input: PlanInput): { readonly plan: RolloutPlan; readonly seconds: number } {
  const begun = performance.now();
  const plan = planRollout(input);
  return { plan, seconds: (performance.now() - begun) / 1_000 };
}

function wordsOf({ waves, left, late }: RolloutPlan): string {
  const sizes = waves.map(({ ring, targets }) => `${ring} ${targets.length}`).join(', ');
  const yielding = waves.flatMap(({ targets }) => targets).filter(({ yielded }) => yielded.length > 0).length;
  return `${sizes}; ${left.length} left, ${late.length} late, ${yielding} yield.`;
}
