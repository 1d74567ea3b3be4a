import { type Kysely, sql } from 'kysely';

const disciplines = `'["aba", "speech", "occupational", "physical", "behavioral_health"]'::jsonb`;

/**
 * A version has the whole terms of its plan, and a plan has a promise that no version falls short of. Versions from before get
 * prices and rules as examples, and keep their number, their day, their free days and their lock. What was published never changes.
 */
const statements = [
  `alter table plan add column promise jsonb, add column revision integer not null default 1`,
  `update plan set promise = (
    select jsonb_build_object('freeDays', coalesce(min(free_days), 0), 'lockMonths', coalesce(min(lock_months), 0))
    from plan_version where plan_id = plan.id)`,
  `alter table plan alter column promise set not null`,
  `alter table plan_version add column terms jsonb`,
  `update plan_version set terms = jsonb_build_object(
    'currency', 'USD',
    'interval', 'month',
    'rates', case plan_id
      when 'founding' then '{"base": 14900, "perClinician": 2900, "perLocation": 1900}'::jsonb
      else '{"base": 24900, "perClinician": 3900, "perLocation": 2900}'::jsonb end,
    'freeDays', free_days,
    'freeFrom', 'activation',
    'lock', jsonb_build_object('months', lock_months, 'from', 'first_charged_day'),
    'cap', case plan_id when 'founding' then 100 end,
    'enrolment', '{"from": null, "until": null}'::jsonb,
    'disciplines', ${disciplines},
    'shape', shape,
    'cancellation', '{"noticeDays": 30}'::jsonb,
    'priceChange', '{"noticeDays": 60}'::jsonb)`,
  `alter table plan_version
    alter column terms set not null,
    drop column free_days,
    drop column lock_months,
    drop column shape`,
  `create trigger plan_version_append_only before update or delete on plan_version
    for each row execute function refuse_change()`,
  `create trigger plan_version_no_truncate before truncate on plan_version
    for each statement execute function refuse_change()`,
  `create function refuse_promise_change() returns trigger language plpgsql as $$
    begin
      raise exception 'the promise of plan % is fixed: make another plan', old.id;
    end
  $$`,
  `create trigger plan_promise_kept before delete or update of id, promise on plan
    for each row execute function refuse_promise_change()`,
];

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}
