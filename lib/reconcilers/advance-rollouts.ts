import type { Db } from '../db/database.ts';
import {
  dueTargets,
  readRolloutAtWork,
  readStanding,
  rolloutsAtWork,
  updatingByCell,
} from '../db/rollout-progress-store.ts';
import { DomainError } from '../domain/errors.ts';
import { decide, type Measured, type TargetDecision } from '../domain/rollout-progress.ts';
import type { Log } from '../ports/log.ts';
import type { SiloMetrics } from '../ports/silo-metrics.ts';
import type { UpdateStarts } from '../workflows/queue-update.ts';
import { slotsOf } from '../workflows/rollout-slots.ts';
import { periodically, type Repeating } from './periodically.ts';
import { advanceRollout, advanceTarget, type Done, noteOf } from './rollout-decisions.ts';

export interface RolloutParts extends UpdateStarts {
  readonly db: Db;
  readonly log: Log;
  /** The figures of a practice's app, by its own cell; absent: gates go by verification alone, and say so. */
  readonly metricsOf?: (practiceId: string) => Promise<SiloMetrics>;
  /** How often this process asks what is to be done; 5 seconds unless told. */
  readonly everyMs?: number;
}

/** So many practices are measured at the same time. */
const width = 10;

/** Brings rollouts forward: starts practices as their windows open, judges them, takes back those that fail. Any number of processes may do so at once. */
export function advanceRollouts(parts: RolloutParts): Repeating {
  return periodically('advance-rollouts', parts.everyMs ?? 5_000, parts.log, async (signal) => {
    await advanceDue(parts, signal);
  });
}

/**
 * One pass over all rollouts; answers what it did, in order. First everything that the records alone decide, of all rollouts: nobody whose
 * window is open waits for the cloud. Then practices that bake are measured.
 * @throws AggregateError when some rollouts or practices could not be brought forward: the others were.
 */
export async function advanceDue(parts: RolloutParts, signal?: AbortSignal): Promise<Done[]> {
  const pass = new Pass(parts, signal);
  for (const id of await rolloutsAtWork(parts.db)) await pass.decided(id);
  await pass.measured();
  const { done, failures } = pass;
  if (failures.length > 0)
    throw new AggregateError(failures, 'Some rollouts or practices could not be brought forward.');
  return done;
}

type Measurement = Extract<TargetDecision, { kind: 'measure' }> & { readonly rolloutId: string };

/** Each decision is made again, and written, under the locks of what it is about: another process may have been faster. */
class Pass {
  readonly done: Done[] = [];
  readonly failures: unknown[] = [];
  readonly #parts: RolloutParts;
  readonly #signal: AbortSignal | undefined;
  readonly #wanted: Measurement[] = [];

  constructor(parts: RolloutParts, signal: AbortSignal | undefined) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** Does what is to be done with a rollout and its practices, and notes who is to be measured. */
  async decided(rolloutId: string): Promise<void> {
    const decisions = (await this.#trying(() => decisionsFor(this.#parts, rolloutId))) ?? [];
    for (const decision of decisions) {
      if (this.#signal?.aborted) return;
      if (!('practiceId' in decision)) await this.#doing(() => advanceRollout(this.#parts, rolloutId));
      else if (decision.kind === 'measure') this.#wanted.push({ ...decision, rolloutId });
      else await this.#doing(() => stepTarget(this.#parts, rolloutId, decision.practiceId));
    }
  }

  async measured(): Promise<void> {
    for (let begin = 0; begin < this.#wanted.length; begin += width) {
      if (this.#signal?.aborted) return;
      const batch = this.#wanted.slice(begin, begin + width);
      await Promise.all(batch.map((each) => this.#doing(() => this.#measure(each))));
    }
  }

  async #measure(measurement: Measurement): Promise<Done | undefined> {
    const figures = await figuresOf(this.#parts, measurement, this.#signal);
    return stepTarget(this.#parts, measurement.rolloutId, measurement.practiceId, figures);
  }

  async #doing(work: () => Promise<Done | undefined>): Promise<void> {
    const done = await this.#trying(work);
    if (done === undefined) return;
    this.done.push(done);
    this.#parts.log.info(done, 'a rollout has moved on');
  }

  /** What fails for one is in nobody else's way. */
  async #trying<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      this.failures.push(error);
      return undefined;
    }
  }
}

async function decisionsFor(parts: RolloutParts, rolloutId: string) {
  const { db, clock } = parts;
  const rollout = await readRolloutAtWork(db, rolloutId);
  if (rollout === undefined) return [];
  const now = clock.now();
  const targets = await dueTargets(db, rollout, now);
  const pending = targets.filter(({ state }) => state === 'pending');
  const updating = await updatingByCell(db);
  return decide(rollout, await readStanding(db, rolloutId), targets, {
    now,
    slotOf: await slotsOf(db, rollout, pending, now),
    measuredOf: () => unmeasured(parts),
    updatingIn: (cellId) => updating.get(cellId) ?? 0,
  });
}

/** A control plane without figures has nobody to ask. */
const unmeasured = ({ metricsOf }: RolloutParts): Measured | undefined =>
  metricsOf === undefined ? 'unmeasured' : undefined;

/** What keeps one practice from its update is written beside it. */
async function stepTarget(
  parts: RolloutParts,
  rolloutId: string,
  practiceId: string,
  measured = unmeasured(parts),
): Promise<Done | undefined> {
  try {
    return await advanceTarget(parts, rolloutId, practiceId, measured);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    parts.log.warn({ err: error, rolloutId, practiceId }, 'a practice could not be brought forward yet');
    return noteOf(parts, rolloutId, practiceId, `Not yet: ${error.publicMessage} It is tried again.`);
  }
}

async function figuresOf(
  { metricsOf }: RolloutParts,
  { practiceId, spans: { before, after, isWhole } }: Measurement,
  signal: AbortSignal | undefined,
): Promise<Measured> {
  if (metricsOf === undefined) return 'unmeasured';
  try {
    const metrics = await metricsOf(practiceId);
    const alarms = await metrics.alarms(practiceId, signal);
    const nothing = { requests: 0, errors: 0, latencyMs: null };
    if (after.from >= after.until) return { before: nothing, after: nothing, alarms, isWhole };
    return {
      before: await metrics.figures(practiceId, before, signal),
      after: await metrics.figures(practiceId, after, signal),
      alarms,
      isWhole,
    };
  } catch (error) {
    if (!(error instanceof DomainError) || signal?.aborted) throw error;
    return { unread: error.publicMessage };
  }
}
