import { type Kysely, sql } from 'kysely';

/** Who may become a practice's first owner. A new invitation takes the place of the one before; the audit trail has both. */
const statements = [
  `create table owner_invitation (
    practice_id text primary key references practice,
    email text not null,
    token_sha256 text not null unique check (token_sha256 ~ '^[0-9a-f]{64}$'),
    expires_at timestamptz not null,
    created_by text not null,
    created_at timestamptz not null,
    revoked_by text,
    revoked_at timestamptz,
    check ((revoked_at is null) = (revoked_by is null))
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
