import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { lockPractice, type PracticeRow } from '../db/practice-store.ts';
import { type PlanNotice, tellSubscriber } from '../db/subscription-notice-store.ts';
import {
  addFact,
  changeSubscription,
  factsOf,
  type KeptFact,
  lockSubscription,
  type Subscription,
  todayOf,
} from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import type { Standing } from '../domain/plan/changes.ts';
import type { Day } from '../domain/plan/day.ts';
import type { SubscriptionFact } from '../domain/plan/facts.ts';
import type { SubscriptionChange } from '../domain/plan/notices.ts';
import { type SubscriptionState, stateOn } from '../domain/plan/state.ts';
import { entryOn, type Timeline, timelineOf } from '../domain/plan/timeline.ts';
import type { DsseEnvelope } from '../domain/release-publication.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision } from './refusals.ts';

/** What every change of a subscription says of itself. */
export interface SubscriptionRequest {
  readonly practiceId: string;
  readonly reason: string;
  readonly revision?: readonly number[] | undefined;
}

/** How a subscription stands after a change, or while one waits for a second person. Plain JSON. */
export interface SubscriptionReceipt {
  readonly practiceId: string;
  readonly state: SubscriptionState;
  readonly planId: string;
  readonly planVersion: number;
  readonly chargedFrom: Day | null;
  readonly lockedUntil: Day | null;
  /** First day that is not charged any more. */
  readonly endsOn: Day | null;
  readonly revision: number;
  /** The run that blocks access or gives it back. */
  readonly runId: string | null;
  /** Nothing is changed until another person has approved this request. */
  readonly approvalId: string | null;
}

/** A subscription and its practice, held until the transaction ends. */
export interface Held {
  readonly practice: PracticeRow;
  readonly subscription: Subscription;
  readonly facts: readonly KeptFact[];
  readonly standing: Standing;
}

/** What a change has decided. */
export interface Decided {
  /** Of the audit row: `subscription.<verb in the past>`. */
  readonly action: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly fact?: SubscriptionFact;
  /** Of a fact that brings terms. */
  readonly signature?: DsseEnvelope;
  /** What a person has made of the state. */
  readonly state?: SubscriptionState;
  /** What the practice is told, by what is true after the change. */
  readonly tell: (timeline: Timeline) => readonly PlanNotice[];
  readonly runId?: string;
}

/** A change that waits for a second person. */
export interface Awaited {
  readonly approvalId: string;
}

export interface Recorder {
  readonly actor: Actor;
  readonly reason: string;
  readonly at: Date;
}

type Decide = (trx: Trx, held: Held, recorder: Recorder) => Promise<Decided | Awaited> | Decided;
type Answer = Promise<{ readonly status: number; readonly body: SubscriptionReceipt }>;

/** The key by which a request is answered once. */
export interface Call {
  readonly idempotencyKey: string;
}

/** A request with the last part of its route. */
interface Asked<Request extends SubscriptionRequest> {
  readonly verb: string;
  readonly request: Request;
  readonly call: Call;
}

/**
 * Changes a subscription once for each idempotency key: fact or state, audit row and notice commit together.
 * @throws DomainError `not_found`; `precondition_failed`; whatever `decide` refuses with
 */
export function changeOnce<Request extends SubscriptionRequest>(
  core: Core,
  asked: Asked<Request>,
  actor: Actor,
  decide: Decide,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  return answerChange(core, asked, actor, (trx) => changeInside(core, trx, asked.request, actor, decide));
}

/** `changeOnce`, for what has something to hold before the subscription. */
export function answerChange<Request extends SubscriptionRequest>(
  core: Core,
  { verb, request, call }: Asked<Request>,
  actor: Actor,
  work: (trx: Trx) => Answer,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const scope = `POST /v1/practices/:id/subscription/${verb} ${actor.id}`;
  // If-Match belongs to one try, not to the request: a repeat of it gets the first answer.
  const { revision: _, ...kept } = request;
  return answerOnce(core, { scope, key: call.idempotencyKey, request: kept }, work);
}

