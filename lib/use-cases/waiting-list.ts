import type { Page, PageRequest } from '../db/page.ts';
import { countMembers } from '../db/plan-members-store.ts';
import { findPlan, offeredOn } from '../db/plan-store.ts';
import { countWaiting, listWaiting, type WaitingSignUp } from '../db/plan-waiting-store.ts';
import { dayIn } from '../domain/plan/day.ts';
import { enrolmentObjection, hasPlace } from '../domain/plan/enrolment.ts';
import type { Core } from './core.ts';
import { notFound } from './refusals.ts';

/** A sign-up on a waiting list, and what an approval with that plan would meet now. */
export interface WaitingPlace extends WaitingSignUp {
  /** Whether a place is kept for it: approve it again. */
  readonly placeFree: boolean;
  /** Why the plan does not take it, place or not; those behind it wait until it is rejected or has another plan. */
  readonly objection: string | null;
}

/** Sign-ups that wait for a place in a plan, the first of the list first. @throws DomainError `not_found` */
export async function listWaitingFor(
  core: Core,
  planId: string,
  page: PageRequest,
): Promise<Page<WaitingPlace>> {
  const plan = await findPlan(core.db, planId);
  if (plan === undefined) throw notFound('plan');
  const { items, nextCursor } = await listWaiting(core.db, planId, page);
  const [first] = items;
  const before = first === undefined ? 0 : await countWaiting(core.db, planId, first.position);
  const members = await countMembers(core.db, planId);
  const now = core.clock.now();
  const places = items.map((signUp, at) => {
    const today = dayIn(signUp.timeZone, now);
    const offered = offeredOn(plan.versions, today);
    if (offered === undefined) {
      return {
        ...signUp,
        placeFree: false,
        objection: `Plan ${planId} has no version in effect on ${today}.`,
      };
    }
    const { terms } = offered;
    return {
      ...signUp,
      placeFree: hasPlace(terms.cap, { members, waitingBefore: before + at }),
      objection: enrolmentObjection(planId, terms, { disciplines: signUp.disciplines, today }) ?? null,
    };
  });
  return { items: places, nextCursor };
}
