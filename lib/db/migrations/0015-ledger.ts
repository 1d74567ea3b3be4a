import { type Kysely, sql } from 'kysely';

/** What a number of JavaScript holds exactly (Number.MAX_SAFE_INTEGER). */
const mostCents = '9007199254740991';
const appendOnly = ['ledger_transaction', 'ledger_entry', 'closed_period'];

/** The ledger of each practice, the periods that are closed, and what waits for a second person's approval. */
const statements = [
  `create table ledger_transaction (
    id uuid primary key,
    seq bigint generated always as identity unique,
    practice_id text not null references practice,
    kind text not null check (kind in ('charge', 'credit', 'adjustment', 'payment', 'reversal')),
    day date not null,
    period_from date,
    period_until date,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    entries smallint not null check (entries >= 2),
    reason text not null check (reason <> ''),
    author text not null,
    approved_by text,
    source_key text unique,
    reverses uuid unique,
    charge jsonb,
    at timestamptz not null,
    check ((kind = 'charge') = (charge is not null)),
    check ((kind = 'charge') = (period_from is not null)),
    check ((period_from is null) = (period_until is null)),
    check ((kind = 'reversal') = (reverses is not null)),
    unique (id, practice_id),
    -- At the end of the transaction: a backup's rows come in no promised order.
    foreign key (reverses, practice_id) references ledger_transaction (id, practice_id) deferrable initially deferred
  )`,
  `create index ledger_transaction_of_practice on ledger_transaction (practice_id, day, seq)`,
  `create table ledger_entry (
    transaction_id uuid not null references ledger_transaction,
    line smallint not null check (line > 0),
    account text not null check (account in ('receivable', 'revenue', 'credits_given', 'adjustments', 'cash')),
    amount_cents bigint not null check (amount_cents <> 0 and abs(amount_cents) <= ${mostCents}),
    primary key (transaction_id, line)
  )`,
  `create table closed_period (
    practice_id text not null references practice,
    period_from date not null,
    period_until date not null check (period_until > period_from),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    closed_at timestamptz not null,
    primary key (practice_id, period_from)
  )`,
  // At commit, when all entries of a transaction are there. An entry that is added to an old transaction makes its count wrong.
  `create function refuse_unbalanced() returns trigger language plpgsql as $$
    declare
      of_id uuid;
      head ledger_transaction;
      written record;
    begin
      if tg_table_name = 'ledger_entry' then of_id := new.transaction_id; else of_id := new.id; end if;
      select * into strict head from ledger_transaction where id = of_id;
      select count(*) as entries, coalesce(sum(amount_cents), 0) as sum into written
        from ledger_entry where transaction_id = of_id;
      if written.sum <> 0 then
        raise exception 'ledger transaction % is not balanced: its entries sum to %', of_id, written.sum
          using errcode = 'check_violation';
      end if;
      if written.entries <> head.entries then
        raise exception 'ledger transaction % is made of % entries, not of %', of_id, head.entries, written.entries
          using errcode = 'check_violation';
      end if;
      if exists (select from ledger_transaction where practice_id = head.practice_id and currency <> head.currency) then
        raise exception 'the ledger of practice % has another currency than %', head.practice_id, head.currency
          using errcode = 'check_violation';
      end if;
      return null;
    end
  $$`,
  ...['ledger_transaction', 'ledger_entry'].map(
    (table) => `create constraint trigger ${table}_balanced after insert on ${table}
      deferrable initially deferred for each row execute function refuse_unbalanced()`,
  ),
  ...appendOnly.flatMap((table) => [
    `create trigger ${table}_append_only before update or delete on ${table} for each row execute function refuse_change()`,
    `create trigger ${table}_no_truncate before truncate on ${table} for each statement execute function refuse_change()`,
    `revoke update, delete, truncate on ${table} from public, current_user`,
  ]),
  // Foreign keys lock the row that they refer to as the table's owner, which takes the right to update any one column. This one the
  // database numbers itself and lets nobody set.
  `grant update (seq) on ledger_transaction to current_user`,
  `create table subscription_approval (
    id uuid primary key,
    kind text not null,
    practice_id text not null references practice,
    input jsonb not null,
    value_cents bigint not null check (value_cents between 0 and ${mostCents}),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    reason text not null,
    state text not null check (state in ('requested', 'approved', 'declined')),
    requested_by text not null,
    requested_by_name text not null,
    requested_at timestamptz not null,
    expires_at timestamptz not null check (expires_at > requested_at),
    decided_by text,
    decided_by_name text,
    decided_at timestamptz,
    decision_reason text,
    result jsonb,
    revision integer not null,
    check ((state = 'requested') = (decided_at is null)),
    check ((state = 'approved') = (result is not null)),
    check (state <> 'approved' or decided_by <> requested_by)
  )`,
  `create function refuse_approval_change() returns trigger language plpgsql as $$
    begin
      raise exception 'request % stays as it was asked for, and is decided once', old.id;
    end
  $$`,
  // What the second person approves is what the first asked for.
  `create trigger subscription_approval_as_asked before update of id, kind, practice_id, input, value_cents, currency, reason,
    requested_by, requested_by_name, requested_at, expires_at on subscription_approval
    for each row execute function refuse_approval_change()`,
  `create trigger subscription_approval_decided before update on subscription_approval
    for each row when (old.state <> 'requested') execute function refuse_approval_change()`,
  `create trigger subscription_approval_kept before delete on subscription_approval
    for each row execute function refuse_approval_change()`,
  `create index subscription_approval_newest on subscription_approval (requested_at desc, id desc)`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
