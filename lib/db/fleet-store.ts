import { sql } from 'kysely';
import { isSiloGone, practiceStates } from '../domain/practice.ts';
import type { RecordedReleaseState, ReleaseKind } from '../domain/release-publication.ts';
import type { Connection } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';

/** A release that practices run: those that have a silo, whether anybody may get in or not. */
export interface ReleaseInUse {
  readonly id: string;
  readonly ordinal: number;
  readonly kind: ReleaseKind;
  readonly state: RecordedReleaseState;
  readonly appVersion: string;
  readonly publishedAt: Date;
  readonly practices: number;
  /** When the first and the newest of them came to it; null when no deployment says so. */
  readonly firstUpdateAt: Date | null;
  readonly newestUpdateAt: Date | null;
}

const gone = practiceStates.filter(isSiloGone);
const ofSilos = sql<boolean>`practice.state <> all(${gone})`;

/** What the practices with a silo run, the newest release first. */
export async function listReleasesInUse(connection: Connection): Promise<ReleaseInUse[]> {
  const arrivals = connection
    .selectFrom('deployment')
    .where('state', '=', 'succeeded')
    .groupBy(['practice_id', 'release_id'])
    .select(['practice_id', 'release_id', sql<Date | null>`max(finished_at)`.as('arrived_at')]);
  const rows = await connection
    .selectFrom('practice')
    .innerJoin('release', 'release.id', 'practice.release_id')
    .leftJoin(arrivals.as('arrival'), (join) =>
      join
        .onRef('arrival.practice_id', '=', 'practice.id')
        .onRef('arrival.release_id', '=', 'practice.release_id'),
    )
    .where(ofSilos)
    .groupBy('release.id')
    .orderBy('release.ordinal', 'desc')
    .select([
      'release.id',
      'release.ordinal',
      'release.kind',
      'release.state',
      sql<string>`release.manifest ->> 'appVersion'`.as('appVersion'),
      'release.published_at as publishedAt',
      sql<number>`count(*)::integer`.as('practices'),
      sql<Date | null>`min(arrival.arrived_at)`.as('firstUpdateAt'),
      sql<Date | null>`max(arrival.arrived_at)`.as('newestUpdateAt'),
    ])
    .execute();
  return rows;
}

/** How many practices run each release, the newest first. */
export async function countByRelease(
  connection: Connection,
): Promise<{ readonly id: string; readonly ordinal: number; readonly practices: number }[]> {
  return connection
    .selectFrom('practice')
    .innerJoin('release', 'release.id', 'practice.release_id')
    .where(ofSilos)
    .groupBy('release.id')
    .orderBy('release.ordinal', 'desc')
    .select(['release.id', 'release.ordinal', sql<number>`count(*)::integer`.as('practices')])
    .execute();
}

/** The newest security release that is not halted. */
export async function newestSecurityRelease(connection: Connection): Promise<string | undefined> {
  const row = await connection
    .selectFrom('release')
    .select('id')
    .where('kind', '=', 'security')
    .where('state', '=', 'published')
    .orderBy('ordinal', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.id;
}

/** A release as what is counted from it. */
export interface Patch {
  readonly ordinal: number;
  readonly publishedAt: Date;
  readonly deadline: Date | null;
}

export interface PatchFigures {
  readonly practices: number;
  readonly patched: number;
  /** Those that have it since after its deadline, and once that is over those that have it not. */
  readonly late: number;
  /** From the publication to half of the patched practices, and to 95 in a hundred; null while there is none. */
  readonly medianMs: number | null;
  readonly p95Ms: number | null;
}

/**
 * Practices with a silo that ran an older release, or run one, and since when each runs this one or a newer, null while it does not. A
 * practice that went back counts from when it came again; one that began with the release or a newer one needed no patch.
 */
const patchTimes = ({ ordinal }: Patch) => sql`
  with done as (
    select deployment.practice_id, deployment.finished_at, release.ordinal >= ${ordinal} as has_it
    from deployment join release on release.id = deployment.release_id
    where deployment.state = 'succeeded'
  ), older as (
    select practice_id, max(finished_at) as last_at from done where not has_it group by practice_id
  )
  select practice.id, min(done.finished_at) filter (where release.ordinal >= ${ordinal}) as patched_at
  from practice
  join release on release.id = practice.release_id
  left join older on older.practice_id = practice.id
  left join done on done.practice_id = practice.id and done.has_it and done.finished_at > older.last_at
  where ${ofSilos} and (older.practice_id is not null or release.ordinal < ${ordinal})
  group by practice.id`;

export async function readPatchFigures(
  connection: Connection,
  patch: Patch,
  now: Date,
): Promise<PatchFigures> {
  const { publishedAt, deadline } = patch;
  const late = sql`coalesce(patched_at, ${now}::timestamptz) > ${deadline}::timestamptz`;
  const elapsed = (share: number) =>
    sql`percentile_disc(${share}::float8) within group (order by extract(epoch from patched_at - ${publishedAt}::timestamptz) * 1000)
      filter (where patched_at is not null)`;
  const { rows } = await sql<PatchFigures>`
    select count(*)::integer as practices, count(patched_at)::integer as patched,
      count(*) filter (where ${late})::integer as late,
      (${elapsed(0.5)})::float8 as "medianMs", (${elapsed(0.95)})::float8 as "p95Ms"
    from (${patchTimes(patch)}) as patch`.execute(connection);
  const [figures] = rows;
  if (figures === undefined) throw new Error('A count without a group has one row.');
  return figures;
}

export interface PatchedPractice {
  readonly practiceId: string;
  readonly patchedAt: Date | null;
}

/** Where practices that are not patched stand in the order: before all others. */
const never = new Date('9999-12-31T23:59:59.999Z');

/** Those that are not patched first, then the newest updates. */
export async function listPatchTimes(
  connection: Connection,
  patch: Patch,
  { limit, cursor }: PageRequest,
): Promise<Page<PatchedPractice>> {
  const end = cursor === undefined ? undefined : positionOf(cursor, 'text');
  const { rows } = await sql<PatchedPractice & { readonly at: Date }>`
    select id as "practiceId", patched_at as "patchedAt", at
    from (select id, patched_at, coalesce(patched_at, ${never}::timestamptz) as at from (${patchTimes(patch)}) as patch) as placed
    where ${end === undefined ? sql`true` : sql`(at, id) < (${end.at}::timestamptz, ${end.id})`}
    order by at desc, id desc limit ${limit + 1}`.execute(connection);
  const { items, nextCursor } = pageFrom(rows, limit, ({ at, practiceId }) => ({ at, id: practiceId }));
  return { items: items.map(({ practiceId, patchedAt }) => ({ practiceId, patchedAt })), nextCursor };
}
