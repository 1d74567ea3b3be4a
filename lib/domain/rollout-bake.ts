const minute = 60_000;

/**
 * How long the figures of a minute may be on their way. Elastic Load Balancing "measures and sends its metrics in 60-second intervals"
 * ("CloudWatch metrics for your Application Load Balancer"), and alarms are evaluated once they are there. AWS names no longest time; five
 * minutes are more than either has been seen to take.
 */
const figuresLagMinutes = 5;

/** How long the practices after a wave wait for it from the end of its last update; without bake time there are no figures to wait for. */
export const watchedMinutes = (bakeMinutes: number): number =>
  bakeMinutes === 0 ? 0 : bakeMinutes + figuresLagMinutes;

/** A practice that bakes is looked at so often. */
const lookEveryMinutes = 5;

/** `from <= t < until`. */
interface Span {
  readonly from: Date;
  readonly until: Date;
}

/** What a look at a practice compares. Figures are of whole minutes, so spans are too. */
export interface BakeSpans {
  /** As long as the bake time, up to the minute in which the update began. */
  readonly before: Span;
  /** From the first whole minute after the update; empty as long as there is none whose figures are there. */
  readonly after: Span;
  /** Whether the figures of the whole bake time are there. */
  readonly isWhole: boolean;
}

/** A practice that was updated and bakes. */
export interface Baking {
  readonly startedAt: Date;
  readonly finishedAt: Date;
  readonly bakedUntil: Date;
  /** When it was looked at for the last time since; null when it was not. */
  readonly lookedAt: Date | null;
}

/** What is to be looked at now; undefined while there is nothing new to see. */
export function lookAt(baking: Baking, now: Date): BakeSpans | undefined {
  const { startedAt, finishedAt, bakedUntil, lookedAt } = baking;
  const length = bakedUntil.getTime() - finishedAt.getTime();
  const wholeAt = length <= 0 ? bakedUntil : figuresThereAt(bakedUntil);
  const isWhole = now >= wholeAt;
  const isFirstWhole = isWhole && (lookedAt === null || lookedAt < wholeAt);
  const since = lookedAt ?? finishedAt;
  if (!isFirstWhole && now.getTime() < since.getTime() + lookEveryMinutes * minute) return undefined;
  const update = Math.floor(startedAt.getTime() / minute) * minute;
  const begins = Math.ceil(finishedAt.getTime() / minute) * minute;
  const there = Math.floor(now.getTime() / minute - figuresLagMinutes) * minute;
  return {
    before: { from: new Date(update - length), until: new Date(update) },
    after: { from: new Date(begins), until: new Date(Math.min(Math.max(begins, there), begins + length)) },
    isWhole,
  };
}

/** When the figures of the minutes before a time are there. */
export function figuresThereAt(time: Date): Date {
  return new Date((Math.ceil(time.getTime() / minute) + figuresLagMinutes) * minute);
}
