/** "CloudWatch statistics definitions", those of the list and percentiles. */
import type { Samples } from '../../figures.ts';
import { AwsError } from '../../model.ts';

const single: Readonly<Record<string, (samples: Samples) => number>> = {
  Sum: sumOf,
  SampleCount: countOf,
  Average: (samples) => sumOf(samples) / countOf(samples),
  Minimum: (samples) => [...samples.keys()].reduce((one, other) => Math.min(one, other)),
  Maximum: (samples) => [...samples.keys()].reduce((one, other) => Math.max(one, other)),
};

/** What works out a statistic of samples, of which there is at least one; undefined for a statistic that is not emulated. */
export function findStatistic(name: string): ((samples: Samples) => number) | undefined {
  const percent = Number(/^p(100|\d{1,2}(\.\d{1,10})?)$/.exec(name)?.[1]);
  if (!Number.isNaN(percent)) return (samples) => percentile(samples, percent);
  return Object.hasOwn(single, name) ? single[name] : undefined;
}

/** @throws AwsError `InvalidParameterValue` for one that is not emulated. */
export function statistic(name: string): (samples: Samples) => number {
  const found = findStatistic(name);
  if (found !== undefined) return found;
  throw new AwsError(
    'InvalidParameterValue',
    `The sandbox does not emulate the statistic '${name}': it has ${Object.keys(single).join(', ')} and percentiles such as p95.`,
  );
}

function countOf(samples: Samples): number {
  return [...samples.values()].reduce((one, other) => one + other);
}

function sumOf(samples: Samples): number {
  return [...samples].reduce((sum, [value, often]) => sum + value * often, 0);
}

/** The smallest value that so many of a hundred are not above. */
function percentile(samples: Samples, percent: number): number {
  const rank = (countOf(samples) * percent) / 100;
  let upTo = 0;
  let found = Number.NaN;
  for (const [value, often] of [...samples].sort(([one], [other]) => one - other)) {
    found = value;
    upTo += often;
    if (upTo >= rank) break;
  }
  return found;
}
