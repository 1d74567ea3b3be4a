import type { SubscriptionFact } from '../domain/plan/facts.ts';
import type { Connection } from './database.ts';

/** How many subscriptions hold a place in a plan. */
export async function countMembers(connection: Connection, planId: string): Promise<number> {
  const { count } = await connection
    .selectFrom('subscription')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('plan_id', '=', planId)
    .where('state', '<>', 'cancelled')
    .executeTakeFirstOrThrow();
  return count;
}

interface PlanMember {
  readonly practiceId: string;
  readonly timeZone: string;
  /** In the order in which they were recorded. */
  readonly facts: readonly SubscriptionFact[];
}

/** Read by one statement. */
const membersAtOnce = 500;

/** Every subscription that holds a place in a plan, by practice id. */
export async function* membersOf(connection: Connection, planId: string): AsyncGenerator<PlanMember> {
  let last = '';
  for (;;) {
    const rows = await connection
      .selectFrom('subscription')
      .select(['practice_id', 'time_zone'])
      .where('plan_id', '=', planId)
      .where('state', '<>', 'cancelled')
      .where('practice_id', '>', last)
      .orderBy('practice_id')
      .limit(membersAtOnce)
      .execute();
    const facts = await factsByPractice(
      connection,
      rows.map(({ practice_id: id }) => id),
    );
    for (const { practice_id: practiceId, time_zone: timeZone } of rows) {
      yield { practiceId, timeZone, facts: facts.get(practiceId) ?? [] };
    }
    if (rows.length < membersAtOnce) return;
    last = rows.at(-1)?.practice_id ?? last;
  }
}

async function factsByPractice(
  connection: Connection,
  practiceIds: readonly string[],
): Promise<ReadonlyMap<string, readonly SubscriptionFact[]>> {
  if (practiceIds.length === 0) return new Map();
  const rows = await connection
    .selectFrom('subscription_fact')
    .select(['practice_id', 'fact'])
    .where('practice_id', 'in', practiceIds)
    .orderBy('practice_id')
    .orderBy('seq')
    .execute();
  const facts = new Map<string, SubscriptionFact[]>();
  for (const { practice_id: id, fact } of rows) {
    const list = facts.get(id);
    if (list === undefined) facts.set(id, [fact]);
    else list.push(fact);
  }
  return facts;
}
