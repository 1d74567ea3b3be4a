import { DomainError, type FieldError } from '../errors.ts';
import type { Day } from './day.ts';
import type { PlanTerms } from './terms.ts';

/** What every version of a plan gives at least, said when the plan is made. */
export interface PlanPromise {
  readonly freeDays: number;
  readonly lockMonths: number;
}

export interface VersionCandidate {
  readonly effectiveFrom: Day;
  readonly terms: PlanTerms;
}

/** A plan as its next version finds it; `members` are its subscriptions that hold a place. */
interface Plan {
  readonly id: string;
  readonly promise: PlanPromise;
  readonly members: number;
}

/**
 * Refuses a version that cannot follow those that a plan has, or gives less than the plan promises. `today` is the UTC day, for a plan
 * has no zone.
 * @throws DomainError `invalid_input` that names every field which is wrong, by a JSON pointer into the candidate
 */
export function checkVersion(
  plan: Plan,
  versions: readonly VersionCandidate[],
  candidate: VersionCandidate,
  today: Day,
): void {
  const newest = versions.toSorted(byFirstDay).at(-1);
  const fields = [
    ...orderFaults(newest, candidate, today),
    ...promiseFaults(plan, candidate.terms),
    ...(newest === undefined ? [] : changedFaults(plan, newest.terms, candidate.terms)),
    ...(newest === undefined ? [] : earlierFaults(plan, newest.terms, candidate.terms)),
  ];
  const [first] = fields;
  if (first === undefined) return;
  const message = `This version of plan ${plan.id} cannot be published: ${first.pointer} ${first.message}.`;
  throw new DomainError('invalid_input', message, { fields });
}

const byFirstDay = (one: VersionCandidate, other: VersionCandidate): number =>
  one.effectiveFrom < other.effectiveFrom ? -1 : 1;

function orderFaults(
  newest: VersionCandidate | undefined,
  { effectiveFrom }: VersionCandidate,
  today: Day,
): FieldError[] {
  const pointer = '/effectiveFrom';
  if (effectiveFrom < today)
    return [{ pointer, message: `must be ${today}, which is today in UTC, or later` }];
  if (newest === undefined || effectiveFrom > newest.effectiveFrom) return [];
  const message = `must be after ${newest.effectiveFrom}, when the newest version takes effect: versions do not overlap`;
  return [{ pointer, message }];
}

function promiseFaults({ id, promise, members }: Plan, { freeDays, lock, cap }: PlanTerms): FieldError[] {
  const faults: FieldError[] = [];
  const atLeast = (pointer: string, value: number, least: number, why: string): void => {
    if (value < least) faults.push({ pointer, message: `must be at least ${least}, ${why}` });
  };
  atLeast('/terms/freeDays', freeDays, promise.freeDays, `as plan ${id} promises`);
  atLeast('/terms/lock/months', lock.months, promise.lockMonths, `as plan ${id} promises`);
  atLeast('/terms/cap', cap ?? members, members, 'the members that the plan has');
  return faults;
}

/** A new price can reach a subscription of an earlier version, and that one keeps its currency and its periods. */
function changedFaults({ id }: Plan, before: PlanTerms, after: PlanTerms): FieldError[] {
  return (['currency', 'interval'] as const)
    .filter((field) => before[field] !== after[field])
    .map((field) => ({
      pointer: `/terms/${field}`,
      message: `must stay ${before[field]}, as in every version of plan ${id}; make another plan for another ${field}`,
    }));
}

/** As many days or months, counted from an earlier event, would give less than was promised: some of them may be over by then. */
function earlierFaults({ id, promise }: Plan, before: PlanTerms, after: PlanTerms): FieldError[] {
  const faults: FieldError[] = [];
  if (promise.freeDays > 0 && before.freeFrom === 'activation' && after.freeFrom === 'approval') {
    const message = `must stay activation: a slow provisioning would use up free days that plan ${id} promises`;
    faults.push({ pointer: '/terms/freeFrom', message });
  }
  const isLockEarlier = before.lock.from === 'first_charged_day' && after.lock.from === 'activation';
  if (promise.lockMonths > 0 && isLockEarlier) {
    const message = `must stay first_charged_day: free days would use up the lock that plan ${id} promises`;
    faults.push({ pointer: '/terms/lock/from', message });
  }
  return faults;
}
