import type { Trx } from '../db/database.ts';
import { lockPlan, offeredOn } from '../db/plan-store.ts';
import { findPractice } from '../db/practice-store.ts';
import { factsOf, readSubscription, todayOf } from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import * as changes from '../domain/plan/changes.ts';
import type { Day } from '../domain/plan/day.ts';
import { entryOn, timelineOf } from '../domain/plan/timeline.ts';
import type { PracticeState } from '../domain/practice.ts';
import type { OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { hasPlaceIn, offerOf, type PlanOffer, signedTerms } from './enrol.ts';
import { notFound, wrongState } from './refusals.ts';
import {
  answerChange,
  type Call,
  changed,
  changeInside,
  changeOnce,
  type Decided,
  type Held,
  type SubscriptionReceipt,
  type SubscriptionRequest,
} from './subscription-change.ts';

export type { SubscriptionReceipt };

/**
 * Another number of clinicians or locations; what is left out stays. Unit rates stay as they are, locked or not.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `conflict` for a day in a period that is over
 */
export function changeQuantities(
  core: Core,
  request: SubscriptionRequest & {
    /** Today unless given. */
    readonly from?: Day | undefined;
    readonly clinicians?: number | undefined;
    readonly locations?: number | undefined;
  },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  return changeOnce(core, { verb: 'quantities', request, call }, actor, (_trx, { standing }) => {
    const { today } = standing;
    const fact = changes.changeQuantities(standing, { ...request, from: request.from ?? today });
    const { from, clinicians, locations } = fact;
    return {
      action: 'subscription.quantities_changed',
      details: { from, clinicians, locations },
      fact,
      tell: changed('quantities', from, today),
    };
  });
}

interface PlanRequest extends SubscriptionRequest {
  readonly plan: string;
  /** The first day of a period to come; the next one unless given. */
  readonly from?: Day | undefined;
  readonly givesUpLock: boolean;
}

/**
 * Another plan, from the start of a period on. The practice takes its place in the new plan at once.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `invalid_input` for an unknown plan or a day on which no period
 * begins; `conflict` when the plan does not take the practice or has no place, or a lock would be lost that nobody gave up
 */
export function changePlan(
  core: Core,
  request: PlanRequest,
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  return answerChange(core, { verb: 'plan', request, call }, actor, async (trx) => {
    // The plan is held before the subscription, as by an approval.
    const offer = await offerTo(core, trx, request);
    return changeInside(core, trx, request, actor, (_, held) => decidePlan(core, trx, held, request, offer));
  });
}

async function offerTo(core: Core, trx: Trx, { practiceId, plan }: PlanRequest): Promise<PlanOffer> {
  const practice = await findPractice(trx, practiceId);
  if (practice === undefined) throw notFound('practice');
  const { disciplines, time_zone: timeZone } = practice;
  return offerOf(trx, plan, { disciplines, timeZone }, core.clock.now());
}

async function decidePlan(
  core: Core,
  trx: Trx,
  { practice, subscription, standing }: Held,
  { from: asked, givesUpLock }: PlanRequest,
  offer: PlanOffer,
): Promise<Decided> {
  const { planId, planVersion, terms } = offer;
  const { shape } = practice;
  const fact = changes.changePlan(standing, { planId, planVersion, terms, from: asked, givesUpLock, shape });
  // A member of a plan has a place in it already, whichever version it takes.
  if (subscription.planId !== planId && !(await hasPlaceIn(trx, offer))) {
    throw new DomainError('conflict', `Plan ${planId} has no place free, or others wait for it.`);
  }
  const { from } = fact;
  const statement = { practice: practice.id, plan: planId, planVersion, from, terms };
  const signature = await signedTerms(core, trx, statement);
  return {
    action: 'subscription.plan_changed',
    details: {
      from,
      before: { id: subscription.planId, version: subscription.planVersion },
      after: { id: planId, version: planVersion },
      givesUpLock,
      signature,
    },
    fact,
    signature,
    tell: changed('plan', from, standing.today),
  };
}

/**
 * Takes a change of plan back that is still to come: plan, rates and lock go on as they were.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `conflict` when none is to come, or when the place in the plan
 * was given to another
 */
export async function withdrawPlanChange(
  core: Core,
  request: SubscriptionRequest,
  actor: Actor,
): Promise<SubscriptionReceipt> {
  const { body } = await core.db.transaction().execute(async (trx) => {
    // The plan that goes on is held before the subscription. A practice has it until the change, so nobody can make it another one.
    const present = await holdPresentPlan(trx, request.practiceId, core.clock.now());
    return changeInside(core, trx, request, actor, async (_, { subscription, standing }) => {
      const fact = changes.withdrawPlan(standing);
      if (subscription.planId !== present.planId && !(await hasPlaceIn(trx, present))) {
        throw new DomainError(
          'conflict',
          `The place in plan ${present.planId} is not free any more, or others wait for it: the change of plan stays.`,
        );
      }
      return {
        action: 'subscription.plan_change_withdrawn',
        details: { from: fact.from, plan: { id: subscription.planId, version: subscription.planVersion } },
        fact,
        tell: changed('plan_withdrawn', null, standing.today),
      };
    });
  });
  return body;
}

/** The plan that a practice has today, with the terms on which it is offered: nobody publishes others until the transaction ends. */
async function holdPresentPlan(trx: Trx, practiceId: string, now: Date) {
  const subscription = await readSubscription(trx, practiceId);
  if (subscription === undefined) throw notFound('practice');
  const today = todayOf(subscription, now);
  const { planId, terms } = entryOn(timelineOf(await factsOf(trx, practiceId)).plans, today);
  const { versions = [] } = (await lockPlan(trx, planId)) ?? {};
  return { planId, terms: offeredOn(versions, today)?.terms ?? terms };
}

/**
 * Ends a subscription: from a day on nothing is charged. The silo stays as it is; its end is an offboarding.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `conflict` when an end is planned; `invalid_input`
 */
export function cancelSubscription(
  core: Core,
  request: SubscriptionRequest & {
    /** First day that is not charged any more; as soon as the terms allow unless given. */
    readonly from?: Day | undefined;
    readonly waiveNotice: boolean;
  },
  call: Call,
  actor: Actor,
): Promise<OnceAnswer<SubscriptionReceipt>> {
  const { from: asked, waiveNotice } = request;
  return changeOnce(core, { verb: 'cancellation', request, call }, actor, (_trx, { standing }) => {
    const fact = changes.endSubscription(standing, { from: asked, waiveNotice });
    const { from } = fact;
    return {
      action: 'subscription.cancellation_requested',
      details: { from, waiveNotice },
      fact,
      tell: () => [{ kind: 'subscription_cancelled', data: { until: from } }],
    };
  });
}

const gone: readonly PracticeState[] = ['offboarding', 'deprovisioned'];

/**
 * Takes a cancellation back, until its day.
 * @throws DomainError `not_found`; `precondition_failed`; `wrong_state`; `conflict` without a cancellation, or for a practice that is
 * being offboarded
 */
export async function keepSubscription(
  core: Core,
  request: SubscriptionRequest,
  actor: Actor,
): Promise<SubscriptionReceipt> {
  const { body } = await core.db.transaction().execute((trx) =>
    changeInside(core, trx, request, actor, (_trx, { practice, standing }) => {
      if (gone.includes(practice.state)) {
        throw wrongState(
          practice.state,
          `The practice is ${practice.state}: take its offboarding back first.`,
        );
      }
      const fact = changes.takeCancellationBack(standing);
      return {
        action: 'subscription.cancellation_taken_back',
        details: { from: standing.timeline.endsOn },
        fact,
        tell: changed('cancellation_taken_back', null, standing.today),
      };
    }),
  );
  return body;
}
