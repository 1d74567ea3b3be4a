import { type Selectable, sql, type Updateable } from 'kysely';
import type { ReleaseKind } from '../domain/release-publication.ts';
import { type RolloutState, type TargetState, unfinishedRolloutStates } from '../domain/rollout.ts';
import type { RolloutView, RunView, TargetView } from '../domain/rollout-progress.ts';
import { busyStates, type Standing, standingOf } from '../domain/rollout-standing.ts';
import type { RunError } from '../domain/run.ts';
import type { Connection, Trx } from './database.ts';
import type { RolloutTargetTable } from './rollout-tables.ts';
import { latestRuns, unendedRunStates } from './run-store.ts';
import type { RunTable } from './run-tables.ts';

/** States of a practice that has begun and not ended in its rollout, be the rollout over or not. */
const begunStates = ['updating', 'baking'] as const satisfies readonly TargetState[];

/** A rollout with what its execution goes by. */
export interface RolloutAtWork extends RolloutView {
  readonly id: string;
  readonly release: RolloutView['release'] & { readonly kind: ReleaseKind; readonly deadline: Date | null };
  readonly reason: string;
  readonly pausedBecause: string | null;
  /** The end of what its plan has looked at. */
  readonly until: Date;
  readonly revision: number;
}

/** Ids of rollouts that go on, or have let go on what they had begun; the oldest release first. */
export async function rolloutsAtWork(connection: Connection): Promise<string[]> {
  const rows = await connection
    .selectFrom('rollout')
    .innerJoin('release', 'release.id', 'rollout.release_id')
    .select('rollout.id')
    .where((eb) =>
      eb.or([
        eb('rollout.state', 'in', unfinishedRolloutStates),
        eb.exists(
          eb
            .selectFrom('rollout_target as begun')
            .select('begun.practice_id')
            .whereRef('begun.rollout_id', '=', 'rollout.id')
            .where('begun.state', 'in', begunStates),
        ),
      ]),
    )
    .orderBy('release.ordinal')
    .orderBy('rollout.created_at')
    .execute();
  return rows.map(({ id }) => id);
}

export async function readRolloutAtWork(
  connection: Connection,
  id: string,
): Promise<RolloutAtWork | undefined> {
  const row = await connection
    .selectFrom('rollout')
    .innerJoin('release', 'release.id', 'rollout.release_id')
    .select([
      'rollout.id',
      'rollout.state',
      'rollout.policy',
      'rollout.reason',
      'rollout.paused_because',
      'rollout.revision',
      'rollout.planned_until as until',
      'release.id as releaseId',
      'release.ordinal',
      'release.kind',
      'release.deadline',
      'release.state as releaseState',
      'release.halted_reason',
    ])
    .where('rollout.id', '=', id)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { id: rolloutId, state, policy, reason, revision } = row;
  return {
    id: rolloutId,
    state,
    policy,
    reason,
    revision,
    pausedBecause: row.paused_because,
    until: row.until,
    release: {
      id: row.releaseId,
      ordinal: row.ordinal,
      kind: row.kind,
      deadline: row.deadline,
      haltedBecause: row.releaseState === 'halted' ? (row.halted_reason ?? 'no reason is known') : null,
    },
  };
}

/** How far a rollout is, counted where its practices are. */
export async function readStanding(connection: Connection, rolloutId: string): Promise<Standing> {
  const groups = await connection
    .selectFrom('rollout_target')
    .select((eb) => [
      'wave',
      'state',
      eb('going_back_because', 'is not', null).$castTo<boolean>().as('isGoingBack'),
      eb.fn.countAll<number>().as('count'),
    ])
    .where('rollout_id', '=', rolloutId)
    .groupBy(['wave', 'state', 'isGoingBack'])
    .execute();
  return standingOf(groups);
}

/** The standing's `openWave` alone, without counting anybody. */
export async function readOpenWave(
  connection: Connection,
  rolloutId: string,
): Promise<Pick<Standing, 'openWave'>> {
  const { wave: openWave } = await connection
    .selectFrom('rollout_target')
    .select((eb) => eb.fn.min('wave').as('wave'))
    .where('rollout_id', '=', rolloutId)
    .where('state', 'in', busyStates)
    .executeTakeFirstOrThrow();
  return { openWave };
}

