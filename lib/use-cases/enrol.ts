import { appendAudit } from '../db/audit-store.ts';
import type { Trx } from '../db/database.ts';
import { countMembers } from '../db/plan-members-store.ts';
import { holdPlan, lockPlan, planExists, planVersionOn } from '../db/plan-store.ts';
import { countWaiting, joinWaiting, waitingPosition } from '../db/plan-waiting-store.ts';
import type { SignUpRow } from '../db/sign-up-store.ts';
import { insertSubscription } from '../db/subscription-store.ts';
import { registerTermsKey } from '../db/terms-key-store.ts';
import { type Actor, systemActor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { type Day, dayIn } from '../domain/plan/day.ts';
import { type Applicant, enrolmentObjection, hasPlace, requireEligible } from '../domain/plan/enrolment.ts';
import type { PlanTerms } from '../domain/plan/terms.ts';
import { signTerms, type TermsStatement } from '../domain/plan/terms-signature.ts';
import type { DsseEnvelope } from '../domain/release-publication.ts';
import type { Discipline } from '../domain/sign-up.ts';
import type { Core } from './core.ts';

/** The terms on which a practice can become a member of a plan today, by its own calendar. */
export interface PlanOffer {
  readonly planId: string;
  readonly planVersion: number;
  readonly terms: PlanTerms;
  readonly today: Day;
}

/** A plan without a place for a sign-up, and what it can have instead. */
export interface PlanFull {
  readonly planId: string;
  /** Its place on the waiting list. */
  readonly position: number;
  /** Null where that plan does not take it, or is the one that is full. */
  readonly offer: Omit<PlanOffer, 'today'> | null;
}

interface Candidate {
  readonly disciplines: readonly Discipline[];
  readonly timeZone: string;
}

/** The plan that is offered where another one is full. */
const offeredInstead = 'standard';

/**
 * What a plan offers a practice today. Until the transaction ends nobody publishes a version of the plan; where it has a cap, nobody
 * else takes a place in it either.
 * @throws DomainError `invalid_input` for an unknown plan; `conflict` when the plan has no version in effect or does not take the
 * practice, or when a version came meanwhile (retryable)
 */
export async function offerOf(
  trx: Trx,
  planId: string,
  { disciplines, timeZone }: Candidate,
  now: Date,
): Promise<PlanOffer> {
  const today = dayIn(timeZone, now);
  const { version, terms } = await versionOn(trx, planId, today);
  if (terms.cap === null) await holdPlan(trx, planId);
  else await lockPlan(trx, planId);
  if ((await versionOn(trx, planId, today)).version !== version) {
    throw new DomainError(
      'conflict',
      `A version of plan ${planId} was published at this moment. Ask once more.`,
      { retryable: true },
    );
  }
  requireEligible(planId, terms, { disciplines, today });
  return { planId, planVersion: version, terms, today };
}

async function versionOn(trx: Trx, planId: string, today: Day) {
  const found = await planVersionOn(trx, planId, today);
  if (found !== undefined) return found;
  if (await planExists(trx, planId)) {
    throw new DomainError(
      'conflict',
      `Plan ${planId} has no version in effect on ${today}. Publish one, then ask again.`,
    );
  }
  throw new DomainError('invalid_input', `There is no plan ${planId}.`, {
    fields: [{ pointer: '/plan', message: 'must be the id of a plan: list them to find it' }],
  });
}

/** Whether a plan has a place for a practice that waits at a position of its list; undefined: it is not on it. */
export async function hasPlaceIn(
  trx: Trx,
  { planId, terms: { cap } }: Pick<PlanOffer, 'planId' | 'terms'>,
  position?: number,
): Promise<boolean> {
  if (cap === null) return true;
  const members = await countMembers(trx, planId);
  return hasPlace(cap, { members, waitingBefore: await countWaiting(trx, planId, position) });
}

/** A place in a plan for a sign-up, or one on its waiting list, which it then keeps. */
export async function findPlace(
  core: Core,
  trx: Trx,
  { signUp, planId }: { readonly signUp: SignUpRow; readonly planId: string },
  actor: Actor,
): Promise<PlanOffer | PlanFull> {
  const now = core.clock.now();
  const { disciplines, time_zone: timeZone } = signUp;
  const offer = await offerOf(trx, planId, { disciplines, timeZone }, now);
  const known = await waitingPosition(trx, planId, signUp.id);
  if (await hasPlaceIn(trx, offer, known)) return offer;
  const position = known ?? (await joinWaiting(trx, { planId, signUpId: signUp.id, now }));
  if (known === undefined) {
    await appendAudit(trx, {
      actor,
      action: 'sign_up.waiting_listed',
      subject: { type: 'sign_up', id: signUp.id },
      details: { plan: planId, position },
      at: now,
    });
  }
  const { today } = offer;
  return { planId, position, offer: await otherOffer(trx, planId, { disciplines, today }) };
}

async function otherOffer(trx: Trx, fullPlan: string, applicant: Applicant): Promise<PlanFull['offer']> {
  const version = await planVersionOn(trx, offeredInstead, applicant.today);
  if (fullPlan === offeredInstead || version === undefined) return null;
  const { terms } = version;
  if (enrolmentObjection(offeredInstead, terms, applicant) !== undefined) return null;
  return { planId: offeredInstead, planVersion: version.version, terms };
}

/** The refusal that an approval ends with once the place on the waiting list is on record. */
export function planFull({ planId, position, offer }: PlanFull): DomainError {
  const instead = offer === null ? '' : `, or approve it with plan ${offer.planId}`;
  return new DomainError(
    'plan_full',
    `Plan ${planId} has no place free: the sign-up is number ${position} on its waiting list. Approve it again when it is its turn${instead}.`,
    { context: { waitingListPosition: position, offer } },
  );
}

/** Makes an approved practice a member, on the terms of today, signed. */
export async function enrol(
  core: Core,
  trx: Trx,
  practice: {
    readonly practiceId: string;
    readonly signUp: SignUpRow;
    readonly locations: number;
    readonly offer: PlanOffer;
    readonly reason: string;
  },
  actor: Actor,
): Promise<void> {
  const { practiceId, locations, reason } = practice;
  const { time_zone: timeZone, clinician_count: clinicians } = practice.signUp;
  const { planId, planVersion, terms, today } = practice.offer;
  const at = core.clock.now();
  const statement = { practice: practiceId, plan: planId, planVersion, from: today, terms };
  const signature = await signedTerms(core, trx, statement);
  await insertSubscription(
    trx,
    {
      practiceId,
      timeZone,
      enrolled: {
        kind: 'enrolled',
        on: today,
        planId,
        planVersion,
        terms,
        quantities: { clinicians, locations },
      },
    },
    { actor: actor.id, reason, at, signature },
  );
  await appendAudit(trx, {
    actor,
    action: 'subscription.enrolled',
    subject: { type: 'subscription', id: practiceId },
    details: { reason, plan: { id: planId, version: planVersion }, clinicians, locations, signature },
    at,
  });
}

/** Signs terms, and keeps the public half of the key beside them when it is new. */
export async function signedTerms(
  { clock, termsSigner }: Core,
  trx: Trx,
  statement: TermsStatement,
): Promise<DsseEnvelope> {
  const { keyId: id, publicKey } = termsSigner;
  const at = clock.now();
  if (await registerTermsKey(trx, { id, publicKey }, at)) {
    await appendAudit(trx, {
      actor: systemActor,
      action: 'terms_key.registered',
      subject: { type: 'terms_key', id },
      details: { publicKey },
      at,
    });
  }
  return signTerms(statement, termsSigner);
}
