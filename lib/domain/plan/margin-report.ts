import type { Day } from './day.ts';
import type { Member } from './reports.ts';
import { rateOn, sumOf } from './revenue-report.ts';
import type { SubscriptionState } from './state.ts';

/** What a silo costs a month at list prices, in thousand-millionths of a US dollar; or why that is not known. */
export type SiloCostFinding = { readonly monthlyNanoUsd: number } | { readonly reason: string };

/** What is left of one practice's rate when its silo is paid for, a month. */
export interface MarginRow {
  readonly practiceId: string;
  readonly displayName: string;
  readonly planId: string;
  readonly state: SubscriptionState;
  /** ISO 4217. */
  readonly currency: string;
  /** At the rates and quantities of the day, also where nothing is charged. */
  readonly rateCents: number;
  /** US cents, rounded half up; null where it is not known. */
  readonly costCents: number | null;
  /** Rate less cost; null where there is none. */
  readonly marginCents: number | null;
  /** Why there is no margin. */
  readonly reason: string | null;
}

/** Sums of the rows that have a margin. */
export interface MarginTotal {
  readonly practices: number;
  readonly rateCents: number;
  readonly costCents: number;
  readonly marginCents: number;
  /** Rows without a margin. */
  readonly withoutMargin: number;
}

/** A row for each member that is not cancelled, in the order given. */
export function marginOf(
  members: readonly Member[],
  costs: ReadonlyMap<string, SiloCostFinding>,
  on: Day,
): { readonly rows: readonly MarginRow[]; readonly total: MarginTotal } {
  const rows = members
    .filter(({ state }) => state !== 'cancelled')
    .map((member) => marginRow(member, costs.get(member.practiceId), on));
  const known = rows.filter(({ marginCents }) => marginCents !== null);
  return {
    rows,
    total: {
      practices: known.length,
      rateCents: sumOf(known, ({ rateCents }) => rateCents),
      costCents: sumOf(known, ({ costCents }) => costCents ?? 0),
      marginCents: sumOf(known, ({ marginCents }) => marginCents ?? 0),
      withoutMargin: rows.length - known.length,
    },
  };
}

function marginRow(member: Member, cost: SiloCostFinding | undefined, on: Day): MarginRow {
  const { practiceId, displayName, planId, state, timeline } = member;
  const { currency } = timeline;
  const rateCents = rateOn(timeline, on);
  const row = { practiceId, displayName, planId, state, currency, rateCents };
  if (cost === undefined || 'reason' in cost) {
    const reason = cost?.reason ?? 'Its silo is not on record.';
    return { ...row, costCents: null, marginCents: null, reason };
  }
  const costCents = centsOf(cost.monthlyNanoUsd);
  if (currency !== 'USD') {
    const reason = `Its rate is in ${currency}, and the cost of its silo in USD.`;
    return { ...row, costCents, marginCents: null, reason };
  }
  return { ...row, costCents, marginCents: rateCents - costCents, reason: null };
}

const nanoUsdOfCent = 10_000_000;

/** Rounded half up. */
function centsOf(nanoUsd: number): number {
  return Math.floor((nanoUsd + nanoUsdOfCent / 2) / nanoUsdOfCent);
}