/** How many practices of each cell are being updated or go back, by all rollouts together. */
export async function updatingByCell(connection: Connection): Promise<ReadonlyMap<string | null, number>> {
  const rows = await connection
    .selectFrom('rollout_target as target')
    .innerJoin('practice', 'practice.id', 'target.practice_id')
    .select((eb) => ['practice.cell_id', eb.fn.countAll<number>().as('count')])
    .where('target.state', 'in', begunStates)
    .where((eb) =>
      eb.or([eb('target.state', '=', 'updating'), eb('target.roll_back_run_id', 'is not', null)]),
    )
    .groupBy('practice.cell_id')
    .execute();
  return new Map(rows.map(({ cell_id: cellId, count }) => [cellId, count]));
}

/** Practices of a rollout whose time has come: begun ones, and while it runs pending ones that were to start by now. */
export function dueTargets(
  connection: Connection,
  { id, state }: Pick<RolloutAtWork, 'id' | 'state'>,
  now: Date,
): Promise<TargetView[]> {
  return views(
    connection,
    targets(connection)
      .where('target.rollout_id', '=', id)
      .where((eb) => {
        const hasBegun = eb('target.state', 'in', begunStates);
        // One that is paused starts nobody, and half the fleet may be waiting.
        if (state !== 'running') return hasBegun;
        const isDue = eb.and([eb('target.state', '=', 'pending'), eb('target.starts_at', '<=', now)]);
        return eb.or([hasBegun, isDue]);
      })
      .orderBy('target.starts_at')
      .orderBy('target.practice_id'),
  );
}

/** One practice of a rollout. */
export async function readTarget(
  connection: Connection,
  rolloutId: string,
  practiceId: string,
): Promise<TargetView | undefined> {
  const [view] = await views(
    connection,
    targets(connection)
      .where('target.rollout_id', '=', rolloutId)
      .where('target.practice_id', '=', practiceId),
  );
  return view;
}

const targets = (connection: Connection) =>
  connection
    .selectFrom('rollout_target as target')
    .innerJoin('practice', 'practice.id', 'target.practice_id')
    .leftJoin('release as current', 'current.id', 'practice.release_id')
    .selectAll('target')
    .select(['practice.cell_id', 'practice.state as practice_state', 'current.ordinal']);

type Row = Selectable<RolloutTargetTable> & {
  readonly cell_id: string | null;
  readonly practice_state: TargetView['practice']['state'];
  readonly ordinal: number | null;
};

/** Two queries more for all rows, never one a row. */
async function views(
  connection: Connection,
  query: { execute(): Promise<readonly Row[]> },
): Promise<TargetView[]> {
  const rows = await query.execute();
  const named = rows.flatMap(({ run_id, roll_back_run_id }) =>
    [run_id, roll_back_run_id].filter((id) => id !== null),
  );
  const runs = await runsById(connection, named);
  const latest = await latestRuns(
    connection,
    rows.map((row) => row.practice_id),
  );
  const unended: ReadonlySet<string> = new Set(unendedRunStates);
  const viewOf = (id: string | null): RunView | null => (id === null ? null : (runs.get(id) ?? null));
  return rows.map((row) => {
    const newest = latest.get(row.practice_id);
    return {
      practiceId: row.practice_id,
      cellId: row.cell_id,
      wave: row.wave,
      state: row.state,
      startsAt: row.starts_at,
      latestStartAt: row.latest_start_at,
      bakedUntil: row.baked_until,
      lookedAt: row.looked_at,
      goingBackBecause: row.going_back_because,
      previousReleaseId: row.previous_release_id,
      note: row.note,
      run: viewOf(row.run_id),
      rollBackRun: viewOf(row.roll_back_run_id),
      practice: {
        state: row.practice_state,
        ordinal: row.ordinal,
        openRunId: newest !== undefined && unended.has(newest.state) ? newest.id : null,
        newestRunId: newest?.id ?? null,
      },
    };
  });
}

async function runsById(connection: Connection, ids: readonly string[]): Promise<Map<string, RunView>> {
  if (ids.length === 0) return new Map();
  const rows = await connection.selectFrom('run').selectAll().where('id', 'in', ids).execute();
  return new Map(rows.map((row) => [row.id, toRunView(row)]));
}

function toRunView(row: Selectable<RunTable>): RunView {
  const { state } = row;
  const isOver = state === 'succeeded' || state === 'failed' || state === 'cancelled';
  const error: RunError | null = row.error;
  return {
    id: row.id,
    outcome: isOver ? state : 'open',
    startedAt: row.started_at ?? row.created_at,
    finishedAt: row.finished_at,
    failure: error === null ? null : `${error.message} (step ${error.step})`,
  };
}

