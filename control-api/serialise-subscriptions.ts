import type { Projected } from '../lib/use-cases/subscription-projection.ts';
import type { Composition, KeptFact, SubscriptionOverview } from '../lib/use-cases/subscriptions.ts';
import type { WaitingPlace } from '../lib/use-cases/waiting-list.ts';
import type {
  ShownFact,
  ShownProjection,
  ShownSubscription,
  ShownWaiting,
} from './contracts/subscriptions.ts';

export function toSubscription(found: SubscriptionOverview): ShownSubscription {
  const { timeline, period, signature, terms } = found;
  return {
    practiceId: found.practiceId,
    state: found.state,
    ...toComposition(found.now),
    currency: timeline.currency,
    interval: terms.interval,
    timeZone: found.timeZone,
    enrolledOn: timeline.enrolledOn,
    activatedOn: timeline.activatedOn,
    chargedFrom: timeline.chargedFrom,
    locked: found.isLocked,
    lockedUntil: timeline.lockedUntil,
    period: period === null ? null : { from: period.from, until: period.until },
    closedUntil: found.closedUntil,
    endsOn: timeline.endsOn,
    coming: found.coming.map(({ from, ...holds }) => ({ from, ...toComposition(holds) })),
    terms,
    signature: {
      keyIds: [...signature.keyIds],
      good: signature.objection === null,
      objection: signature.objection,
    },
    updatedAt: found.updatedAt.toISOString(),
  };
}

function toComposition({ planId: id, planVersion: version, rates, quantities }: Composition) {
  return { plan: { id, version }, rates, quantities };
}

export function toFact(kept: KeptFact): ShownFact {
  const { seq, at, actor, reason, signature: _, ...fact } = kept;
  return { seq, at: at.toISOString(), actor, reason, fact };
}

export function toProjection({ periods, ...projection }: Projected): ShownProjection {
  return {
    ...projection,
    periods: periods.map(({ from, until, basis, totalCents }) => ({ from, until, basis, totalCents })),
  };
}

export function toWaiting(waiting: WaitingPlace): ShownWaiting {
  const { position, signUpId, displayName, since, placeFree, objection } = waiting;
  return { position, signUpId, displayName, since: since.toISOString(), placeFree, objection };
}
