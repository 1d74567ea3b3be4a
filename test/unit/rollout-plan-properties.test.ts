import fc from 'fast-check';
import { type MaintenanceWindow, occurrencesOf } from '../../lib/domain/maintenance-window.ts';
import type { RolloutPlan, RolloutTarget } from '../../lib/domain/rollout.ts';
import { holdsOn } from '../../lib/domain/rollout-holds.ts';
import type { PlanInput, PlanPractice } from '../../lib/domain/rollout-input.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';
import { type Freeze, rings } from '../../lib/domain/schedule.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const now = new Date('2026-10-28T10:00:00Z');
const inHours = (hours: number): Date => new Date(now.getTime() + hours * hour);
const oldRelease = 'r-000000000001';
const newRelease = 'r-000000000002';

const windows: fc.Arbitrary<MaintenanceWindow> = fc.record({
  rule: fc.constantFrom(
    'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
    'FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=23;BYMINUTE=30',
    'FREQ=DAILY;BYHOUR=1;BYMINUTE=15',
    'FREQ=MONTHLY;BYDAY=1SA;BYHOUR=3;BYMINUTE=0',
  ),
  durationMinutes: fc.constantFrom(30, 60, 150, 240),
  // Clocks change in these weeks, on different days; not at all in Phoenix.
  timeZone: fc.constantFrom('America/Chicago', 'America/Phoenix', 'Australia/Lord_Howe'),
});
const held = fc.option(
  fc.record({ until: fc.integer({ min: -24, max: 900 }).map(inHours), reason: fc.constant('x') }),
);
const practice: fc.Arbitrary<Omit<PlanPractice, 'id'>> = fc.record({
  state: fc.constantFrom('active', 'active', 'active', 'active', 'suspended'),
  cellId: fc.constantFrom('main', 'west'),
  ring: fc.constantFrom(...rings),
  currentOrdinal: fc.constantFrom(null, 1, 1, 1, 1, 2, 3),
  window: windows,
  pin: fc
    .tuple(held, fc.constantFrom(oldRelease, oldRelease, newRelease))
    .map(([pin, releaseId]) => (pin === null ? null : { ...pin, releaseId })),
  deferral: held,
});
const practicesOf = (some: fc.Arbitrary<Omit<PlanPractice, 'id'>>, maxLength: number) =>
  fc
    .array(some, { maxLength })
    .map((all) => all.map((each, at): PlanPractice => ({ ...each, id: `p${at}` })));
const freezesOf = (ids: readonly string[]): fc.Arbitrary<Freeze[]> =>
  fc.array(
    fc
      .record({
        practiceId: fc.option(fc.constantFrom(...ids)),
        from: fc.integer({ min: -24, max: 400 }),
        hours: fc.integer({ min: 1, max: 300 }),
        renewedBySecurity: fc.boolean(),
      })
      .map(({ from, hours, ...freeze }) => ({
        ...freeze,
        id: 'f',
        reason: 'x',
        from: inHours(from),
        until: inHours(from + hours),
      })),
    { maxLength: 3 },
  );
const release: fc.Arbitrary<PlanInput['release']> = fc
  .record({
    kind: fc.constantFrom('fix', 'security', 'security'),
    deadline: fc.integer({ min: -24, max: 600 }).map(inHours),
  })
  .map(({ kind, deadline }) => ({
    id: newRelease,
    ordinal: 2,
    kind,
    deadline: kind === 'security' ? deadline : null,
  }));
const policy: fc.Arbitrary<PlanInput['policy']> = fc.record({
  bakeMinutes: fc.constantFrom(0, 60, 1_440, 2_880),
  expectedMinutes: fc.constantFrom(10, 30, 45),
  concurrencyPerCell: fc.integer({ min: 1, max: 3 }),
  failureBudget: fc.constant({ failures: 0 }),
  thresholds: fc.constant({ errorRate: 0.1, latencyRatio: 2 }),
  practicesPerWave: fc.constantFrom({}, { general: 2 }, { canary: 1, early: 2 }),
});
const inputs: fc.Arbitrary<PlanInput> = practicesOf(practice, 14).chain((practices) =>
  fc.record({
    now: fc.constant(now),
    release,
    practices: fc.constant(practices),
    freezes: freezesOf(['p0', 'p1', 'p2']),
    policy,
    horizonDays: fc.constantFrom(3, 14, 40),
  }),
);

