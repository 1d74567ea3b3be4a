import { DomainError } from '../errors.ts';
import type { Discipline } from '../sign-up.ts';
import type { Day } from './day.ts';
import type { PlanTerms } from './terms.ts';

/** A practice that wants to become a member; `today` by its own calendar. */
export interface Applicant {
  readonly disciplines: readonly Discipline[];
  readonly today: Day;
}

/** Why the terms of a plan do not take a practice; undefined when they do. */
export function enrolmentObjection(
  planId: string,
  terms: Pick<PlanTerms, 'enrolment' | 'disciplines'>,
  { disciplines, today }: Applicant,
): string | undefined {
  const { from, until } = terms.enrolment;
  if (from !== null && today < from) {
    return `Plan ${planId} takes members from ${from} on, and at the practice it is ${today}.`;
  }
  if (until !== null && today > until) {
    return `Plan ${planId} took members until ${until}, and at the practice it is ${today}.`;
  }
  if (disciplines.some((discipline) => terms.disciplines.includes(discipline))) return undefined;
  return `Plan ${planId} is for ${terms.disciplines.join(', ')}; the practice does ${disciplines.join(', ')}.`;
}

/**
 * Refuses a practice that the terms of a plan do not take.
 * @throws DomainError `conflict`
 */
export function requireEligible(
  planId: string,
  terms: Pick<PlanTerms, 'enrolment' | 'disciplines'>,
  applicant: Applicant,
): void {
  const objection = enrolmentObjection(planId, terms, applicant);
  if (objection !== undefined) throw new DomainError('conflict', `${objection} Name another plan.`);
}

/**
 * Whether a practice gets one of a plan's places: those that wait before it have theirs kept, and nobody overtakes them.
 * @param waitingBefore sign-ups that came earlier and still wait
 */
export function hasPlace(
  cap: number | null,
  { members, waitingBefore }: { readonly members: number; readonly waitingBefore: number },
): boolean {
  return cap === null || members + waitingBefore < cap;
}
