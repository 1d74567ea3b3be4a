import { randomUUID } from 'node:crypto';
import { AwsError, type Caller } from './model.ts';
import { throttlingError } from './throttling.ts';

/** A token bucket in front of calls, one for each account and Region ("Request throttling for the Amazon EC2 API"). */
interface RateRule {
  readonly id: string;
  /** Signing name, for example `cloudformation`. */
  readonly service: string;
  /** All of the service's operations share the bucket unless told. */
  readonly operation?: string;
  /** Only this account's calls, every account's unless told. */
  readonly accountId?: string;
  readonly region?: string;
  /** Tokens that come back each second. */
  readonly perSecond: number;
  /** Tokens that a full bucket holds; `perSecond`, but at least 1, unless told. */
  readonly burst: number;
}

interface Bucket {
  tokens: number;
  filledAt: number;
  granted: number;
  refused: number;
}

/** How often callers may call. Rules live in memory: a restarted sandbox has none. */
export interface Rates {
  /** Sets the rate of these calls; a rule for exactly the same ones goes. @throws AwsError `ValidationError`. */
  set(rule: unknown): RateRule;
  /** The rules, and how many calls each bucket of theirs let through and refused. */
  list(): ReadonlyArray<RateRule & { readonly buckets: readonly object[] }>;
  remove(id: string): boolean;
  clear(): void;
  /** Takes a token from each bucket that the call belongs to. @throws AwsError the service's throttling error. */
  take(service: string, operation: string, caller: Caller): void;
}

/** @param milliseconds a clock that only goes forward. */
export function createRates(milliseconds: () => number = () => performance.now()): Rates {
  let rules: ReadonlyArray<{ readonly rule: RateRule; readonly buckets: Map<string, Bucket> }> = [];

  const bucketOf = ({ rule, buckets }: (typeof rules)[number], caller: Caller): Bucket => {
    const key = `${caller.accountId}/${caller.region}`;
    const now = milliseconds();
    let bucket = buckets.get(key);
    if (!bucket) buckets.set(key, (bucket = { tokens: rule.burst, filledAt: now, granted: 0, refused: 0 }));
    bucket.tokens = Math.min(rule.burst, bucket.tokens + ((now - bucket.filledAt) / 1000) * rule.perSecond);
    bucket.filledAt = now;
    return bucket;
  };

  return {
    set(given) {
      const rule = { id: randomUUID(), ...checkedRule(given) };
      rules = [...rules.filter((other) => !isForSame(other.rule, rule)), { rule, buckets: new Map() }];
      return rule;
    },
    list: () =>
      rules.map(({ rule, buckets }) => ({
        ...rule,
        buckets: [...buckets].map(([key, { granted, refused }]) => {
          const [accountId, region] = key.split('/');
          return { accountId, region, granted, refused };
        }),
      })),
    remove(id) {
      const before = rules.length;
      rules = rules.filter(({ rule }) => rule.id !== id);
      return rules.length < before;
    },
    clear() {
      rules = [];
    },
    take(service, operation, caller) {
      const buckets = rules
        .filter(({ rule }) => covers(rule, service, operation, caller))
        .map((entry) => bucketOf(entry, caller));
      const isRefused = buckets.some(({ tokens }) => tokens < 1);
      for (const bucket of buckets) {
        if (isRefused) bucket.refused += 1;
        else {
          bucket.tokens -= 1;
          bucket.granted += 1;
        }
      }
      if (isRefused) throw throttlingError(service);
    },
  };
}

function covers(rule: RateRule, service: string, operation: string, caller: Caller): boolean {
  return (
    rule.service === service &&
    (rule.operation ?? operation) === operation &&
    (rule.accountId ?? caller.accountId) === caller.accountId &&
    (rule.region ?? caller.region) === caller.region
  );
}

const isForSame = (one: RateRule, other: RateRule) =>
  (['service', 'operation', 'accountId', 'region'] as const).every((field) => one[field] === other[field]);

const refuse = (message: string) => new AwsError('ValidationError', `Rate: ${message}`);

function checkedRule(given: unknown): Omit<RateRule, 'id'> {
  const { service, operation, accountId, region, perSecond, burst, ...others } = given as Record<
    string,
    unknown
  >;
  const [stranger] = Object.keys(others);
  if (stranger !== undefined) throw refuse(`unknown field "${stranger}".`);
  if (typeof service !== 'string') throw refuse('"service" must be a signing name such as cloudformation.');
  const optional = { operation, accountId, region };
  for (const [name, value] of Object.entries(optional))
    if (value !== undefined && typeof value !== 'string') throw refuse(`"${name}" must be a string.`);
  if (typeof perSecond !== 'number' || !(perSecond > 0)) throw refuse('"perSecond" must be more than 0.');
  const size = burst ?? Math.max(1, perSecond);
  if (typeof size !== 'number' || !(size >= 1)) throw refuse('"burst" must be 1 or more.');
  return {
    service,
    ...Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)),
    perSecond,
    burst: size,
  };
}
