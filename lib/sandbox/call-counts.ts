import type { Caller } from './model.ts';

/** How often each operation was called over the wire, and how often in the busiest second of one account and Region. */
export interface CallCounts {
  note(service: string, operation: string, caller: Caller): void;
  /** `service:Operation` → times, and → most calls in one second of the clock. */
  describe(): {
    readonly calls: Readonly<Record<string, number>>;
    readonly busiestSecond: Readonly<Record<string, number>>;
  };
  clear(): void;
}

interface Count {
  total: number;
  busiest: number;
  /** The second under way, by account and Region. */
  readonly seconds: Map<string, { at: number; calls: number }>;
}

export function createCallCounts(milliseconds: () => number = () => performance.now()): CallCounts {
  const counts = new Map<string, Count>();
  const sorted = (of: (count: Count) => number) =>
    Object.fromEntries(
      [...counts].sort(([a], [b]) => a.localeCompare(b)).map(([name, count]) => [name, of(count)]),
    );
  return {
    note(service, operation, caller) {
      const name = `${service}:${operation}`;
      let count = counts.get(name);
      if (!count) counts.set(name, (count = { total: 0, busiest: 0, seconds: new Map() }));
      count.total += 1;
      const place = `${caller.accountId}/${caller.region}`;
      const at = Math.floor(milliseconds() / 1000);
      const second = count.seconds.get(place);
      const current = second?.at === at ? second : { at, calls: 0 };
      current.calls += 1;
      count.seconds.set(place, current);
      count.busiest = Math.max(count.busiest, current.calls);
    },
    describe: () => ({
      calls: sorted(({ total }) => total),
      busiestSecond: sorted(({ busiest }) => busiest),
    }),
    clear: () => counts.clear(),
  };
}
