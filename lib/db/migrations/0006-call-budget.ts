import { type Kysely, sql } from 'kysely';

/** What all replicas together may ask of each cell's CloudFormation: one token bucket for each kind of call. */
const statements = [
  // No reference to a cell: a bucket is a means, and a lost one only begins anew.
  `create table call_budget (
    cell_id text not null,
    kind text not null,
    rate double precision not null check (rate > 0),
    tokens double precision not null,
    granted integer not null,
    refilled_at timestamptz not null,
    throttled_at timestamptz,
    calls bigint not null,
    throttles bigint not null,
    waited_ms double precision not null,
    primary key (cell_id, kind)
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
