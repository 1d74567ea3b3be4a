import { type Amounts, type Quota, quotas } from './capacity.ts';

/** One quota of a cell: what silos may use, what they do, and until when that will do at the recent rate. */
interface QuotaForecast {
  readonly quota: Quota;
  readonly limit: number;
  readonly used: number;
  /** Below 0 where more is in use than the limit says. */
  readonly free: number;
  /** What is taken a day, less what is given back. */
  readonly dailyGrowth: number;
  /** 0 when nothing is free; null when it is not growing. */
  readonly daysUntilFull: number | null;
}

export interface CapacityForecast {
  readonly quotas: readonly QuotaForecast[];
  /** Until the first quota is full; null when none will be at the recent rate. */
  readonly daysUntilFull: number | null;
  /** That quota. */
  readonly firstFull: Quota | null;
}

/** Longest time looked back on, in days. */
const forecastWindowDays = 30;
const dayMs = 86_400_000;

/** How many days back a cell's growth is counted: 30, or as many as the cell is old, but one at least. */
export function windowOf(cell: { readonly createdAt: Date }, now: Date): number {
  const age = (now.getTime() - cell.createdAt.getTime()) / dayMs;
  return Math.min(forecastWindowDays, Math.max(1, age));
}

/**
 * When a cell will be full if it goes on as it did.
 * @param growth what was taken less what was given back, within the last `days` days
 */
export function forecastCapacity(of: {
  readonly limits: Amounts;
  readonly used: Amounts;
  readonly growth: Amounts;
  readonly days: number;
}): CapacityForecast {
  const each = quotas.map((quota) => forecastQuota(quota, of));
  const ending = each.filter((one) => one.daysUntilFull !== null);
  const first = ending.reduce<QuotaForecast | undefined>(
    (soonest, one) => ((one.daysUntilFull ?? 0) < (soonest?.daysUntilFull ?? Infinity) ? one : soonest),
    undefined,
  );
  return { quotas: each, daysUntilFull: first?.daysUntilFull ?? null, firstFull: first?.quota ?? null };
}

function forecastQuota(
  quota: Quota,
  { limits, used, growth, days }: Parameters<typeof forecastCapacity>[0],
): QuotaForecast {
  const free = limits[quota] - used[quota];
  const dailyGrowth = growth[quota] / days;
  return {
    quota,
    limit: limits[quota],
    used: used[quota],
    free,
    dailyGrowth: Math.round(dailyGrowth * 1_000) / 1_000,
    daysUntilFull: daysUntil(free, dailyGrowth, used[quota]),
  };
}

/** Whole days, rounded down: a warning that comes early is of use, one that comes late is not. */
function daysUntil(free: number, dailyGrowth: number, used: number): number | null {
  // A quota that nothing uses and whose limit is 0 keeps nobody waiting.
  if (free <= 0 && used > 0) return 0;
  return dailyGrowth > 0 ? Math.floor(Math.max(0, free) / dailyGrowth) : null;
}
