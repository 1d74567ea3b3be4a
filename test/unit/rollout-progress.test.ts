import fc from 'fast-check';
import { defaultPolicy, type RolloutPolicy } from '../../lib/domain/rollout.ts';
import { figuresThereAt } from '../../lib/domain/rollout-bake.ts';
import {
  decide,
  type Look,
  type Measured,
  type RolloutDecision,
  type RolloutView,
  type RunView,
  type Slot,
  type TargetDecision,
  type TargetView,
} from '../../lib/domain/rollout-progress.ts';
import { isBusy, standingOf } from '../../lib/domain/rollout-standing.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const begin = Date.parse('2026-11-20T00:00:00Z');
const at = (ms: number): Date => new Date(ms);
const cells = ['one', 'two'];

/** A practice of the model: its window opens every day at the same hour, and it fares as it is told to. */
interface Model {
  readonly wave: number;
  readonly cellId: string;
  readonly windowHour: number;
  /** What becomes of its update, and of each later one. */
  readonly fate: 'good' | 'update fails' | 'gate fails' | 'roll-back fails';
  /** Hours since the beginning in which somebody's own run keeps it busy. */
  readonly busyUntilHour: number;
}

const modelOf: fc.Arbitrary<Model> = fc.record({
  wave: fc.integer({ min: 0, max: 2 }),
  cellId: fc.constantFrom(...cells),
  windowHour: fc.integer({ min: 0, max: 20 }),
  fate: fc.constantFrom('good', 'good', 'good', 'update fails', 'gate fails', 'roll-back fails'),
  busyUntilHour: fc.constantFrom(0, 0, 0, 30, 400),
});

const policyOf: fc.Arbitrary<RolloutPolicy> = fc.record({
  bakeMinutes: fc.constantFrom(0, 30, 300),
  expectedMinutes: fc.constant(30),
  concurrencyPerCell: fc.integer({ min: 1, max: 3 }),
  failureBudget: fc.record({ failures: fc.integer({ min: 0, max: 3 }) }),
  thresholds: fc.constant(defaultPolicy.thresholds),
});

const horizon = begin + 10 * day;
const windowLength = 3 * hour;

/** The window in which a practice may start at a time, or the next one. */
function slotAt({ windowHour }: Model, now: number): Slot {
  for (let opens = begin + windowHour * hour; opens <= horizon; opens += day) {
    const last = opens + windowLength - 30 * minute;
    if (last >= now) return { startsAt: at(Math.max(opens, now)), latestStartAt: at(last), yielded: [] };
  }
  return { left: 'no window before the horizon' };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };
type Target = Mutable<TargetView> & { readonly model: Model };

/** What `decide` is asked about on a virtual clock, and what its decisions do: the reconciler's work, without a database. */
class World {
  readonly rollout: Mutable<RolloutView>;
  readonly targets: Target[];
  readonly log: { now: number; decision: TargetDecision | RolloutDecision; target: Target | undefined }[] =
    [];
  /** Who was started, with whom an earlier wave still waited for, and how many of the cell were being updated. */
  readonly starts: { now: number; target: Target; waiting: readonly Target[]; going: number }[] = [];
  /** Of who went back after it was updated: how many of its cell were being updated. */
  readonly backs: number[] = [];
  now = begin;
  #runs = 0;

  constructor(models: readonly Model[], policy: RolloutPolicy) {
    this.rollout = { state: 'running', policy, release: { id: 'r-2', ordinal: 2, haltedBecause: null } };
    this.targets = models.map((model, index) => {
      const slot = slotAt(model, begin);
      if ('left' in slot) throw new Error('no window');
      const { startsAt, latestStartAt } = slot;
      return {
        model,
        practiceId: `practice-${index}`,
        cellId: model.cellId,
        wave: model.wave,
        state: 'pending',
        startsAt,
        latestStartAt,
        bakedUntil: null,
        lookedAt: null,
        goingBackBecause: null,
        previousReleaseId: null,
        note: null,
        run: null,
        rollBackRun: null,
        practice: { state: 'active', ordinal: 1, openRunId: null, newestRunId: null },
      };
    });
  }

