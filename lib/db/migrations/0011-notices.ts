import { type Kysely, sql } from 'kysely';

/** The outbox: what is to be told, to whom, and how far that is. */
const statements = [
  `create table notice_endpoint (
    id uuid primary key,
    practice_id text references practice,
    url text not null,
    kinds jsonb not null,
    secret text not null,
    previous_secret text,
    previous_secret_until timestamptz,
    created_by text not null,
    created_at timestamptz not null,
    removed_by text,
    removed_at timestamptz,
    check ((previous_secret is null) = (previous_secret_until is null)),
    check (removed_at is null or (secret = '' and previous_secret is null))
  )`,
  `create table practice_contact (
    practice_id text primary key references practice,
    contacts jsonb not null,
    revision integer not null check (revision > 0),
    updated_at timestamptz not null
  )`,
  `create table notice (
    id uuid primary key,
    seq bigint generated always as identity,
    kind text not null,
    practice_id text references practice,
    subject_type text not null,
    subject_id text not null,
    data jsonb not null,
    created_at timestamptz not null
  )`,
  `create index notice_newest on notice (created_at desc, id desc)`,
  `create index notice_of_practice on notice (practice_id, created_at desc, id desc)`,
  `create table notice_delivery (
    id uuid primary key,
    seq bigint generated always as identity,
    notice_id uuid not null references notice,
    channel text not null check (channel in ('webhook', 'mail')),
    endpoint_id uuid references notice_endpoint,
    address text,
    destination text not null,
    state text not null check (state in ('pending', 'delivered', 'failed', 'cancelled')),
    attempts integer not null default 0 check (attempts >= 0),
    due_at timestamptz not null,
    give_up_at timestamptz not null,
    claimed_until timestamptz,
    last_error text,
    finished_at timestamptz,
    unique (notice_id, destination),
    check ((channel = 'webhook') = (endpoint_id is not null)),
    check ((channel = 'mail') = (address is not null)),
    check ((state = 'pending') = (finished_at is null)),
    check (claimed_until is null or state = 'pending')
  )`,
  `create index notice_delivery_open on notice_delivery (seq) where state = 'pending'`,
  `create index notice_delivery_order on notice_delivery (destination, seq) where state = 'pending'`,
  `create index notice_delivery_tried on notice_delivery (destination) where state = 'pending' and attempts > 0`,
  `create index notice_delivery_failed on notice_delivery (channel) where state = 'failed'`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
