import { type Selectable, type SelectQueryBuilder, sql } from 'kysely';
import { isSiloGone, type PracticeState, practiceStates } from '../domain/practice.ts';
import {
  openTargetStates,
  type RolloutPlan,
  type RolloutPolicy,
  type RolloutState,
  type TargetState,
  unbegunTargetStates,
  unfinishedRolloutStates,
} from '../domain/rollout.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest, pageFrom, positionOf } from './page.ts';
import type { RolloutTable, RolloutTargetTable, StoredPlan } from './rollout-tables.ts';
import type { Schema } from './schema.ts';

/** A rollout without its plan, which may be long. */
export type RolloutRow = Omit<Selectable<RolloutTable>, 'plan' | 'planned_until'>;
export type RolloutTargetRow = Selectable<RolloutTargetTable>;

const withoutPlan = [
  'id',
  'release_id',
  'parent_id',
  'state',
  'policy',
  'reason',
  'paused_because',
  'created_by',
  'created_at',
  'started_at',
  'finished_at',
  'revision',
] as const;

const rollouts = (connection: Connection) => connection.selectFrom('rollout').select(withoutPlan);

/**
 * Keeps others from changing any rollout until the transaction ends; reading goes on. Who starts one needs all others to stand still.
 * To be called before the transaction has locked a row of another table that a rollout's transaction may wait for.
 */
export async function lockRollouts(trx: Trx): Promise<void> {
  await sql`lock table rollout in exclusive mode`.execute(trx);
}

export interface NewRollout {
  readonly id: string;
  readonly releaseId: string;
  readonly parentId: string | null;
  readonly policy: RolloutPolicy;
  readonly plan: RolloutPlan;
  readonly reason: string;
  readonly createdBy: string;
  readonly now: Date;
}

/** PostgreSQL takes 65,535 values in one statement. */
const targetsAtOnce = 2_000;

/** Stores a plan, with a target for each practice in it; nothing has begun. */
export async function insertRollout(trx: Trx, rollout: NewRollout): Promise<void> {
  const { id, plan, now } = rollout;
  await trx
    .insertInto('rollout')
    .values({
      id,
      release_id: rollout.releaseId,
      parent_id: rollout.parentId,
      state: 'planned',
      policy: toJson(rollout.policy),
      plan: toJson(plan),
      planned_until: plan.until,
      reason: rollout.reason,
      created_by: rollout.createdBy,
      created_at: now,
      revision: 1,
    })
    .execute();
  const rows = plan.waves.flatMap(({ targets }, wave) =>
    targets.map((target) => ({
      rollout_id: id,
      practice_id: target.practiceId,
      wave,
      starts_at: target.startsAt,
      latest_start_at: target.latestStartAt,
      state: 'pending' as const,
      held: false,
      updated_at: now,
    })),
  );
  for (let start = 0; start < rows.length; start += targetsAtOnce) {
    await trx
      .insertInto('rollout_target')
      .values(rows.slice(start, start + targetsAtOnce))
      .execute();
  }
}

export function readRollout(connection: Connection, id: string): Promise<RolloutRow | undefined> {
  return rollouts(connection).where('id', '=', id).executeTakeFirst();
}

/** Reads a rollout and keeps others from changing it until the transaction ends. */
export function lockRollout(trx: Trx, id: string): Promise<RolloutRow | undefined> {
  return rollouts(trx).where('id', '=', id).forUpdate().executeTakeFirst();
}

/** The plan as it was stored. */
export async function readRolloutPlan(connection: Connection, id: string): Promise<RolloutPlan | undefined> {
  const row = await connection.selectFrom('rollout').select('plan').where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toPlan(row.plan);
}

function toPlan({ waves, left, late, until }: StoredPlan): RolloutPlan {
  return {
    waves: waves.map(({ ring, targets }) => ({
      ring,
      targets: targets.map(({ practiceId, startsAt, latestStartAt, yielded }) => ({
        practiceId,
        startsAt: new Date(startsAt),
        latestStartAt: new Date(latestStartAt),
        yielded,
      })),
    })),
    left,
    late,
    until: new Date(until),
  };
}

