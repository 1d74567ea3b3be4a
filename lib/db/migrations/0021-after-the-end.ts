import { type Kysely, sql } from 'kysely';

const statements = [
  // What was posted before there were statements after the end gets one.
  `update subscription set next_due_at = now() where state = 'cancelled'`,
  `create function refuse_closed_day() returns trigger language plpgsql as $$
    declare
      stands date;
    begin
      select max(period_until) into stands from closed_period where practice_id = new.practice_id;
      if new.day < stands then
        raise exception 'the statement of practice % up to % stands: nothing more is posted on %',
          new.practice_id, stands, new.day using errcode = 'check_violation';
      end if;
      return new;
    end
  $$`,
  // Charges are what closing a period posts, each once by its source. A backup's rows come in no promised order.
  `create trigger ledger_transaction_of_open_period before insert on ledger_transaction for each row
    when (new.kind <> 'charge' and current_setting('lumenality.restores', true) is distinct from 'on') execute function refuse_closed_day()`,
  `create trigger subscription_approval_no_truncate before truncate on subscription_approval
    for each statement execute function refuse_change()`,
];

/** Statements go on after the end of a subscription, and the database holds to those that are made. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