  /** What happens by itself by now: runs end, other people's runs too. */
  #live(): void {
    for (const target of this.targets) {
      const isOthers = target.run === null;
      const busy = isOthers && this.now < begin + target.model.busyUntilHour * hour;
      const open = [target.run, target.rollBackRun].find((run) => run?.outcome === 'open');
      if (open !== undefined && open !== null && this.now >= open.startedAt.getTime() + 20 * minute) {
        const isBack = open === target.rollBackRun;
        const fails = isBack
          ? target.model.fate === 'roll-back fails'
          : ['update fails', 'roll-back fails'].includes(target.model.fate);
        const ended: RunView = {
          ...open,
          outcome: fails ? 'failed' : 'succeeded',
          finishedAt: at(this.now),
          failure: fails ? 'It broke.' : null,
        };
        if (isBack) target.rollBackRun = ended;
        else target.run = ended;
        if (!fails) target.practice = { ...target.practice, ordinal: isBack ? 1 : 2 };
      }
      const stillOpen = [target.run, target.rollBackRun].find((run) => run?.outcome === 'open');
      target.practice = { ...target.practice, openRunId: busy ? 'somebody else’s' : (stillOpen?.id ?? null) };
    }
  }

  look(): Look {
    const updating = (cellId: string | null) =>
      this.targets.filter(
        (each) =>
          each.cellId === cellId &&
          isBusy(each.state) &&
          (each.state === 'updating' || each.rollBackRun !== null),
      ).length;
    const byId = new Map(this.targets.map((target) => [target.practiceId, target]));
    const measuredOf = (practiceId: string): Measured | undefined => {
      const { model, bakedUntil } = byId.get(practiceId) as Target;
      const noBake = this.rollout.policy.bakeMinutes === 0;
      const isWhole = noBake || (bakedUntil !== null && this.now >= figuresThereAt(bakedUntil).getTime());
      return { before: calm, after: calm, alarms: model.fate === 'gate fails' ? ['errors'] : [], isWhole };
    };
    const slotOf = (practiceId: string): Slot => slotAt((byId.get(practiceId) as Target).model, this.now);
    return { now: at(this.now), slotOf, measuredOf, updatingIn: updating };
  }

  decisions() {
    return decide(this.rollout, this.standing(), this.targets, this.look());
  }

  standing() {
    return standingOf(
      this.targets.map(({ wave, state, goingBackBecause }) => ({
        wave,
        state,
        isGoingBack: goingBackBecause !== null,
      })),
    );
  }

  /** One pass: what there is to do, done. */
  pass(): number {
    this.#live();
    const decisions = this.decisions();
    for (const decision of decisions) this.#write(decision);
    return decisions.length;
  }

  #write(decision: TargetDecision | RolloutDecision): void {
    if (!('practiceId' in decision)) {
      this.rollout.state = decision.kind === 'pause' ? 'paused' : decision.state;
      this.log.push({ now: this.now, decision, target: undefined });
      return;
    }
    const target = this.targets.find(({ practiceId }) => practiceId === decision.practiceId) as Target;
    this.log.push({ now: this.now, decision, target: { ...target } });
    switch (decision.kind) {
      case 'start':
        this.starts.push({
          now: this.now,
          target: { ...target },
          waiting: this.targets.filter((each) => each.wave < target.wave && isBusy(each.state)),
          going: this.look().updatingIn(target.cellId),
        });
        target.run = this.#run(target);
        Object.assign(target, { state: 'updating', previousReleaseId: 'r-1' });
        return;
      case 'replan':
        Object.assign(target, {
          startsAt: decision.place.startsAt,
          latestStartAt: decision.place.latestStartAt,
        });
        return;
      case 'bake':
        Object.assign(target, { state: 'baking', bakedUntil: decision.until });
        return;
      case 'roll_back':
        if (target.state === 'baking') this.backs.push(this.look().updatingIn(target.cellId));
        target.rollBackRun = this.#run(target);
        target.goingBackBecause = decision.because;
        return;
      case 'must_go_back':
        target.goingBackBecause = decision.because;
        target.note = decision.note;
        return;
      case 'wait':
        target.note = decision.note;
        if (decision.hasLooked) target.lookedAt = at(this.now);
        return;
      case 'measure':
        return;
      case 'miss':
      case 'skip':
      case 'succeed':
      case 'rolled_back':
      case 'fail':
        target.state = ends[decision.kind];
    }
  }

  #run(target: Target): RunView {
    this.#runs += 1;
    const id = `run-${this.#runs}`;
    target.practice = { ...target.practice, newestRunId: id, openRunId: id };
    return { id, outcome: 'open', startedAt: at(this.now), finishedAt: null, failure: null };
  }

  live(untilQuiet = horizon + 2 * day, step = 10 * minute): void {
    for (; this.now <= untilQuiet; this.now += step) while (this.pass() > 0);
  }
}

