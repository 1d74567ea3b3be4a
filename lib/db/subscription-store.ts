import type { Selectable } from 'kysely';
import { type Day, dayIn, laterOf } from '../domain/plan/day.ts';
import type { FactOf, RecordedFact, SubscriptionFact } from '../domain/plan/facts.ts';
import { type SubscriptionState, stateOn } from '../domain/plan/state.ts';
import type { PlanTerms } from '../domain/plan/terms.ts';
import { type Timeline, timelineOf } from '../domain/plan/timeline.ts';
import type { DsseEnvelope } from '../domain/release-publication.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { type Page, type PageRequest, pageFrom, positionOf } from './page.ts';
import type { SubscriptionFactTable, SubscriptionTable } from './subscription-tables.ts';

/** A practice as a member of a plan. Days are of the practice's zone. */
export interface Subscription {
  readonly practiceId: string;
  /** Of a change of plan that is still to come, the new one: its place is taken already. */
  readonly planId: string;
  readonly planVersion: number;
  readonly state: SubscriptionState;
  readonly timeZone: string;
  readonly terms: PlanTerms;
  readonly chargedFrom: Day | null;
  readonly lockedUntil: Day | null;
  /** The end of the last period whose charges are in the ledger; null before the first. */
  readonly closedUntil: Day | null;
  readonly endsOn: Day | null;
  /** When somebody has to look at it again; null: never, unless a fact is added. */
  readonly nextDueAt: Date | null;
  /** Grows by one at each fact and each change of the state: the ETag. */
  readonly revision: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** A fact as it is kept, with the signature over the terms that it brings; null where it brings none. */
export type KeptFact = RecordedFact & { readonly signature: DsseEnvelope | null };

/** Who records a fact, why and when. */
interface Recording {
  /** The id of an actor. */
  readonly actor: string;
  readonly reason: string | null;
  readonly at: Date;
  /** Of a fact that brings terms. */
  readonly signature?: DsseEnvelope;
}

/** Makes the subscription of a practice, `pending`, with its first fact. */
export async function insertSubscription(
  trx: Trx,
  of: { readonly practiceId: string; readonly timeZone: string; readonly enrolled: FactOf<'enrolled'> },
  recording: Recording & { readonly signature: DsseEnvelope },
): Promise<Subscription> {
  const { practiceId, timeZone, enrolled } = of;
  const row = await trx
    .insertInto('subscription')
    .values({
      practice_id: practiceId,
      plan_id: enrolled.planId,
      plan_version: enrolled.planVersion,
      state: 'pending',
      time_zone: timeZone,
      terms: toJson(enrolled.terms),
      created_at: recording.at,
      updated_at: recording.at,
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  await insertFact(trx, practiceId, 1, enrolled, recording);
  return toSubscription(row);
}

export async function readSubscription(
  connection: Connection,
  practiceId: string,
): Promise<Subscription | undefined> {
  const row = await connection
    .selectFrom('subscription')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .executeTakeFirst();
  return row === undefined ? undefined : toSubscription(row);
}

/**
 * The day at the practice. A clock that was set back brings back no day whose period is closed, so that nothing is recorded for one.
 */
export function todayOf(
  { timeZone, closedUntil }: Pick<Subscription, 'timeZone' | 'closedUntil'>,
  now: Date,
): Day {
  const today = dayIn(timeZone, now);
  return laterOf(today, closedUntil ?? today);
}

/**
 * The subscription, locked until the transaction ends. Everybody locks in this order, leaving out what they do not need: a request for
 * approval, a sign-up that is being approved, the plan, the practice, the subscription, a cell. Whoever holds subscriptions waits for no
 * plan: a change of plan and the publication of a version, which has all members looked at, both hold the plan first.
 */
export async function lockSubscription(trx: Trx, practiceId: string): Promise<Subscription | undefined> {
  const row = await trx
    .selectFrom('subscription')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : toSubscription(row);
}

/** In the order in which they were recorded. */
export async function factsOf(connection: Connection, practiceId: string): Promise<KeptFact[]> {
  const rows = await connection
    .selectFrom('subscription_fact')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .orderBy('seq')
    .execute();
  return rows.map(toKeptFact);
}

/** A page of them. */
export async function factPage(
  connection: Connection,
  practiceId: string,
  { limit, cursor }: PageRequest,
): Promise<Page<KeptFact>> {
  let query = connection.selectFrom('subscription_fact').selectAll().where('practice_id', '=', practiceId);
  if (cursor !== undefined) query = query.where('seq', '>', Number(positionOf(cursor, 'integer').id));
  const rows = await query
    .orderBy('seq')
    .limit(limit + 1)
    .execute();
  return pageFrom(rows.map(toKeptFact), limit, ({ at, seq }) => ({ at, id: String(seq) }));
}

/**
 * Records a fact, and what follows from all of them, the state on its day included. The subscription is then due at once, so that somebody
 * sees what the fact means for later. Whether it may be recorded is for the caller to judge, who holds the subscription.
 * @param recording.state what a person has decided with the fact
 */
export async function addFact(
  trx: Trx,
  subscription: Subscription,
  fact: SubscriptionFact,
  recording: Recording & { readonly state?: SubscriptionState },
): Promise<{ readonly subscription: Subscription; readonly timeline: Timeline }> {
  const { practiceId } = subscription;
  const before = await factsOf(trx, practiceId);
  await insertFact(trx, practiceId, before.length + 1, fact, recording);
  const timeline = timelineOf([...before, fact]);
  const { at, state = subscription.state } = recording;
  const row = await trx
    .updateTable('subscription')
    .set((eb) => ({
      ...toColumns(followingFrom(timeline)),
      state: stateOn(state, timeline, todayOf(subscription, at)),
      next_due_at: at,
      revision: eb('revision', '+', 1),
      updated_at: at,
    }))
    .where('practice_id', '=', practiceId)
    .returningAll()
    .executeTakeFirstOrThrow();
  return { subscription: toSubscription(row), timeline };
}

type Following = Pick<
  Subscription,
  'planId' | 'planVersion' | 'terms' | 'chargedFrom' | 'lockedUntil' | 'endsOn'
>;

/** What stands in a subscription's row to be asked for, and is what its facts come to. */
export function followingFrom(timeline: Timeline): Following {
  const plan = timeline.plans.at(-1);
  const rates = timeline.rates.at(-1);
  if (plan === undefined || rates === undefined) throw new Error('a timeline without a plan');
  const { planId, terms } = plan;
  const { chargedFrom, lockedUntil, endsOn } = timeline;
  return { planId, planVersion: rates.planVersion, terms, chargedFrom, lockedUntil, endsOn };
}

const toColumns = ({ planId, planVersion, terms, chargedFrom, lockedUntil, endsOn }: Following) => ({
  plan_id: planId,
  plan_version: planVersion,
  terms: toJson(terms),
  charged_from: chargedFrom,
  locked_until: lockedUntil,
  ends_on: endsOn,
});

/** What changes of a subscription without a fact; what is left out stays. Only another state is a new revision. */
export async function changeSubscription(
  trx: Trx,
  practiceId: string,
  change: {
    readonly state?: SubscriptionState;
    readonly closedUntil?: Day;
    readonly nextDueAt?: Date | null;
  },
  at: Date,
): Promise<void> {
  const { state, closedUntil, nextDueAt } = change;
  await trx
    .updateTable('subscription')
    .set((eb) => ({
      ...(state === undefined ? {} : { state, revision: eb('revision', '+', 1) }),
      ...(closedUntil === undefined ? {} : { closed_until: closedUntil }),
      ...(nextDueAt === undefined ? {} : { next_due_at: nextDueAt }),
      updated_at: at,
    }))
    .where('practice_id', '=', practiceId)
    .execute();
}

/** Has all members of a plan looked at: it has another version. */
export async function wakeMembers(trx: Trx, planId: string, at: Date): Promise<void> {
  await trx
    .updateTable('subscription')
    .set({ next_due_at: at })
    .where('plan_id', '=', planId)
    .where('state', '<>', 'cancelled')
    .execute();
}

/** Has one looked at that is over: something is posted that its statements do not have. */
export async function wakeEnded(trx: Trx, practiceId: string, at: Date): Promise<void> {
  await trx
    .updateTable('subscription')
    .set({ next_due_at: at })
    .where('practice_id', '=', practiceId)
    .where('state', '=', 'cancelled')
    .execute();
}

/** Has one looked at later that is due, and nothing else about it. */
export async function putOffSubscription(
  connection: Connection,
  practiceId: string,
  until: Date,
): Promise<void> {
  await connection
    .updateTable('subscription')
    .set({ next_due_at: until })
    .where('practice_id', '=', practiceId)
    .where('next_due_at', '<', until)
    .execute();
}

/** Practices whose subscriptions are to be looked at by now, those that wait longest first. */
export async function subscriptionsDue(connection: Connection, now: Date, limit: number): Promise<string[]> {
  const rows = await connection
    .selectFrom('subscription')
    .select('practice_id')
    .where('next_due_at', '<=', now)
    .orderBy('next_due_at')
    .orderBy('practice_id')
    .limit(limit)
    .execute();
  return rows.map(({ practice_id: id }) => id);
}

/** Practices from before there were subscriptions, in the order of their approval. */
export async function practicesWithoutSubscription(connection: Connection): Promise<string[]> {
  const rows = await connection
    .selectFrom('practice')
    .select('practice.id')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('subscription')
            .select('practice_id')
            .whereRef('subscription.practice_id', '=', 'practice.id'),
        ),
      ),
    )
    .orderBy('practice.created_at')
    .orderBy('practice.id')
    .execute();
  return rows.map(({ id }) => id);
}

async function insertFact(
  trx: Trx,
  practiceId: string,
  seq: number,
  fact: SubscriptionFact,
  { actor, reason, at, signature }: Recording,
): Promise<void> {
  await trx
    .insertInto('subscription_fact')
    .values({
      practice_id: practiceId,
      seq,
      kind: fact.kind,
      fact: toJson(fact),
      signature: signature === undefined ? null : toJson(signature),
      actor,
      reason,
      at,
    })
    .execute();
}

const toKeptFact = (row: Selectable<SubscriptionFactTable>): KeptFact => ({
  ...row.fact,
  seq: row.seq,
  at: row.at,
  actor: row.actor,
  reason: row.reason,
  signature: row.signature,
});

const toSubscription = (row: Selectable<SubscriptionTable>): Subscription => ({
  practiceId: row.practice_id,
  planId: row.plan_id,
  planVersion: row.plan_version,
  state: row.state,
  timeZone: row.time_zone,
  terms: row.terms,
  chargedFrom: row.charged_from,
  lockedUntil: row.locked_until,
  closedUntil: row.closed_until,
  endsOn: row.ends_on,
  nextDueAt: row.next_due_at,
  revision: row.revision,
  createdAt: row.created_at,
  updatedAt: row.updated_at,
});
