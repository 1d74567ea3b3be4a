/**
 * The budget of calls to one cell's CloudFormation, a token bucket for each kind. A call takes a token; a bucket may owe tokens, and
 * whoever took one that is owed waits until it has come in. The rate halves when AWS throttles and recovers slowly.
 */

/**
 * `describe-stacks` is what AWS throttles first. `events` are turns to look at what a stack is doing, which then reads as any other: they keep
 * the live view from using up what deployments need.
 */
export const callKinds = ['describe-stacks', 'read', 'write', 'events'] as const;
export type CallKind = (typeof callKinds)[number];

/** The bounds of one bucket. Rates are in calls a second. */
export interface BucketLimits {
  /** The most at any time, and where a new bucket begins. */
  readonly most: number;
  /** The least, however often AWS throttles. */
  readonly least: number;
  /** Tokens that a quiet bucket gathers. */
  readonly burst: number;
  /** How much faster it gets, each second that passes without throttling: calls a second. */
  readonly recovery: number;
}

export type CallLimits = Readonly<Record<CallKind, BucketLimits>>;

/** Tokens that a quiet bucket gathers: with them, no second has more than 1.4 times its rate for what AWS throttles first. */
const burstOf = (kind: CallKind, rate: number): number =>
  Math.max(1, kind === 'describe-stacks' ? 0.4 * rate : rate);

/** @param rates calls a second, at most */
export function callLimits(rates: Readonly<Record<CallKind, number>>): CallLimits {
  const limits = callKinds.map((kind): [CallKind, BucketLimits] => {
    const most = rates[kind];
    return [
      kind,
      {
        most,
        least: Math.min(most, leastRate),
        burst: burstOf(kind, most),
        recovery: most / recoverySeconds,
      },
    ];
  });
  return Object.fromEntries(limits) as CallLimits;
}

const leastRate = 0.5;
/** From nothing to the most. */
const recoverySeconds = 60;

/**
 * AWS publishes no figures for CloudFormation's API; about five DescribeStacks a second of one account and Region pass before it throttles.
 * More is found out by nobody: a budget that throttling cuts is a budget that recovers.
 */
export const awsCallRates: Readonly<Record<CallKind, number>> = {
  'describe-stacks': 3.5,
  read: 10,
  write: 5,
  events: 3,
};

/** The sandbox throttles only when it is told to. */
export const sandboxCallRates: Readonly<Record<CallKind, number>> = {
  'describe-stacks': 500,
  read: 1_000,
  write: 1_000,
  events: 500,
};

/**
 * When each of `count` tokens just taken may be used, in milliseconds from now, in the order of those who wait.
 * @param left what the bucket holds afterwards; below zero when it owes
 */
export function waitsOf(left: number, rate: number, count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    // Those taken after this one are owed after it.
    const owed = -left - (count - 1 - index);
    return owed <= 0 ? 0 : (owed / rate) * 1_000;
  });
}
