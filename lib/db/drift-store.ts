import type { Selectable } from 'kysely';
import { type DriftFindings, type DriftState, driftStateOf, sameFindings } from '../domain/drift.ts';
import type { PracticeState } from '../domain/practice.ts';
import { type Connection, type Db, type Trx, toJson } from './database.ts';
import { openRunStates } from './run-store.ts';
import type { DriftRecordTable, DriftWatchTable } from './run-tables.ts';

export type DriftRecord = Selectable<DriftRecordTable>;
export type DriftWatch = Selectable<DriftWatchTable>;

/** A process's right to look at one silo. */
export interface DriftClaim {
  readonly practiceId: string;
  readonly startedAt: Date;
  readonly until: Date;
}

/** States of a practice whose silo is to be as its release says, open or closed. */
const watchedStates: readonly PracticeState[] = ['active', 'suspended'];

export const isWatched = (state: PracticeState): boolean => watchedStates.includes(state);

/** Ids of practices that nobody watches yet though their silos are to be watched. */
export async function unwatchedPractices(connection: Connection): Promise<string[]> {
  const rows = await connection
    .selectFrom('practice')
    .leftJoin('drift_watch', 'drift_watch.practice_id', 'practice.id')
    .select('practice.id')
    .where('practice.state', 'in', [...watchedStates])
    .where('drift_watch.practice_id', 'is', null)
    .execute();
  return rows.map(({ id }) => id);
}

/** Takes a practice under watch; one that is watched already stays as it is. */
export async function watchForDrift(
  connection: Connection,
  practiceId: string,
  nextCheckAt: Date,
): Promise<void> {
  await connection
    .insertInto('drift_watch')
    .values({ practice_id: practiceId, state: 'not_checked', next_check_at: nextCheckAt })
    .onConflict((conflict) => conflict.column('practice_id').doNothing())
    .execute();
}

/**
 * Claims the practice that has waited longest for its turn; undefined when nobody's has come. Practices in any other state than active
 * or suspended, or with an open run, wait: their silos are about to change. A claim that ran out may be taken over.
 */
export async function claimDriftCheck(
  db: Db,
  claim: { readonly startedAt: Date; readonly until: Date },
): Promise<DriftClaim | undefined> {
  return db.transaction().execute(async (trx) => {
    const due = await trx
      .selectFrom('drift_watch')
      .innerJoin('practice', 'practice.id', 'drift_watch.practice_id')
      .select('drift_watch.practice_id')
      .where('practice.state', 'in', [...watchedStates])
      .where('drift_watch.next_check_at', '<=', claim.startedAt)
      .where((eb) =>
        eb.or([
          eb('drift_watch.claimed_until', 'is', null),
          eb('drift_watch.claimed_until', '<=', claim.startedAt),
        ]),
      )
      .where((eb) =>
        eb.not(
          eb.exists(
            eb
              .selectFrom('run')
              .select('run.id')
              .whereRef('run.practice_id', '=', 'drift_watch.practice_id')
              .where('run.state', 'in', openRunStates),
          ),
        ),
      )
      .orderBy('drift_watch.next_check_at')
      .limit(1)
      .forUpdate('drift_watch')
      .skipLocked()
      .executeTakeFirst();
    if (due === undefined) return undefined;
    await trx
      .updateTable('drift_watch')
      .set({ claimed_until: claim.until })
      .where('practice_id', '=', due.practice_id)
      .execute();
    return { practiceId: due.practice_id, ...claim };
  });
}

/** Gives a claim back without a result. Nothing happens when another process holds it by now. */
export async function postponeDriftCheck(
  connection: Connection,
  claim: DriftClaim,
  nextCheckAt: Date,
): Promise<void> {
  await connection
    .updateTable('drift_watch')
    .set({ claimed_until: null, next_check_at: nextCheckAt })
    .where('practice_id', '=', claim.practiceId)
    .where('claimed_until', '=', claim.until)
    .execute();
}

/** What a look changed on record. */
export interface DriftChange {
  readonly state: Exclude<DriftState, 'not_checked'>;
  /** Whether it found something else than the last one. */
  readonly recorded: boolean;
  /** What became of the drift since the last look that could tell; undefined when nothing did. */
  readonly became: 'appeared' | 'changed' | 'cleared' | undefined;
}

/**
 * Keeps what a look found; appends a record only when it is something else than before. Undefined, and nothing is written, when
 * the claim was lost, or when a run has changed the silo during the look.
 */
