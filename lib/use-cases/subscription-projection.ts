import { planVersionOn } from '../db/plan-store.ts';
import { type Projection, project } from '../domain/plan/projection.ts';
import type { Core } from './core.ts';
import { lookAtSubscription, type SubscriptionReading } from './subscriptions.ts';

export interface Projected extends Projection {
  readonly practiceId: string;
}

/**
 * What a subscription will cost in the calendar months from today on: what is locked, and after the lock the present price of its plan
 * from the first period that it could reach.
 * @throws DomainError `not_found`
 */
export async function projectSubscription(
  core: Core,
  practiceId: string,
  months: number,
): Promise<Projected> {
  return projectionOf(core, await lookAtSubscription(core, practiceId), months);
}

export async function projectionOf(
  core: Core,
  { subscription: { practiceId, planId }, expected, today }: SubscriptionReading,
  months: number,
): Promise<Projected> {
  const offered = await planVersionOn(core.db, planId, today);
  const nextPrice =
    offered === undefined
      ? undefined
      : { planVersion: offered.version, rates: offered.terms.rates, noticeOn: today };
  return { practiceId, ...project(expected, { from: today, months }, nextPrice) };
}
