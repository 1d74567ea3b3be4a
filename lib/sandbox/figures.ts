/** What is measured of one thing: CloudWatch tells metrics apart by all of this ("Metrics concepts"). */
export interface Metric {
  readonly accountId: string;
  readonly region: string;
  readonly namespace: string;
  readonly name: string;
  readonly dimensions: Readonly<Record<string, string>>;
}

/** A value and how often it was measured. */
export type Samples = ReadonlyMap<number, number>;

/**
 * What the sandbox measures, a minute at a time and for 15 days, as CloudWatch keeps figures of single minutes. It is kept in memory: a
 * sandbox that was restarted has measured nothing.
 */
export interface Figures {
  add(metric: Metric, value: number): void;
  /** All that was measured in the minutes from `from` on that begin before `until`. */
  between(metric: Metric, from: Date, until: Date): Samples;
}

const minuteMs = 60_000;
const minutesKept = 15 * 24 * 60;
const minuteOf = (time: Date): number => Math.floor(time.getTime() / minuteMs);

/** @param now the sandbox's time: figures are where its clock is. */
export function createFigures(now: () => Date): Figures {
  /** By metric, the samples of each minute since 1970; its time only goes forward, so minutes are in order. */
  const metrics = new Map<string, Map<number, Map<number, number>>>();
  return {
    add(metric, value) {
      const minute = minuteOf(now());
      const minutes = entryOf(metrics, keyOf(metric), () => new Map<number, Map<number, number>>());
      for (const old of minutes.keys()) {
        if (old >= minute - minutesKept) break;
        minutes.delete(old);
      }
      const samples = entryOf(minutes, minute, () => new Map<number, number>());
      samples.set(value, (samples.get(value) ?? 0) + 1);
    },
    between(metric, from, until) {
      const all = new Map<number, number>();
      const minutes = metrics.get(keyOf(metric));
      if (minutes === undefined) return all;
      const first = Math.max(minuteOf(from), minuteOf(now()) - minutesKept);
      for (let minute = first; minute * minuteMs < until.getTime(); minute += 1) {
        for (const [value, count] of minutes.get(minute) ?? []) all.set(value, (all.get(value) ?? 0) + count);
      }
      return all;
    },
  };
}

function keyOf({ accountId, region, namespace, name, dimensions }: Metric): string {
  const sorted = Object.entries(dimensions).sort(([one], [other]) => (one < other ? -1 : 1));
  return JSON.stringify([accountId, region, namespace, name, sorted]);
}

function entryOf<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const made = make();
  map.set(key, made);
  return made;
}