export async function recordDrift(
  trx: Trx,
  claim: DriftClaim,
  look: { readonly releaseId: string; readonly findings: DriftFindings; readonly nextCheckAt: Date },
): Promise<DriftChange | undefined> {
  const watch = await trx
    .selectFrom('drift_watch')
    .selectAll()
    .where('practice_id', '=', claim.practiceId)
    .forUpdate()
    .executeTakeFirst();
  if (watch?.claimed_until?.getTime() !== claim.until.getTime()) return undefined;
  if (await ranSince(trx, claim)) return undefined;
  const state = driftStateOf(look.findings);
  const last = await newestDriftRecord(trx, claim.practiceId);
  const became = becomes(state, look.findings, await newestKnown(trx, claim.practiceId));
  const recorded =
    last === undefined || last.release_id !== look.releaseId || !sameFindings(last, look.findings);
  if (recorded) {
    await trx
      .insertInto('drift_record')
      .values({
        practice_id: claim.practiceId,
        release_id: look.releaseId,
        state,
        differences: toJson(look.findings.differences),
        accepted: toJson(look.findings.accepted),
        problems: toJson(look.findings.problems),
        observed_at: claim.startedAt,
      })
      .execute();
  }
  // Somebody who asked while this look was under way gets one of their own.
  const { requested_at: asked } = watch;
  await trx
    .updateTable('drift_watch')
    .set({
      state,
      checked_at: claim.startedAt,
      next_check_at: asked !== null && asked > claim.startedAt ? asked : look.nextCheckAt,
      claimed_until: null,
    })
    .where('practice_id', '=', claim.practiceId)
    .execute();
  return { state, recorded, became };
}

function becomes(
  state: DriftChange['state'],
  findings: DriftFindings,
  known: DriftRecord | undefined,
): DriftChange['became'] {
  if (state === 'unknown') return undefined;
  if (known?.state !== 'drifted') return state === 'drifted' ? 'appeared' : undefined;
  if (state === 'in_sync') return 'cleared';
  const { differences } = findings;
  return sameFindings({ ...known, problems: [] }, { differences, problems: [] }) ? undefined : 'changed';
}

/** The last record that could tell whether the silo had drifted. */
function newestKnown(trx: Trx, practiceId: string): Promise<DriftRecord | undefined> {
  return trx
    .selectFrom('drift_record')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .where('state', '<>', 'unknown')
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** Whether a run of the practice is open, or ended after the look began. */
async function ranSince(trx: Trx, { practiceId, startedAt }: DriftClaim): Promise<boolean> {
  const run = await trx
    .selectFrom('run')
    .select('id')
    .where('practice_id', '=', practiceId)
    .where((eb) => eb.or([eb('state', 'in', openRunStates), eb('finished_at', '>=', startedAt)]))
    .limit(1)
    .executeTakeFirst();
  return run !== undefined;
}

/** Puts a practice first in line. Takes it under watch if it is not. */
export async function requestDriftCheck(
  connection: Connection,
  practiceId: string,
  now: Date,
): Promise<void> {
  const asked = { requested_at: now, next_check_at: now };
  await connection
    .insertInto('drift_watch')
    .values({ practice_id: practiceId, state: 'not_checked', ...asked })
    .onConflict((conflict) => conflict.column('practice_id').doUpdateSet(asked))
    .execute();
}

export function readDriftWatch(connection: Connection, practiceId: string): Promise<DriftWatch | undefined> {
  return connection
    .selectFrom('drift_watch')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .executeTakeFirst();
}

export function newestDriftRecord(
  connection: Connection,
  practiceId: string,
): Promise<DriftRecord | undefined> {
  return connection
    .selectFrom('drift_record')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .orderBy('id', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** A page of what looks found, newest first; `beforeId` is the last row of the page before. */
export async function listDriftRecords(
  connection: Connection,
  page: { readonly practiceId: string; readonly beforeId?: number | undefined; readonly limit: number },
): Promise<DriftRecord[]> {
  let query = connection.selectFrom('drift_record').selectAll().where('practice_id', '=', page.practiceId);
  if (page.beforeId !== undefined) query = query.where('id', '<', page.beforeId);
  return query.orderBy('id', 'desc').limit(page.limit).execute();
}

/** How many of the practices that are watched are in each state of drift. A state that no practice is in has no entry. */
export async function countByDrift(
  connection: Connection,
): Promise<{ readonly state: DriftState; readonly count: number }[]> {
  const rows = await connection
    .selectFrom('practice')
    .leftJoin('drift_watch', 'drift_watch.practice_id', 'practice.id')
    .select((eb) => ['drift_watch.state as state', eb.fn.countAll<number>().as('count')])
    .where('practice.state', 'in', [...watchedStates])
    .groupBy('drift_watch.state')
    .execute();
  const counts = new Map<DriftState, number>();
  for (const { state, count } of rows) {
    // A practice that nobody watches yet has no row.
    const known = state ?? 'not_checked';
    counts.set(known, (counts.get(known) ?? 0) + count);
  }
  return [...counts].map(([state, count]) => ({ state, count }));
}