const targetsOf = (plan: RolloutPlan): RolloutTarget[] => plan.waves.flatMap(({ targets }) => [...targets]);
const sorted = (ids: readonly { readonly practiceId: string }[]) =>
  ids.map(({ practiceId }) => practiceId).sort();

const practiceOf = (input: Pick<PlanInput, 'practices'>, id: string) =>
  input.practices.find((each) => each.id === id) as PlanPractice;

function expectInWindows(plan: RolloutPlan, input: PlanInput): void {
  for (const { practiceId, startsAt, latestStartAt } of targetsOf(plan)) {
    const { window } = practiceOf(input, practiceId);
    const end = latestStartAt.getTime() + input.policy.expectedMinutes * minute;
    const open = occurrencesOf(window, { from: now, until: plan.until });
    expect(open.some((each) => each.startsAt <= startsAt && end <= each.endsAt.getTime())).toBe(true);
    expect(startsAt >= now && startsAt <= latestStartAt && latestStartAt <= plan.until).toBe(true);
  }
}

function expectRoom(plan: RolloutPlan, input: PlanInput): void {
  const length = input.policy.expectedMinutes * minute;
  const targets = targetsOf(plan).map(({ practiceId, startsAt }) => ({
    cell: practiceOf(input, practiceId).cellId,
    start: startsAt.getTime(),
  }));
  for (const { cell, start } of targets) {
    const under = targets.filter(
      (each) => each.cell === cell && each.start <= start && start < each.start + length,
    );
    expect(under.length).toBeLessThanOrEqual(input.policy.concurrencyPerCell);
  }
}

describe('every plan', () => {
  const always = (holds: (plan: RolloutPlan, input: PlanInput) => void) => () =>
    fc.assert(
      fc.property(inputs, (input) => holds(planRollout(input), input)),
      { numRuns: 400 },
    );

  test(
    'has everybody exactly once: in a wave, or left with a reason',
    always((plan, { practices }) => {
      expect(sorted([...targetsOf(plan), ...plan.left])).toEqual(practices.map(({ id }) => id).sort());
      expect(plan.left.every(({ reason }) => reason.length > 10)).toBe(true);
      expect(plan.waves.every(({ targets }) => targets.length > 0)).toBe(true);
    }),
  );

  test(
    'starts nobody outside a window, or so late that the update does not fit',
    always((plan, input) => expectInWindows(plan, input)),
  );

  test(
    'reaches nobody before the ring, and no wave before the one before has ended and was watched',
    always((plan, input) => {
      const { bakeMinutes, expectedMinutes } = input.policy;
      let floor = now.getTime();
      let place = 0;
      for (const { ring, targets } of plan.waves) {
        expect(rings.indexOf(ring)).toBeGreaterThanOrEqual(place);
        place = rings.indexOf(ring);
        const starts = targets.map(({ startsAt }) => startsAt.getTime());
        expect(starts).toEqual(starts.toSorted((one, other) => one - other));
        expect(Math.min(...starts)).toBeGreaterThanOrEqual(floor);
        // Figures of the bake time are there five minutes after it.
        const watched = bakeMinutes === 0 ? 0 : bakeMinutes + 5;
        floor = Math.max(...starts) + (expectedMinutes + watched) * minute;
        for (const { practiceId } of targets) {
          expect(rings.indexOf(practiceOf(input, practiceId).ring)).toBeLessThanOrEqual(place);
        }
      }
    }),
  );

  test(
    'never updates more at a time in a cell than it may',
    always((plan, input) => expectRoom(plan, input)),
  );

  test(
    'leaves practices alone that have the release, a newer one, or are not active',
    always((plan, input) => {
      for (const { practiceId } of targetsOf(plan)) {
        const { state, currentOrdinal } = practiceOf(input, practiceId);
        expect(state).toBe('active');
        expect(currentOrdinal ?? 0).toBeLessThan(2);
      }
    }),
  );

  test(
    'goes against what holds a practice for a deadline only, says so, and never against a renewed freeze',
    always((plan, { freezes, ...input }) => {
      const renewed = freezes.filter(({ renewedBySecurity }) => renewedBySecurity);
      for (const { practiceId, startsAt, yielded } of targetsOf(plan)) {
        const { pin, deferral } = practiceOf(input, practiceId);
        expect(yielded).toEqual(holdsOn(newRelease, { practiceId, pin, deferral }, freezes, startsAt));
        expect(holdsOn(newRelease, { practiceId, pin: null, deferral: null }, renewed, startsAt)).toEqual([]);
        if (input.release.deadline === null) expect(yielded).toEqual([]);
      }
    }),
  );

  test(
    'reports everybody as late who does not have a security release at its deadline, and nobody else',
    always((plan, input) => {
      const { deadline } = input.release;
      const end = (deadline?.getTime() ?? Number.POSITIVE_INFINITY) - input.policy.expectedMinutes * minute;
      const after = targetsOf(plan).filter(({ startsAt }) => startsAt.getTime() > end);
      const owed = plan.left.filter(({ practiceId }) => {
        const { state, currentOrdinal } = practiceOf(input, practiceId);
        return deadline !== null && state === 'active' && (currentOrdinal ?? 0) < 2;
      });
      expect(sorted(plan.late)).toEqual(sorted([...after, ...owed]));
    }),
  );

  test('is the same for the same fleet, in whatever order its practices come', () =>
    fc.assert(
      fc.property(
        inputs.chain((input) =>
          fc.tuple(
            fc.constant(input),
            fc.shuffledSubarray([...input.practices], { minLength: input.practices.length }),
          ),
        ),
        ([input, practices]) => {
          expect(planRollout({ ...input, practices })).toEqual(planRollout(input));
        },
      ),
      { numRuns: 100 },
    ));
});

