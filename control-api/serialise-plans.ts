import { daysBetween } from '../lib/domain/plan/day.ts';
import type { DryRun } from '../lib/use-cases/plan-versions.ts';
import type { PlanRow } from '../lib/use-cases/plans.ts';
import type { PreviewedPlan } from '../lib/use-cases/preview-plan.ts';
import type { Plan, PlanDryRun, PlanPreview } from './contracts/plans.ts';

export function toPlan({ id, name, description, promise, versions }: PlanRow): Plan {
  return {
    id,
    name,
    description,
    promise,
    versions: versions.map((version, place) => ({
      version: version.version,
      effectiveFrom: version.effective_from,
      offeredUntil: versions[place + 1]?.effective_from ?? null,
      terms: version.terms,
    })),
  };
}

export function toDryRun(planId: string, effectiveFrom: string, found: DryRun): PlanDryRun {
  const { version, currency, touched, locked, unaffected } = found;
  return {
    planId,
    version,
    effectiveFrom,
    currency,
    touched: {
      count: touched.count,
      monthlyDifferenceCents: touched.difference,
      firstFrom: touched.firstFrom,
      items: touched.items.map(({ practiceId, from, quantities, before, after }) => ({
        practiceId,
        from,
        ...quantities,
        monthlyCentsBefore: before,
        monthlyCentsAfter: after,
        monthlyDifferenceCents: after - before,
      })),
      nextCursor: touched.nextCursor,
    },
    locked,
    unaffected,
  };
}

export function toPreview({ plan, version, ...found }: PreviewedPlan): PlanPreview {
  return {
    plan,
    version,
    startsOn: found.startsOn,
    chargedFrom: found.chargedFrom,
    lockedFrom: found.lockedFrom,
    lockedUntil: found.lockedUntil,
    currency: found.currency,
    periods: found.periods.map(({ from, until, basis, closesAt, charges, totalCents }) => ({
      from,
      until,
      days: daysBetween(from, until),
      basis,
      chargedAt: closesAt.toISOString(),
      charges: charges.map((charge) => ({
        component: charge.component,
        from: charge.from,
        until: charge.until,
        quantity: charge.quantity,
        rateCents: charge.rateCents,
        amountCents: charge.amountCents,
      })),
      totalCents,
    })),
    totalCents: found.totalCents,
  };
}