const calm = { requests: 100, errors: 0, latencyMs: 50 };
const ends = {
  miss: 'missed',
  skip: 'skipped',
  succeed: 'succeeded',
  rolled_back: 'rolled_back',
  fail: 'failed',
} as const;

const world = fc
  .tuple(fc.array(modelOf, { minLength: 1, maxLength: 12 }), policyOf)
  .map(([models, policy]) => new World(models, policy));

const lived = (check: (world: World) => void) =>
  fc.assert(
    fc.property(world, (each) => {
      each.live();
      check(each);
    }),
    { numRuns: 30 },
  );

test('nobody is started outside its window, before its wave, or beyond what its cell may do at a time', () => {
  lived(({ starts, backs, rollout }) => {
    for (const going of backs) expect(going).toBeLessThan(rollout.policy.concurrencyPerCell);
    for (const { now, target, waiting, going } of starts) {
      const opens = (now - begin - target.model.windowHour * hour) % day;
      expect(opens).toBeGreaterThanOrEqual(0);
      expect(opens).toBeLessThanOrEqual(windowLength - 30 * minute);
      expect(waiting).toEqual([]);
      expect(going).toBeLessThan(rollout.policy.concurrencyPerCell);
      expect(now).toBeGreaterThanOrEqual(begin + target.model.busyUntilHour * hour);
    }
  });
});

test('beyond the failure budget nobody is started, and whoever fails goes back to where it came from', () => {
  lived(({ log, targets, rollout }) => {
    let failures = 0;
    for (const { decision, target } of log) {
      if (decision.kind === 'start')
        expect(failures).toBeLessThanOrEqual(rollout.policy.failureBudget.failures);
      const goesBack = decision.kind === 'roll_back' || decision.kind === 'must_go_back';
      if (goesBack && target?.goingBackBecause === null) failures += 1;
    }
    for (const { state, model, practice, run } of targets) {
      if (run === null) continue;
      const back = model.fate !== 'good';
      expect(practice.ordinal).toBe(back ? 1 : 2);
      const end = { good: 'succeeded', 'roll-back fails': 'failed' } as const;
      expect(state).toBe(model.fate in end ? end[model.fate as keyof typeof end] : 'rolled_back');
    }
  });
});

test('every practice is brought to an end, or waits for somebody who resumes; a missed window is never lost', () => {
  lived(({ rollout, targets, log }) => {
    expect(['succeeded', 'failed', 'paused']).toContain(rollout.state);
    const busy = targets.filter(({ state }) => isBusy(state));
    if (rollout.state !== 'paused') expect(busy).toEqual([]);
    expect(busy.filter(({ state }) => state !== 'pending')).toEqual([]);
    const moved = log.filter(({ decision }) => decision.kind === 'replan');
    for (const { now, decision } of moved) {
      if (decision.kind === 'replan')
        expect(decision.place.latestStartAt.getTime()).toBeGreaterThanOrEqual(now);
    }
    if (rollout.state === 'succeeded') expect(targets.some(({ state }) => state === 'missed')).toBe(false);
  });
});

test('a practice is started once, and the same look gives the same decisions', () => {
  lived((each) => {
    const started = each.log.filter(({ decision }) => decision.kind === 'start');
    expect(new Set(started.map(({ target }) => target?.practiceId)).size).toBe(started.length);
    expect(each.decisions()).toEqual(each.decisions());
  });
});

test('a halted release pauses the rollout, and whatever is under way still comes to its end', () => {
  fc.assert(
    fc.property(world, fc.integer({ min: 0, max: 5 * 24 * 6 }), (each, steps) => {
      each.live(begin + steps * 10 * minute);
      const startedBefore = each.log.filter(({ decision }) => decision.kind === 'start').length;
      each.rollout.release = { ...each.rollout.release, haltedBecause: 'it leaks' };
      each.live();
      expect(each.log.filter(({ decision }) => decision.kind === 'start')).toHaveLength(startedBefore);
      expect(each.targets.filter(({ state }) => state === 'updating' || state === 'baking')).toEqual([]);
    }),
    { numRuns: 30 },
  );
});
