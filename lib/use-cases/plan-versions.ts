import { appendAudit } from '../db/audit-store.ts';
import type { Connection } from '../db/database.ts';
import { byPracticeId, type Page, type PageRequest, pageByPractice } from '../db/page.ts';
import { countMembers, membersOf } from '../db/plan-members-store.ts';
import { findPlan, insertPlanVersion, lockPlan, type PlanRow } from '../db/plan-store.ts';
import { wakeMembers } from '../db/subscription-store.ts';
import type { Actor } from '../domain/access.ts';
import { type Day, dayIn, earlierOf, laterOf } from '../domain/plan/day.ts';
import type { Quantities } from '../domain/plan/terms.ts';
import { timelineOf } from '../domain/plan/timeline.ts';
import { checkVersion, type VersionCandidate } from '../domain/plan/version-check.ts';
import { reachOf } from '../domain/plan/version-reach.ts';
import { answerOnce, type OnceAnswer } from './answer-once.ts';
import type { Core } from './core.ts';
import { requirePlan } from './plans.ts';
import { requireRevision } from './refusals.ts';

/** A version that somebody wants to publish, held to the revisions of the plan that its author saw. */
interface VersionRequest extends VersionCandidate {
  readonly planId: string;
  readonly revision?: readonly number[] | undefined;
}

/**
 * Publishes the next version of a plan, for good: whoever enrols from its day on gets its terms. Once for each idempotency key.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` when it cannot follow the plan's other versions or
 * gives less than the plan promises
 */
export function publishVersion(
  core: Core,
  request: VersionRequest,
  call: { readonly idempotencyKey: string },
  actor: Actor,
): Promise<OnceAnswer<{ readonly version: number }>> {
  const { planId, effectiveFrom, terms } = request;
  const scope = `POST /v1/plans/${planId}/versions ${actor.id}`;
  const repeatable = { scope, key: call.idempotencyKey, request: { effectiveFrom, terms } };
  return answerOnce(core, repeatable, async (trx) => {
    const at = core.clock.now();
    const plan = requirePlan(await lockPlan(trx, planId));
    const version = await requirePublishable(trx, plan, request, at);
    await insertPlanVersion(trx, { planId, version, effectiveFrom, terms });
    // Those whom it reaches are told in time. The plan is held before its members, as by a change of plan.
    await wakeMembers(trx, planId, at);
    await appendAudit(trx, {
      actor,
      action: 'plan.version_published',
      subject: { type: 'plan', id: planId },
      details: { version, effectiveFrom, terms },
      at,
    });
    return { status: 201, body: { version } };
  });
}

/** One subscription that a version would touch; amounts are cents a month. */
interface TouchedSubscription {
  readonly practiceId: string;
  /** The first day that could cost the new rates; null while its activation is still to come. */
  readonly from: Day | null;
  readonly quantities: Quantities;
  readonly before: number;
  readonly after: number;
}

export interface DryRun {
  /** The number that the version would get. */
  readonly version: number;
  readonly currency: string;
  readonly touched: Page<TouchedSubscription> & {
    readonly count: number;
    /** Of all of them together, in cents a month. */
    readonly difference: number;
    readonly firstFrom: Day | null;
  };
  /** Those whose lock goes on beyond the version's first day; ends of locks that are known. */
  readonly locked: {
    readonly count: number;
    readonly firstUntil: Day | null;
    readonly lastUntil: Day | null;
  };
  /** Those that end before or pay these rates already. */
  readonly unaffected: number;
}

/**
 * Whom a version would touch, from when and by how much; nothing is published.
 * @throws DomainError as `publishVersion`; `invalid_input` for a cursor that is not of this list
 */
export async function dryRunVersion(core: Core, request: VersionRequest, page: PageRequest): Promise<DryRun> {
  const now = core.clock.now();
  const plan = requirePlan(await findPlan(core.db, request.planId));
  const version = await requirePublishable(core.db, plan, request, now);
  const touched: TouchedSubscription[] = [];
  const ends: (Day | null)[] = [];
  let unaffected = 0;
  for await (const { practiceId, timeZone, facts } of membersOf(core.db, plan.id)) {
    const reach = reachOf(timelineOf(facts), request, dayIn(timeZone, now));
    if (reach.kind === 'touched') touched.push({ practiceId, ...reach });
    else if (reach.kind === 'locked') ends.push(reach.until);
    else unaffected += 1;
  }
  const begins = touched.map(({ from }) => from);
  return {
    version,
    currency: request.terms.currency,
    touched: {
      ...pageByPractice(touched.toSorted(byPracticeId), page),
      count: touched.length,
      difference: touched.reduce((sum, { before, after }) => sum + after - before, 0),
      firstFrom: pick(begins, earlierOf),
    },
    locked: { count: ends.length, firstUntil: pick(ends, earlierOf), lastUntil: pick(ends, laterOf) },
    unaffected,
  };
}

/** The number that the version would get. @throws DomainError `precondition_failed`, `invalid_input` */
async function requirePublishable(
  db: Connection,
  plan: PlanRow,
  { revision, effectiveFrom, terms }: VersionRequest,
  now: Date,
): Promise<number> {
  requireRevision(plan.revision, revision);
  const { id, promise, versions } = plan;
  const members = await countMembers(db, id);
  const earlier = versions.map((version) => ({
    effectiveFrom: version.effective_from,
    terms: version.terms,
  }));
  checkVersion({ id, promise, members }, earlier, { effectiveFrom, terms }, dayIn('UTC', now));
  return (versions.at(-1)?.version ?? 0) + 1;
}

const pick = (days: readonly (Day | null)[], better: (one: Day, other: Day) => Day): Day | null =>
  days.reduce((best, day) => (best === null || day === null ? (best ?? day) : better(best, day)), null);
