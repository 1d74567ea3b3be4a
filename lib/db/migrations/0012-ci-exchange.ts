import { type Kysely, sql } from 'kysely';

/** ID tokens of pipelines that were exchanged already: each is good for one API token. */
const statements = [
  // Checked at the end of the transaction: which of two exchanges is the first shows before either makes a token.
  `create table ci_exchange (
    fingerprint text primary key,
    token_id text not null references api_token deferrable initially deferred,
    exchanged_at timestamptz not null,
    expires_at timestamptz not null
  )`,
  `create index ci_exchange_expired on ci_exchange (expires_at)`,
  `create index ci_exchange_token on ci_exchange (token_id)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
