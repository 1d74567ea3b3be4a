import { DomainError, type FieldError } from '../errors.ts';
import type { Day } from './day.ts';
import type { PlanTerms } from './terms.ts';

/** What every version of a plan gives at least, said when the plan is made. */
export interface PlanPromise {
  readonly freeDays: number;
  readonly lockMonths: number;
}

export interface DatedTerms {
  readonly effectiveFrom: Day;
  readonly terms: PlanTerms;
}

/**
 * Refuses a version that cannot follow those that a plan has, or gives less than the plan promises. `members` are the plan's
 * subscriptions that hold a place; `today` is the UTC day, for a plan has no zone.
 * @throws DomainError `invalid_input` with a JSON pointer into the candidate for each field
 */
export function checkVersion(
  plan: { readonly id: string; readonly promise: PlanPromise; readonly members: number },
  versions: readonly DatedTerms[],
  { effectiveFrom, terms }: DatedTerms,
  today: Day,
): void {
  const fields: FieldError[] = [];
  const refuseUnless = (isRight: boolean, pointer: string, message: string): void => {
    if (!isRight) fields.push({ pointer, message });
  };
  const newest = versions.toSorted((one, other) => (one.effectiveFrom < other.effectiveFrom ? -1 : 1)).at(-1);
  refuseUnless(
    effectiveFrom >= today,
    '/effectiveFrom',
    `must not be in the past: today is ${today}, and what was enrolled before was enrolled on the terms of then`,
  );
  refuseUnless(
    newest === undefined || effectiveFrom > newest.effectiveFrom,
    '/effectiveFrom',
    `must be after ${newest?.effectiveFrom}, the day on which the newest version takes effect: versions do not overlap`,
  );
  for (const field of ['currency', 'interval'] as const) {
    refuseUnless(
      newest === undefined || terms[field] === newest.terms[field],
      `/terms/${field}`,
      `must stay ${newest?.terms[field]}, as in every version of plan ${plan.id}; make another plan for another ${field}`,
    );
  }
  const { freeDays, lockMonths } = plan.promise;
  refuseUnless(
    terms.freeDays >= freeDays,
    '/terms/freeDays',
    `must be at least ${freeDays}, as plan ${plan.id} promises`,
  );
  refuseUnless(
    terms.lock.months >= lockMonths,
    '/terms/lock/months',
    `must be at least ${lockMonths}, as plan ${plan.id} promises`,
  );
  refuseUnless(
    terms.cap === null || terms.cap >= plan.members,
    '/terms/cap',
    `must be at least ${plan.members}, the members that the plan has`,
  );
  if (fields.length === 0) return;
  const [first] = fields;
  throw new DomainError(
    'invalid_input',
    `This version of plan ${plan.id} cannot be published: ${first?.pointer} ${first?.message}.`,
    { fields },
  );
}