export interface RolloutFilter {
  readonly state?: RolloutState | undefined;
  readonly releaseId?: string | undefined;
}

/** Newest first. */
export async function listRollouts(
  connection: Connection,
  page: PageRequest & RolloutFilter,
): Promise<Page<RolloutRow>> {
  let query: SelectQueryBuilder<Schema, 'rollout', RolloutRow> = rollouts(connection);
  if (page.state !== undefined) query = query.where('state', '=', page.state);
  if (page.releaseId !== undefined) query = query.where('release_id', '=', page.releaseId);
  return newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
}

export interface TargetFilter {
  readonly state?: TargetState | undefined;
  /** From 0. */
  readonly wave?: number | undefined;
}

/** In the order of their starts. A target that a missed window moves comes again on a later page; none is left out. */
export async function listRolloutTargets(
  connection: Connection,
  rolloutId: string,
  { limit, cursor, state, wave }: PageRequest & TargetFilter,
): Promise<Page<RolloutTargetRow>> {
  let query = connection.selectFrom('rollout_target').selectAll().where('rollout_id', '=', rolloutId);
  if (state !== undefined) query = query.where('state', '=', state);
  if (wave !== undefined) query = query.where('wave', '=', wave);
  if (cursor !== undefined) {
    const end = positionOf(cursor, 'text');
    query = query.where(sql<boolean>`(starts_at, practice_id) > (${end.at}, ${end.id})`);
  }
  const rows = await query
    .orderBy('starts_at')
    .orderBy('practice_id')
    .limit(limit + 1)
    .execute();
  return pageFrom(rows, limit, (row) => ({ at: row.starts_at, id: row.practice_id }));
}

export interface TargetCount {
  readonly rolloutId: string;
  readonly wave: number;
  readonly state: TargetState;
  readonly count: number;
}

/** How many targets of these rollouts are in which state, by wave. */
export async function countRolloutTargets(
  connection: Connection,
  rolloutIds: readonly string[],
): Promise<TargetCount[]> {
  if (rolloutIds.length === 0) return [];
  return connection
    .selectFrom('rollout_target')
    .select((eb) => ['rollout_id as rolloutId', 'wave', 'state', eb.fn.countAll<number>().as('count')])
    .where('rollout_id', 'in', rolloutIds)
    .groupBy(['rollout_id', 'wave', 'state'])
    .orderBy('rollout_id')
    .orderBy('wave')
    .orderBy('state')
    .execute();
}

/** A rollout that has begun and not ended, with its release's place in the order of publication. */
export interface UnfinishedRollout {
  readonly id: string;
  readonly releaseId: string;
  readonly ordinal: number;
}

/** Newest release first. */
export function unfinishedRollouts(connection: Connection): Promise<UnfinishedRollout[]> {
  return connection
    .selectFrom('rollout')
    .innerJoin('release', 'release.id', 'rollout.release_id')
    .select(['rollout.id', 'rollout.release_id as releaseId', 'release.ordinal'])
    .where('rollout.state', 'in', unfinishedRolloutStates)
    .orderBy('release.ordinal', 'desc')
    .orderBy('rollout.id')
    .execute();
}

/** A practice that a rollout which has begun keeps for itself. */
export interface HeldPractice {
  readonly practiceId: string;
  readonly rolloutId: string;
  readonly releaseId: string;
  readonly rolloutState: RolloutState;
  readonly state: TargetState;
}

