import { sql } from 'kysely';
import type { BucketLimits, CallKind } from '../domain/call-budget.ts';
import type { Db } from './database.ts';

export interface BucketKey {
  readonly cellId: string;
  readonly kind: CallKind;
}

export interface Grant {
  /** Calls let through. */
  readonly granted: number;
  /** What the bucket holds afterwards; below zero when some of them have to wait. */
  readonly tokens: number;
  /** Calls a second. */
  readonly rate: number;
}

/** A time so far ahead was told by another server's clock, before a failover or a restore; else a bucket would stand still until then. */
const strayed = sql.raw(`interval '1 minute'`);

/** The database's clock: all replicas share it, and it goes on within a transaction. */
const databaseNow = sql<Date>`clock_timestamp()`;

/**
 * Takes tokens of a bucket in one statement, which makes the bucket if there is none: what has come in since it was last asked is added
 * first, and its rate recovers. `owing`: takes all of `count`, and lets the bucket owe what it lacks; otherwise only what is there.
 * @param waitedMs how long calls have waited for this bucket since the last question, for the record
 */
export async function takeTokens(
  db: Db,
  { cellId, kind }: BucketKey,
  limits: BucketLimits,
  asked: { readonly count: number; readonly owing: boolean; readonly waitedMs?: number },
  now = databaseNow,
): Promise<Grant> {
  const { most, least, burst, recovery } = limits;
  const { count, owing, waitedMs = 0 } = asked;
  const elapsed = sql`greatest(0, extract(epoch from (excluded.refilled_at - b.refilled_at)))::double precision`;
  const there = sql`least(${burst}::double precision, b.tokens + b.rate * ${elapsed})`;
  const granted = (tokens: typeof there) =>
    owing ? sql`${count}::integer` : sql`least(${count}, greatest(0, floor(${tokens})))::integer`;
  const first = granted(sql`${burst}::double precision`);
  const { rows } = await sql<Grant>`
    insert into call_budget as b
      (cell_id, kind, rate, tokens, granted, refilled_at, calls, throttles, waited_ms)
    values (${cellId}, ${kind}, ${most}, ${burst}::double precision - ${first}, ${first}, ${now}, ${first}, 0, ${waitedMs})
    on conflict (cell_id, kind) do update set
      tokens = ${there} - ${granted(there)},
      granted = ${granted(there)},
      calls = b.calls + ${granted(there)},
      rate = least(${most}::double precision, greatest(${least}::double precision, b.rate) + ${recovery}::double precision * ${elapsed}),
      refilled_at = case when b.refilled_at > excluded.refilled_at + ${strayed} then excluded.refilled_at
        else greatest(b.refilled_at, excluded.refilled_at) end,
      waited_ms = b.waited_ms + excluded.waited_ms
    returning granted, tokens, rate`.execute(db);
  const [row] = rows;
  if (row === undefined) throw new Error('an upsert returns its row');
  return row;
}

/** Halves a bucket's rate, at most once a second, and empties it: AWS has said that it is too much. */
export async function slowDown(
  db: Db,
  { cellId, kind }: BucketKey,
  { least }: BucketLimits,
  now = databaseNow,
): Promise<void> {
  await sql`
    update call_budget as b set
      throttles = b.throttles + 1,
      rate = case when fresh then greatest(${least}::double precision, b.rate / 2) else b.rate end,
      tokens = case when fresh then least(b.tokens, 0) else b.tokens end,
      refilled_at = case when fresh then greatest(b.refilled_at, at) else b.refilled_at end,
      throttled_at = case when fresh then at else b.throttled_at end
    from (
      select cell_id, kind, at, coalesce(throttled_at <= at - interval '1 second' or throttled_at > at + ${strayed}, true) as fresh
      from call_budget, (select ${now}::timestamptz as at) as clock
      where cell_id = ${cellId} and kind = ${kind} for update of call_budget
    ) as seen
    where b.cell_id = seen.cell_id and b.kind = seen.kind`.execute(db);
}

export interface CallFigures extends BucketKey {
  /** Calls a second that may leave now. */
  readonly rate: number;
  /** Let through since the bucket was made, made or not. */
  readonly calls: number;
  readonly throttles: number;
  readonly waitedMs: number;
}

/** Every bucket, by cell and kind. */
export async function readCallFigures(db: Db): Promise<CallFigures[]> {
  const rows = await db
    .selectFrom('call_budget')
    .select(['cell_id', 'kind', 'rate', 'calls', 'throttles', 'waited_ms'])
    .orderBy('cell_id')
    .orderBy('kind')
    .execute();
  return rows.map(({ cell_id, waited_ms, ...figures }) => ({
    ...figures,
    cellId: cell_id,
    waitedMs: waited_ms,
  }));
}
