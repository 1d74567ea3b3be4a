import { setTimeout as delay } from 'node:timers/promises';
import {
  type Rollout,
  type RolloutTarget,
  rolloutSchema,
  rolloutTargetPageSchema,
} from '../control-api/contracts/rollouts.ts';
import { figuresThereAt } from '../lib/domain/rollout-bake.ts';
import type { AcceleratedClock } from './accelerated-clock.ts';
import { requestApp } from './app-request.ts';
import { commandError } from './commands/command-error.ts';
import type { Session } from './commands/session.ts';
import { clean } from './commands/text.ts';
import { localTime } from './commands/window-text.ts';
import type { Member } from './demo-rollout-fleet.ts';

/** A rollout with each of its practices. */
export interface Followed {
  readonly rollout: Rollout;
  readonly targets: readonly RolloutTarget[];
}

export interface Following {
  readonly session: Session;
  readonly clock: AcceleratedClock;
  readonly fleet: readonly Member[];
  readonly interrupt: AbortSignal;
}

const pollMs = 100;
/** Real time in which something has to happen: updates take seconds, minutes on a machine that has much else to do. */
const patienceMs = 600_000;
/** People work with an app so long before its update, and so long before it is judged: within the bake time whose figures are there by then. */
const workBeforeMs = 10 * 60_000;
/** Enough for the gate, which compares nothing on fewer than 20. */
const requestsOfPeople = 40;
/** As the default has it, but for latency: on one machine that does everything at once it tells of the load, not of a release. */
const thresholds = { errorRate: 0.02, latencyRatio: 100 };

/** Plans and starts a rollout over the fleet, and follows it, at the accelerated clock's pace, until it is over or pauses. */
export async function rollOut(following: Following, releaseId: string, reason: string): Promise<Followed> {
  const body = { releaseId, reason, policy: { thresholds }, start: true };
  const { id } = await following.session.api.post('/v1/rollouts', rolloutSchema, { body });
  return new Follower(following, id).untilItRests();
}

export async function readRollout({ api }: Session, id: string): Promise<Followed> {
  const path = `/v1/rollouts/${id}`;
  const { items: targets } = await api.list(`${path}/targets`, rolloutTargetPageSchema, { limit: undefined });
  return { rollout: await api.get(path, rolloutSchema), targets };
}

class Follower {
  readonly #following: Following;
  readonly #id: string;
  readonly #told = new Map<string, string>();
  #newsAt = performance.now();

  constructor(following: Following, id: string) {
    this.#following = following;
    this.#id = id;
  }

  async untilItRests(): Promise<Followed> {
    const { session, interrupt } = this.#following;
    for (;;) {
      interrupt.throwIfAborted();
      const followed = await readRollout(session, this.#id);
      this.#tell(followed);
      // A rollout that has paused still brings to its end what has begun.
      if (followed.rollout.state !== 'running' && !followed.targets.some(isUnderWay)) return followed;
      await this.#goOn(followed);
    }
  }

  /** Waits while there is something to wait for, else goes on to the next moment at which something can happen, and never past it. */
  async #goOn({ targets }: Followed): Promise<void> {
    const { clock } = this.#following;
    const next = nextMoment(targets, clock.now());
    if (next === undefined) {
      if (performance.now() - this.#newsAt > patienceMs) throw this.#stuck();
      await delay(pollMs);
      return;
    }
    const concerned = targets.filter((target) => isOpen(target) && momentOf(target) === next.getTime());
    // What they meet is what the gate compares.
    await clock.jumpTo(new Date(next.getTime() - workBeforeMs));
    await Promise.all(concerned.map(({ practiceId }) => this.#use(practiceId)));
    await clock.jumpTo(next);
    this.#newsAt = performance.now();
  }

  async #use(practiceId: string): Promise<void> {
    const { practice } = memberOf(this.#following.fleet, practiceId);
    for (let sent = 0; sent < requestsOfPeople; sent += 1) {
      const response = await requestApp(practice, '/sign-in');
      response.resume();
    }
  }

  #tell({ rollout, targets }: Followed): void {
    for (const target of targets) {
      const { practiceId, timeZone, note } = target;
      const words = stateWords(target);
      if (this.#told.get(practiceId) === words) continue;
      this.#told.set(practiceId, words);
      this.#newsAt = performance.now();
      if (target.state === 'pending') continue;
      this.#say(timeZone, `${practiceId} ${words}${note === null ? '' : `: ${clean(note)}`}`);
    }
    if (this.#told.get('') === rollout.state) return;
    this.#told.set('', rollout.state);
    const because = rollout.pausedBecause === null ? '' : `: ${clean(rollout.pausedBecause)}`;
    this.#say('UTC', `the rollout of ${rollout.releaseId} is ${rollout.state}${because}`);
  }

  #say(timeZone: string, words: string): void {
    const { session, clock } = this.#following;
    const time = localTime(clock.now().toISOString(), timeZone);
    session.output.line(`  ${session.output.colours.dim(time.padEnd(30))} ${words}`);
  }

  #stuck() {
    return commandError(
      'timed_out',
      `Rollout ${this.#id} has not moved on for ${patienceMs / 60_000} minutes.`,
      {
        hint: [...this.#told]
          .map(([practiceId, words]) => `  ${practiceId || 'the rollout'} ${words}`)
          .join('\n'),
      },
    );
  }
}

/** When something is next to be done by the practices of the open wave; undefined while that is now. */
export function nextMoment(targets: readonly RolloutTarget[], now: Date): Date | undefined {
  const busy = targets.filter(isOpen);
  if (busy.length === 0) return undefined;
  const openWave = Math.min(...busy.map(({ wave }) => wave));
  const moments = busy.filter(({ wave }) => wave === openWave).map(momentOf);
  const next = new Date(Math.min(...moments));
  return next > now ? next : undefined;
}

/** Milliseconds since 1970; of what runs already, long ago. */
function momentOf({ state, startsAt, bakedUntil, rollBackRunId }: RolloutTarget): number {
  if (rollBackRunId !== null) return 0;
  if (state === 'pending') return Date.parse(startsAt);
  return state === 'baking' && bakedUntil !== null ? figuresThereAt(new Date(bakedUntil)).getTime() : 0;
}

const isOpen = (target: RolloutTarget): boolean => target.state === 'pending' || isUnderWay(target);
const isUnderWay = ({ state }: RolloutTarget): boolean => state === 'updating' || state === 'baking';

function stateWords({ state, rollBackRunId }: RolloutTarget): string {
  if (rollBackRunId !== null && state !== 'rolled_back') return 'goes back to the release before';
  const words: Partial<Record<RolloutTarget['state'], string>> = {
    updating: 'is being updated',
    baking: 'is updated and watched',
    succeeded: 'has it',
    rolled_back: 'is back on the release before',
  };
  return words[state] ?? `is ${state}`;
}

/** A practice of the fleet by its id. */
export function memberOf(fleet: readonly Member[], practiceId: string): Member {
  const member = fleet.find(({ practice }) => practice.id === practiceId);
  if (member === undefined) throw new Error(`${practiceId} is not of the fleet`);
  return member;
}