/** Changes one practice's row of a rollout. The caller holds the rollout's row. */
export async function changeTarget(
  trx: Trx,
  target: { readonly rolloutId: string; readonly practiceId: string; readonly now: Date },
  change: Omit<Updateable<RolloutTargetTable>, 'rollout_id' | 'practice_id' | 'updated_at'>,
): Promise<void> {
  await trx
    .updateTable('rollout_target')
    .set({ ...change, updated_at: target.now })
    .where('rollout_id', '=', target.rolloutId)
    .where('practice_id', '=', target.practiceId)
    .execute();
}

/** Moves a rollout to another state, as a new revision. The caller holds its row. */
export async function setRolloutState(
  trx: Trx,
  id: string,
  to:
    | { readonly state: 'paused'; readonly because: string }
    | { readonly state: 'running' }
    | { readonly state: Extract<RolloutState, 'succeeded' | 'failed' | 'aborted'>; readonly now: Date },
): Promise<void> {
  await trx
    .updateTable('rollout')
    .set((eb) => ({
      state: to.state,
      paused_because: to.state === 'paused' ? to.because : null,
      ...('now' in to ? { finished_at: to.now } : {}),
      revision: eb('revision', '+', 1),
    }))
    .where('id', '=', id)
    .execute();
  // What has begun is held to its end.
  if (!('now' in to)) return;
  await trx
    .updateTable('rollout_target')
    .set({ held: false })
    .where('rollout_id', '=', id)
    .where('state', 'not in', begunStates)
    .execute();
}

/** Lets starts in a cell follow one another until the transaction ends: each sees how many practices of it are being updated. */
export async function lockStarts(trx: Trx, cellId: string | null): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtext('lumenality:rollout-starts'), hashtext(${cellId ?? ''}))`.execute(
    trx,
  );
}

/** Whether a practice was told that what it asked for yields to the deadline of this rollout's release. */
export async function wasToldOfOverride(
  connection: Connection,
  rolloutId: string,
  practiceId: string,
): Promise<boolean> {
  const told = await connection
    .selectFrom('notice')
    .select('id')
    .where('kind', '=', 'security_override')
    .where('practice_id', '=', practiceId)
    .where(sql`data ->> 'rolloutId'`, '=', rolloutId)
    .limit(1)
    .executeTakeFirst();
  return told !== undefined;
}

/** Skips whom a rollout has not begun with. Answers how many. */
export async function skipPending(trx: Trx, rolloutId: string, note: string, now: Date): Promise<number> {
  const skipped = await trx
    .updateTable('rollout_target')
    .set({ state: 'skipped', note, updated_at: now })
    .where('rollout_id', '=', rolloutId)
    .where('state', '=', 'pending')
    .executeTakeFirst();
  return Number(skipped.numUpdatedRows);
}

/** A practice that was promoted past the rest of its bake time, with the run that updated it. */
export interface Promoted {
  readonly practiceId: string;
  readonly runId: string | null;
}

/** Ends the bake time of a wave's practices without a look at their figures; none that goes back. */
export async function endBaking(
  trx: Trx,
  { rolloutId, wave }: { readonly rolloutId: string; readonly wave: number },
  note: string,
  now: Date,
): Promise<Promoted[]> {
  return trx
    .updateTable('rollout_target')
    .set({ state: 'succeeded', note, updated_at: now })
    .where('rollout_id', '=', rolloutId)
    .where('wave', '=', wave)
    .where('state', '=', 'baking')
    .where('going_back_because', 'is', null)
    .returning(['practice_id as practiceId', 'run_id as runId'])
    .execute();
}

/** Puts whoever a wave still waits for into the wave after it, if there is one. Answers how many. */
export async function joinNextWave(
  trx: Trx,
  { rolloutId, wave }: { readonly rolloutId: string; readonly wave: number },
  now: Date,
): Promise<number> {
  const next = await trx
    .selectFrom('rollout_target')
    .select((eb) => eb.fn.min('wave').as('wave'))
    .where('rollout_id', '=', rolloutId)
    .where('wave', '>', wave)
    .executeTakeFirstOrThrow();
  if (next.wave === null) return 0;
  const joined = await trx
    .updateTable('rollout_target')
    .set({ wave: next.wave, updated_at: now })
    .where('rollout_id', '=', rolloutId)
    .where('wave', '=', wave)
    .where('state', 'in', ['pending', 'updating'])
    .executeTakeFirst();
  return Number(joined.numUpdatedRows);
}
