import { type Kysely, sql } from 'kysely';

/**
 * Releases have an order, that of their publication, say what they are for, and can be halted. What was published never changes: a
 * release is its content, and its signature is over all that is said of it. Releases from before are features that nobody signed.
 */
const statements = [
  `alter table release
    add column ordinal bigint,
    add column kind text not null default 'feature' check (kind in ('feature', 'fix', 'security')),
    add column severity text check (severity in ('low', 'medium', 'high', 'critical')),
    add column deadline timestamptz,
    add column notes text not null default '',
    add column changelog_url text,
    add column signature jsonb,
    add column state text not null default 'published' check (state in ('published', 'halted')),
    add column halted_by text,
    add column halted_at timestamptz,
    add column halted_reason text,
    add column revision integer not null default 1,
    add check (num_nulls(severity, deadline) = case when kind = 'security' then 0 else 2 end),
    add check (num_nulls(halted_by, halted_at, halted_reason) = case when state = 'halted' then 0 else 3 end)`,
  `update release set ordinal = ordered.ordinal
    from (select id, row_number() over (order by published_at, id) as ordinal from release) as ordered
    where ordered.id = release.id`,
  `alter table release
    alter column ordinal set not null,
    alter column ordinal add generated always as identity,
    add unique (ordinal),
    alter column kind drop default,
    alter column notes drop default`,
  `select setval(pg_get_serial_sequence('release', 'ordinal'), max(ordinal)) from release having max(ordinal) is not null`,
  `create function refuse_release_change() returns trigger language plpgsql as $$
    begin
      raise exception 'release % is immutable: what was published never changes', old.id;
    end
  $$`,
  `create trigger release_immutable before update of id, content_hash, manifest, templates, published_by, published_at,
    ordinal, kind, severity, deadline, notes, changelog_url, signature on release
    for each row execute function refuse_release_change()`,
  `create trigger release_kept before delete on release for each row execute function refuse_release_change()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
