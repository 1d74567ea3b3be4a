import { isDeepStrictEqual } from 'node:util';
import type { Page, PageRequest } from '../db/page.ts';
import { openAnnouncement } from '../db/subscription-notice-store.ts';
import {
  factPage,
  factsOf,
  followingFrom,
  type KeptFact,
  readSubscription,
  type Subscription,
} from '../db/subscription-store.ts';
import { listTermsKeys } from '../db/terms-key-store.ts';
import { DomainError } from '../domain/errors.ts';
import { type Day, dayIn, laterOf } from '../domain/plan/day.ts';
import { type Period, periodAt } from '../domain/plan/periods.ts';
import { priceChangeTaken } from '../domain/plan/price-changes.ts';
import { stateOn } from '../domain/plan/state.ts';
import type { PlanTerms, Quantities, Rates } from '../domain/plan/terms.ts';
import { type TermsKey, termsObjection } from '../domain/plan/terms-signature.ts';
import { entryOn, isLockedOn, type Timeline, timelineOf } from '../domain/plan/timeline.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';

export type { KeptFact };

/** What a subscription is made of on a day. */
export interface Composition {
  readonly planId: string;
  readonly planVersion: number;
  readonly rates: Rates;
  readonly quantities: Quantities;
}

/** Whether the terms on record are those that were signed. */
interface SignatureFinding {
  /** The keys that signed, by the SHA-256 of each one's SubjectPublicKeyInfo. */
  readonly keyIds: readonly string[];
  /** Why it is no good signature; null when it is. */
  readonly objection: string | null;
}

/** A subscription as it stands on a day of the practice. */
export interface SubscriptionOverview extends Subscription {
  readonly timeline: Timeline;
  readonly today: Day;
  /** Of the plan that holds today. */
  readonly terms: PlanTerms;
  readonly now: Composition;
  /** What is known to change, by day. */
  readonly coming: readonly (Composition & { readonly from: Day })[];
  readonly isLocked: boolean;
  /** The period that today belongs to; null when today costs nothing. */
  readonly period: Period | null;
  readonly signature: SignatureFinding;
}

/** What is on record of a subscription, read once for all that is shown of it. */
export interface SubscriptionReading {
  readonly subscription: Subscription;
  readonly facts: readonly KeptFact[];
  /** What the facts come to. */
  readonly timeline: Timeline;
  /** The same with a price that the practice was told of. */
  readonly expected: Timeline;
  readonly today: Day;
}

/** @throws DomainError `not_found` */
export async function lookAtSubscription(core: Core, practiceId: string): Promise<SubscriptionReading> {
  const subscription = await requireSubscription(core, practiceId);
  const facts = await factsOf(core.db, practiceId);
  const timeline = timelineOf(facts);
  const expected = await withAnnouncedPrice(core, { subscription, facts, timeline });
  return { subscription, facts, timeline, expected, today: dayIn(subscription.timeZone, core.clock.now()) };
}

/** @throws DomainError `not_found` */
export async function readSubscriptionOf(core: Core, practiceId: string): Promise<SubscriptionOverview> {
  return overviewOf(core, await lookAtSubscription(core, practiceId));
}

export async function overviewOf(
  core: Core,
  { subscription, facts, timeline, expected, today }: SubscriptionReading,
): Promise<SubscriptionOverview> {
  // A plan may be looked at before its day has come in the practice's zone.
  const day = laterOf(today, timeline.enrolledOn);
  return {
    ...subscription,
    state: stateOn(subscription.state, timeline, today),
    timeline,
    today,
    terms: entryOn(timeline.plans, day).terms,
    now: compositionOn(timeline, day),
    coming: changesAfter(expected, day).map((from) => ({ from, ...compositionOn(expected, from) })),
    isLocked: isLockedOn(timeline, day),
    period: periodAt(timeline, day),
    signature: checkSignature(subscription, facts, timeline, await listTermsKeys(core.db)),
  };
}

/**
 * What the facts come to, with the price that the practice was told of where that would come if its notice is sent by now: it becomes a
 * fact on its day only.
 */
async function withAnnouncedPrice(
  core: Core,
  {
    subscription: { practiceId, timeZone, closedUntil },
    facts,
    timeline,
  }: Pick<SubscriptionReading, 'subscription' | 'facts' | 'timeline'>,
): Promise<Timeline> {
  const announcement = await openAnnouncement(core.db, practiceId);
  if (announcement === undefined) return timeline;
  const sentOn = dayIn(timeZone, announcement.sentAt ?? core.clock.now());
  const outcome = priceChangeTaken(timeline, announcement.data, { sentOn, closedUntil });
  return 'fact' in outcome ? timelineOf([...facts, outcome.fact]) : timeline;
}

/** What happened to a subscription, in the order in which it was recorded. @throws DomainError `not_found` */
export async function listFacts(core: Core, practiceId: string, page: PageRequest): Promise<Page<KeptFact>> {
  await requireSubscription(core, practiceId);
  return factPage(core.db, practiceId, page);
}

/** @throws DomainError `not_found` */
export async function requireSubscription(core: Core, practiceId: string): Promise<Subscription> {
  const subscription = await readSubscription(core.db, practiceId);
  if (subscription !== undefined) return subscription;
  await readPractice(core, practiceId);
  throw new DomainError(
    'not_found',
    `Practice ${practiceId} has no subscription yet: the next start of the control plane makes it.`,
  );
}

function compositionOn({ rates: prices, quantities: counts }: Timeline, day: Day): Composition {
  const { planId, planVersion, rates } = entryOn(prices, day);
  const { clinicians, locations } = entryOn(counts, day);
  return { planId, planVersion, rates, quantities: { clinicians, locations } };
}

function changesAfter({ rates, quantities, endsOn }: Timeline, day: Day): Day[] {
  const days = new Set([...rates, ...quantities].map(({ from }) => from));
  return [...days].filter((from) => from > day && (endsOn === null || from < endsOn)).toSorted();
}

/** The terms of each plan in turn are held against their signature, and the row that is asked for against all facts. */
function checkSignature(
  subscription: Subscription,
  facts: readonly KeptFact[],
  timeline: Timeline,
  keys: readonly TermsKey[],
): SignatureFinding {
  const signed = facts.flatMap((fact) =>
    fact.kind === 'enrolled' || fact.kind === 'plan'
      ? [{ fact, from: fact.kind === 'enrolled' ? fact.on : fact.from }]
      : [],
  );
  const objections = signed.map(({ fact: { planId: plan, planVersion, terms, signature }, from }) =>
    termsObjection(signature, { practice: subscription.practiceId, plan, planVersion, from, terms }, keys),
  );
  const changed = Object.entries(followingFrom(timeline)).filter(
    ([name, value]) => !isDeepStrictEqual(subscription[name as keyof Subscription], value),
  );
  if (changed.length > 0) {
    const names = changed.map(([name]) => name).join(', ');
    objections.push(
      `The subscription's row has another ${names} than its facts: one of the two was changed.`,
    );
  }
  return {
    keyIds: signed.flatMap(({ fact }) => fact.signature?.signatures.map(({ keyid }) => keyid) ?? []),
    objection: objections.find((each) => each !== undefined) ?? null,
  };
}
