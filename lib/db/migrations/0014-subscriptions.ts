import { type Kysely, sql } from 'kysely';

/** Practices as members of plans: what happened to each is a list of facts that only grows. */
const statements = [
  `create table subscription (
    practice_id text primary key references practice,
    plan_id text not null,
    plan_version integer not null,
    state text not null check (state in ('pending', 'trialing', 'active', 'past_due', 'suspended', 'cancelled')),
    time_zone text not null,
    terms jsonb not null,
    charged_from date,
    locked_until date,
    closed_until date,
    ends_on date,
    next_due_at timestamptz,
    revision integer not null default 1 check (revision > 0),
    created_at timestamptz not null,
    updated_at timestamptz not null,
    foreign key (plan_id, plan_version) references plan_version
  )`,
  `create index subscription_member on subscription (plan_id) where state <> 'cancelled'`,
  `create index subscription_due on subscription (next_due_at) where next_due_at is not null`,
  `create table subscription_fact (
    practice_id text not null references subscription,
    seq integer not null check (seq > 0),
    kind text not null,
    fact jsonb not null check (fact ->> 'kind' = kind),
    signature jsonb check (signature is null or kind in ('enrolled', 'plan')),
    actor text not null,
    reason text,
    at timestamptz not null,
    primary key (practice_id, seq)
  )`,
  `create trigger subscription_fact_append_only before update or delete on subscription_fact
    for each row execute function refuse_change()`,
  `create trigger subscription_fact_no_truncate before truncate on subscription_fact
    for each statement execute function refuse_change()`,
  `create table plan_waiting (
    plan_id text not null references plan,
    position integer not null check (position > 0),
    sign_up_id uuid not null references sign_up,
    since timestamptz not null,
    primary key (plan_id, position),
    unique (plan_id, sign_up_id)
  )`,
  `create table terms_key (
    id text primary key check (id ~ '^[0-9a-f]{64}$'),
    public_key text not null,
    registered_at timestamptz not null
  )`,
  `create table subscription_link (
    practice_id text primary key references subscription,
    key_sha256 text not null unique,
    created_by text not null,
    created_at timestamptz not null
  )`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