export async function changeInside(
  core: Core,
  trx: Trx,
  request: SubscriptionRequest,
  actor: Actor,
  decide: Decide,
): Answer {
  const recorder = { actor, reason: request.reason, at: core.clock.now() };
  const held = await holdSubscription(trx, request.practiceId, recorder.at);
  requireRevision(held.subscription.revision, request.revision);
  const decided = await decide(trx, held, recorder);
  if ('approvalId' in decided) {
    return { status: 202, body: { ...receiptOf(held.subscription), approvalId: decided.approvalId } };
  }
  const after = await recordChange(trx, held, decided, recorder);
  const runId = decided.runId ?? null;
  return { status: runId === null ? 200 : 202, body: { ...receiptOf(after), runId } };
}

/** @throws DomainError `not_found` */
export async function holdSubscription(trx: Trx, practiceId: string, now: Date): Promise<Held> {
  const practice = await lockPractice(trx, practiceId);
  const subscription = await lockSubscription(trx, practiceId);
  if (practice === undefined || subscription === undefined) throw notFound('practice');
  const facts = await factsOf(trx, practiceId);
  const timeline = timelineOf(facts);
  const today = todayOf(subscription, now);
  const state = stateOn(subscription.state, timeline, today);
  const standing = { state, timeline, closedUntil: subscription.closedUntil, today };
  return { practice, subscription, facts, standing };
}

/** Writes what was decided: fact or state, audit row, notice. */
export async function recordChange(
  trx: Trx,
  { subscription, standing }: Held,
  { action, details, fact, signature, state, tell }: Decided,
  { actor, reason, at }: Recorder,
): Promise<Subscription> {
  const { practiceId } = subscription;
  const after =
    fact === undefined
      ? await withState(trx, { subscription, standing }, state ?? standing.state, at)
      : await addFact(trx, subscription, fact, {
          actor: actor.id,
          reason,
          at,
          ...(signature === undefined ? {} : { signature }),
          ...(state === undefined ? {} : { state }),
        });
  await appendAudit(trx, {
    actor,
    action,
    subject: { type: 'subscription', id: practiceId },
    details: { ...details, reason },
    at,
  });
  for (const notice of tell(after.timeline)) await tellSubscriber(trx, notice, { practiceId, now: at });
  return after.subscription;
}

async function withState(
  trx: Trx,
  { subscription, standing: { timeline } }: Pick<Held, 'subscription' | 'standing'>,
  state: SubscriptionState,
  at: Date,
) {
  await changeSubscription(trx, subscription.practiceId, { state, nextDueAt: at }, at);
  return { subscription: { ...subscription, state, revision: subscription.revision + 1 }, timeline };
}

/** The notice of a change, with how the subscription stands from its day on. */
export const changed =
  (change: SubscriptionChange, from: Day | null, today: Day): Decided['tell'] =>
  (timeline) => {
    const day = from ?? today;
    const { clinicians, locations } = entryOn(timeline.quantities, day);
    const { planId, planVersion } = entryOn(timeline.rates, day);
    const { chargedFrom } = timeline;
    // A lock that is over by then is none any more.
    const lockedUntil =
      timeline.lockedUntil !== null && timeline.lockedUntil > day ? timeline.lockedUntil : null;
    const data = { change, from, planId, planVersion, clinicians, locations, chargedFrom, lockedUntil };
    return [{ kind: 'subscription_changed', data }];
  };

function receiptOf(subscription: Subscription): SubscriptionReceipt {
  const { practiceId, state, planId, planVersion, chargedFrom, lockedUntil, endsOn, revision } = subscription;
  const standing = { practiceId, state, planId, planVersion, chargedFrom, lockedUntil, endsOn, revision };
  return { ...standing, runId: null, approvalId: null };
}