/** All of them, also those of rollouts that are over and let what had begun come to its end. By practice. */
export function heldPractices(connection: Connection): Promise<HeldPractice[]> {
  return connection
    .selectFrom('rollout_target as target')
    .innerJoin('rollout', 'rollout.id', 'target.rollout_id')
    .select([
      'target.practice_id as practiceId',
      'rollout.id as rolloutId',
      'rollout.release_id as releaseId',
      'rollout.state as rolloutState',
      'target.state',
    ])
    .where('target.held', '=', true)
    .where('target.state', 'in', openTargetStates)
    .orderBy('target.practice_id')
    .execute();
}

/** Ends a rollout in favour of a newer one: what it has not begun is skipped, what it has begun goes on. Answers how many were skipped. */
export async function supersedeRollout(trx: Trx, id: string, note: string, now: Date): Promise<number> {
  await trx
    .updateTable('rollout')
    .set((eb) => ({
      state: 'superseded',
      paused_because: null,
      finished_at: now,
      revision: eb('revision', '+', 1),
    }))
    .where('id', '=', id)
    .execute();
  const skipped = await trx
    .updateTable('rollout_target')
    .set({ state: 'skipped', note, updated_at: now })
    .where('rollout_id', '=', id)
    .where('state', 'in', unbegunTargetStates)
    .executeTakeFirst();
  return Number(skipped.numUpdatedRows);
}

/** Skips targets of a rollout, each with a note that says why. */
export async function skipTargets(
  trx: Trx,
  rolloutId: string,
  targets: readonly { readonly practiceId: string; readonly note: string }[],
  now: Date,
): Promise<void> {
  if (targets.length === 0) return;
  await sql`update rollout_target set state = 'skipped', note = skipped.note, updated_at = ${now}
    from jsonb_to_recordset(${toJson(targets)}::jsonb) as skipped("practiceId" text, note text)
    where rollout_id = ${rolloutId} and practice_id = skipped."practiceId"`.execute(trx);
}

/** From now on the rollout holds its practices and starts them. */
export async function setRolloutStarted(
  trx: Trx,
  id: string,
  { parentId, now }: { readonly parentId: string | null; readonly now: Date },
): Promise<void> {
  await trx
    .updateTable('rollout')
    .set((eb) => ({
      state: 'running',
      started_at: now,
      revision: eb('revision', '+', 1),
      ...(parentId === null ? {} : { parent_id: parentId }),
    }))
    .where('id', '=', id)
    .execute();
  await trx
    .updateTable('rollout_target')
    .set({ held: true, updated_at: now })
    .where('rollout_id', '=', id)
    .where('state', '=', 'pending')
    .execute();
}

/** The rollout that took over what this one had not begun; the first, where there were several. */
export async function findChild(connection: Connection, id: string): Promise<string | undefined> {
  const row = await connection
    .selectFrom('rollout')
    .select('id')
    .where('parent_id', '=', id)
    .where('started_at', 'is not', null)
    .orderBy('started_at')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** What a plan has to know of a practice beside its schedule. */
export interface FleetPractice {
  readonly id: string;
  readonly state: PracticeState;
  readonly cellId: string | null;
  /** The place of its release in the order of publication; null before the first. */
  readonly currentOrdinal: number | null;
}

/** All practices that have a silo or are to get one, by id. */
export function readFleet(connection: Connection): Promise<FleetPractice[]> {
  return connection
    .selectFrom('practice')
    .leftJoin('release', 'release.id', 'practice.release_id')
    .select([
      'practice.id',
      'practice.state',
      'practice.cell_id as cellId',
      'release.ordinal as currentOrdinal',
    ])
    .where(
      'practice.state',
      'in',
      practiceStates.filter((state) => !isSiloGone(state)),
    )
    .orderBy('practice.id')
    .execute();
}

/** Why releases are halted, by their ids. */
export async function haltedReleases(connection: Connection): Promise<ReadonlyMap<string, string>> {
  const rows = await connection
    .selectFrom('release')
    .select(['id', 'halted_reason as reason'])
    .where('state', '=', 'halted')
    .execute();
  return new Map(rows.map(({ id, reason }) => [id, reason ?? 'no reason is known']));
}
