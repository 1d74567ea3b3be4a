import { defaultPolicy, type RolloutPlan } from '../../lib/domain/rollout.ts';
import type { PlanInput, PlanPractice } from '../../lib/domain/rollout-input.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';
import type { Benchmark } from './benchmark.ts';
import { type Figure, median } from './figures.ts';
import { variedFleet } from './varied-fleet.ts';

const day = 86_400_000;
/** A Friday. */
const now = new Date('2026-11-20T12:00:00Z');

/** `planRollout`, which is pure: no database, no HTTP. */
export const planning: Benchmark = {
  name: 'planning',
  title: 'planning a rollout over the whole fleet',
  run: async ({ quick, say }) => {
    const practices = variedFleet(quick ? 500 : 10_000, { now, releaseId: 'r-000000000001' });
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