/** A security release, as every deadline test has it. */
const urgent = (deadline: Date) => ({ id: newRelease, ordinal: 2, kind: 'security', deadline }) as const;
const roomy = {
  bakeMinutes: 60,
  expectedMinutes: 30,
  concurrencyPerCell: 100,
  failureBudget: { failures: 0 },
  thresholds: { errorRate: 0.1, latencyRatio: 2 },
};

describe('a deadline', () => {
  /** The oracle: every quarter of an hour is tried, on its own. */
  function mayStart(
    { id, window }: PlanPractice,
    freezes: readonly Freeze[],
    from: Date,
    deadline: Date,
  ): boolean {
    const open = occurrencesOf(window, { from, until: deadline });
    for (let at = from.getTime(); at + 30 * minute <= deadline.getTime(); at += 15 * minute) {
      const isFrozen = freezes.some(
        (freeze) =>
          freeze.renewedBySecurity &&
          (freeze.practiceId ?? id) === id &&
          freeze.from.getTime() <= at &&
          at < freeze.until.getTime(),
      );
      const isOpen = open.some(
        ({ startsAt, endsAt }) => startsAt.getTime() <= at && at + 30 * minute <= endsAt.getTime(),
      );
      if (isOpen && !isFrozen) return true;
    }
    return false;
  }
  const waiting = practice.map((each) => ({ ...each, state: 'active' as const, currentOrdinal: 1 }));
  const deadlines = fc.integer({ min: 1, max: 500 }).map(inHours);

  test('of one ring is met by everybody whom any window allows, pinned, deferred and frozen or not', () =>
    fc.assert(
      fc.property(
        practicesOf(
          waiting.map((each) => ({ ...each, ring: 'general' as const })),
          6,
        ),
        freezesOf(['p0', 'p1']),
        deadlines,
        (practices, freezes, deadline) => {
          const plan = planRollout({
            now,
            release: urgent(deadline),
            practices,
            freezes,
            policy: roomy,
            horizonDays: 30,
          });
          const unable = practices.filter((each) => !mayStart(each, freezes, now, deadline));
          expect(sorted(plan.late)).toEqual(unable.map(({ id }) => id).sort());
        },
      ),
      { numRuns: 200 },
    ));

  test('of two rings is missed by as few as with the best moment to go on from the canaries', () =>
    fc.assert(
      fc.property(
        practicesOf(
          waiting.map((each) => ({
            ...each,
            ring: each.ring === 'early' ? ('general' as const) : each.ring,
          })),
          8,
        ),
        deadlines,
        (practices, deadline) => {
          const plan = planRollout({
            now,
            release: urgent(deadline),
            practices,
            freezes: [],
            policy: roomy,
            horizonDays: 30,
          });
          const able = (each: PlanPractice, from: Date, until = deadline) => mayStart(each, [], from, until);
          const canaries = practices.filter(({ ring }) => ring === 'canary');
          const missedWhen = (lastCanary: number) => {
            const goOn = new Date(lastCanary + 90 * minute);
            return practices.filter(
              (each) =>
                !able(each, goOn) &&
                !(
                  each.ring === 'canary' &&
                  able(each, now, new Date(Math.min(lastCanary + 30 * minute, deadline.getTime())))
                ),
            ).length;
          };
          const moments: number[] = [];
          for (let at = now.getTime(); at + 30 * minute <= deadline.getTime(); at += 15 * minute) {
            const [from, until] = [new Date(at), new Date(at + 30 * minute)];
            if (canaries.some((each) => able(each, from, until))) moments.push(at);
          }
          // Without a canary that can be on time nobody waits for one.
          const fewest = Math.min(
            ...(moments.length === 0 ? [now.getTime() - 90 * minute] : moments).map(missedWhen),
          );
          expect(plan.late).toHaveLength(fewest);
        },
      ),
      { numRuns: 60 },
    ));

  /** The oracle: the largest matching of practices and places, by trying (Kuhn). */
  function mostThatFit(nights: readonly (readonly number[])[], placesANight: number): number {
    const taken = new Map<string, number>();
    const fits = (practiceAt: number, tried: Set<string>): boolean =>
      (nights[practiceAt] ?? []).some((night) =>
        Array.from({ length: placesANight }, (_, place) => `${night} ${place}`).some((place) => {
          if (tried.has(place)) return false;
          tried.add(place);
          const other = taken.get(place);
          if (other !== undefined && !fits(other, tried)) return false;
          taken.set(place, practiceAt);
          return true;
        }),
      );
    return nights.filter((_, at) => fits(at, new Set())).length;
  }

  test('is met by as many as a cell has places for', () =>
    fc.assert(
      fc.property(
        fc.array(fc.uniqueArray(fc.integer({ min: 0, max: 4 }), { minLength: 1, maxLength: 3 }), {
          maxLength: 14,
        }),
        fc.integer({ min: 1, max: 2 }),
        fc.integer({ min: 1, max: 2 }),
        (nights, concurrencyPerCell, rounds) => {
          const names = ['TH', 'FR', 'SA', 'SU', 'MO'];
          const practices = nights.map(
            (on, at): PlanPractice => ({
              id: `p${at}`,
              state: 'active',
              cellId: 'main',
              ring: 'general',
              currentOrdinal: 1,
              window: {
                rule: `FREQ=WEEKLY;BYDAY=${on.map((night) => names[night]).join(',')};BYHOUR=2;BYMINUTE=0`,
                durationMinutes: 30 * rounds,
                timeZone: 'UTC',
              },
              pin: null,
              deferral: null,
            }),
          );
          const deadline = new Date(now.getTime() + 6 * day);
          const input: PlanInput = {
            now,
            release: urgent(deadline),
            practices,
            freezes: [],
            policy: { ...roomy, concurrencyPerCell },
            horizonDays: 60,
          };
          const plan = planRollout(input);
          expectInWindows(plan, input);
          expectRoom(plan, input);
          const met = practices.length - plan.late.length;
          expect(met).toBe(mostThatFit(nights, concurrencyPerCell * rounds));
        },
      ),
      { numRuns: 300 },
    ));
});
