import { planVersionOn } from '../db/plan-store.ts';
import { factsOf } from '../db/subscription-store.ts';
import { dayIn } from '../domain/plan/day.ts';
import { type Projection, project } from '../domain/plan/projection.ts';
import type { Core } from './core.ts';
import { requireSubscription, withAnnouncedPrice } from './subscriptions.ts';

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
  const subscription = await requireSubscription(core, practiceId);
  const { timeZone, planId } = subscription;
  const today = dayIn(timeZone, core.clock.now());
  const timeline = await withAnnouncedPrice(core, subscription, await factsOf(core.db, practiceId));
  const offered = await planVersionOn(core.db, planId, today);
  const nextPrice =
    offered === undefined
      ? undefined
      : { planVersion: offered.version, rates: offered.terms.rates, noticeOn: today };
  return { practiceId, ...project(timeline, { from: today, months }, nextPrice) };
}
