import type { Selectable } from 'kysely';
import type { Day } from '../domain/plan/day.ts';
import type { PlanNoticeData } from '../domain/plan/notices.ts';
import { groupBy, type OfferedVersion, type SubscriptionRecord } from '../domain/plan/reports.ts';
import type { SubscriptionState } from '../domain/plan/state.ts';
import type { Connection } from './database.ts';
import type { PracticeTable } from './practice-tables.ts';

/** What reports ask of each subscription: one statement for all of them. */

type KeptSubscription = Omit<SubscriptionRecord, 'decisions' | 'announcements'>;

/** Every subscription with its facts, as the database sorts practice ids. */
export async function listSubscriptionRecords(connection: Connection): Promise<KeptSubscription[]> {
  const rows = await connection
    .selectFrom('subscription')
    .innerJoin('practice', 'practice.id', 'subscription.practice_id')
    .innerJoin('subscription_fact as kept', 'kept.practice_id', 'subscription.practice_id')
    .select(['subscription.practice_id', 'subscription.time_zone', 'practice.display_name'])
    .select(['kept.fact', 'kept.at'])
    .orderBy('subscription.practice_id')
    .orderBy('kept.seq')
    .execute();
  const records: (KeptSubscription & { readonly facts: SubscriptionRecord['facts'][number][] })[] = [];
  for (const { practice_id: practiceId, time_zone: timeZone, display_name: displayName, fact, at } of rows) {
    const last = records.at(-1);
    if (last?.practiceId === practiceId) last.facts.push({ fact, at });
    else records.push({ practiceId, timeZone, displayName, facts: [{ fact, at }] });
  }
  return records;
}

/** What a person has made of a subscription, by the action in the audit trail: the subscription's row only has the last of them. */
const stateAfter = {
  'subscription.marked_past_due': 'past_due',
  'subscription.settled': 'active',
  'subscription.suspended': 'suspended',
  'subscription.resumed': 'past_due',
} as const satisfies Readonly<Record<string, SubscriptionState>>;
type Action = keyof typeof stateAfter;

/** Of each subscription that people have decided about, its states by them, oldest first. */
export async function listStateDecisions(
  connection: Connection,
): Promise<ReadonlyMap<string, SubscriptionRecord['decisions']>> {
  const rows = await connection
    .selectFrom('audit')
    .select(['subject_id', 'action', 'at'])
    .where('subject_type', '=', 'subscription')
    .where('action', 'in', Object.keys(stateAfter))
    .orderBy('seq')
    .$narrowType<{ action: Action }>()
    .execute();
  const decisions = rows.map(({ subject_id: id, action, at }) => ({ id, state: stateAfter[action], at }));
  return new Map(groupBy(decisions, ({ id }) => id));
}

/** Of each subscription that was told of a price, what it was told, oldest first. */
export async function listAnnouncements(
  connection: Connection,
): Promise<ReadonlyMap<string, SubscriptionRecord['announcements']>> {
  const rows = await connection
    .selectFrom('subscription_notice as told')
    .select(['practice_id', 'data', 'written_at', 'sent_at'])
    // What ends an announcement before its day; else it lapses on that day, which its timeline tells.
    .select((eb) =>
      eb
        .selectFrom('audit')
        .select((row) => row.fn.min('audit.at').as('at'))
        .where('subject_type', '=', 'subscription')
        .whereRef('subject_id', '=', 'told.practice_id')
        .where('action', '=', 'subscription.transferred')
        .whereRef('audit.at', '>=', 'told.written_at')
        .where('told.outcome', '<>', 'taken')
        .as('lapsed_at'),
    )
    .where('kind', '=', 'price_change')
    .orderBy('written_at')
    .execute();
  const announcements = rows.map((row) => ({
    id: row.practice_id,
    announced: row.data as PlanNoticeData<'price_change'>,
    at: row.written_at,
    sentAt: row.sent_at,
    lapsedAt: row.lapsed_at,
  }));
  return new Map(groupBy(announcements, ({ id }) => id));
}

/** Of each plan that is offered on a day its version, by plan id. */
export async function offeredVersions(connection: Connection, on: Day): Promise<OfferedVersion[]> {
  const rows = await connection
    .selectFrom('plan_version')
    .distinctOn('plan_id')
    .select(['plan_id', 'version', 'terms'])
    .where('effective_from', '<=', on)
    .orderBy('plan_id')
    .orderBy('version', 'desc')
    .execute();
  return rows.map(({ plan_id: planId, version, terms: { rates, cap } }) => ({ planId, version, rates, cap }));
}

/** How many sign-ups waited for each plan at an instant. */
export async function countWaitingAt(connection: Connection, at: Date): Promise<ReadonlyMap<string, number>> {
  const rows = await connection
    .selectFrom('plan_waiting')
    .innerJoin('sign_up', 'sign_up.id', 'plan_waiting.sign_up_id')
    .select('plan_waiting.plan_id')
    .select((eb) => eb.fn.countAll<string>().as('count'))
    .where('plan_waiting.since', '<', at)
    .where((eb) => eb.or([eb('sign_up.decided_at', 'is', null), eb('sign_up.decided_at', '>=', at)]))
    .groupBy('plan_waiting.plan_id')
    .execute();
  return new Map(rows.map(({ plan_id: planId, count }) => [planId, Number(count)]));
}

type SubscribedPractice = Pick<
  Selectable<PracticeTable>,
  'id' | 'state' | 'shape' | 'settings' | 'release_id'
>;

/** What decides what the silos of practices with a subscription cost. */
export function subscribedPractices(connection: Connection): Promise<SubscribedPractice[]> {
  return connection
    .selectFrom('practice')
    .innerJoin('subscription', 'subscription.practice_id', 'practice.id')
    .select(['practice.id', 'practice.state', 'practice.shape', 'practice.settings', 'practice.release_id'])
    .orderBy('practice.id')
    .execute();
}
