/** What a figure should be at best; a figure is measured and compared, never asserted. */
interface Goal {
  readonly kind: 'at most' | 'at least';
  readonly value: number;
}

export interface Figure {
  readonly name: string;
  readonly value: number;
  /** `s`, `ms`, `days`, `MiB`, `bytes`, `1/s`, `calls`, `USD a month`, `×` for a ratio, or what is counted. */
  readonly unit: string;
  readonly goal?: Goal;
}

/** What one benchmark found, and what somebody needs to know who compares it with another run. */
export interface Outcome {
  readonly figures: readonly Figure[];
  readonly notes: readonly string[];
}

/** True and false for a figure with a goal, undefined for one that only informs. */
export function isMet({ value, goal }: Figure): boolean | undefined {
  if (goal === undefined) return undefined;
  return goal.kind === 'at most' ? value <= goal.value : value >= goal.value;
}

/** The middle value, or the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error('There is no median of no values.');
  return (lower + upper) / 2;
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
