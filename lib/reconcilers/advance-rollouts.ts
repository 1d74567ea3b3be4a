import type { Db } from '../db/database.ts';
import {
  dueTargets,
  type RolloutAtWork,
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
 * One pass over all rollouts; answers what it did, in order.
 * @throws AggregateError when some could not be brought forward: the others were.
 */
export async function advanceDue(parts: RolloutParts, signal?: AbortSignal): Promise<Done[]> {
  const done: Done[] = [];
  const failures: unknown[] = [];
  for (const id of await rolloutsAtWork(parts.db)) {
    if (signal?.aborted) break;
    try {
      for await (const each of advance(parts, id, signal)) {
        parts.log.info(each, 'a rollout has moved on');
        done.push(each);
      }
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'Some rollouts could not be brought forward.');
  return done;
}

/** Each decision is made again, and written, under the locks of what it is about: another process may have been faster. */
async function* advance(
  parts: RolloutParts,
  id: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Done> {
  const rollout = await readRolloutAtWork(parts.db, id);
  if (rollout === undefined) return;
  for (const decision of await decisionsFor(parts, rollout)) {
    if (signal?.aborted) return;
    if (!('practiceId' in decision)) yield* found(await advanceRollout(parts, id));
    else if (decision.kind !== 'measure') yield* found(await stepTarget(parts, id, decision.practiceId));
  }
  // Last, because it asks the cloud: nobody whose window is open waits for it.
  for (const [practiceId, measured] of await measure(parts, rollout, signal)) {
    yield* found(await stepTarget(parts, id, practiceId, measured));
  }
}

async function decisionsFor(parts: RolloutParts, rollout: RolloutAtWork) {
  const { db, clock } = parts;
  const now = clock.now();
  const targets = await dueTargets(db, rollout.id, now);
  const updating = await updatingByCell(db);
  return decide(rollout, await readStanding(db, rollout.id), targets, {
    now,
    slotOf: await slotsOf(db, rollout, targets, now),
    measuredOf: () => undefined,
    updatingIn: (cellId) => updating.get(cellId) ?? 0,
  });
}

function* found(done: Done | undefined): Generator<Done> {
  if (done !== undefined) yield done;
}

/** What keeps one practice from its update is written beside it, and is in nobody else's way. */
async function stepTarget(
  parts: RolloutParts,
  rolloutId: string,
  practiceId: string,
  measured?: Measured,
): Promise<Done | undefined> {
  try {
    return await advanceTarget(parts, rolloutId, practiceId, measured);
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    parts.log.warn({ err: error, rolloutId, practiceId }, 'a practice could not be brought forward yet');
    return noteOf(parts, rolloutId, practiceId, `Not yet: ${error.publicMessage} It is tried again.`);
  }
}

type Measurement = Extract<TargetDecision, { kind: 'measure' }>;

async function measure(
  parts: RolloutParts,
  rollout: RolloutAtWork,
  signal: AbortSignal | undefined,
): Promise<[string, Measured][]> {
  const wanted = (await decisionsFor(parts, rollout)).filter(
    (decision): decision is Measurement => decision.kind === 'measure',
  );
  const measured: [string, Measured][] = [];
  for (let begin = 0; begin < wanted.length; begin += width) {
    signal?.throwIfAborted();
    const batch = wanted.slice(begin, begin + width).map(async (each): Promise<[string, Measured]> => {
      return [each.practiceId, await figuresOf(parts, each, signal)];
    });
    measured.push(...(await Promise.all(batch)));
  }
  return measured;
}

async function figuresOf(
  { metricsOf }: RolloutParts,
  { practiceId, before, after }: Measurement,
  signal: AbortSignal | undefined,
): Promise<Measured> {
  if (metricsOf === undefined) return 'unmeasured';
  try {
    const metrics = await metricsOf(practiceId);
    const alarms = await metrics.alarms(practiceId, signal);
    const nothing = { requests: 0, errors: 0, latencyMs: null };
    // Without bake time there is no span to look at.
    if (after.from >= after.until) return { before: nothing, after: nothing, alarms };
    return {
      before: await metrics.figures(practiceId, before, signal),
      after: await metrics.figures(practiceId, after, signal),
      alarms,
    };
  } catch (error) {
    if (!(error instanceof DomainError) || signal?.aborted) throw error;
    return { unread: error.publicMessage };
  }
}
