/** What a load balancer measured of a practice's app in a span. */
interface HealthFigures {
  readonly requests: number;
  readonly errors: number;
  /** The 95th percentile, in milliseconds; null when nothing was asked. */
  readonly latencyMs: number | null;
}

/** How much worse a practice may fare with a release than before. */
interface HealthThresholds {
  /** By how much the share of failed requests may grow: 0.02 is two in a hundred. */
  readonly errorRate: number;
  /** How many times as long a request may take. */
  readonly latencyRatio: number;
}

/** Of the bake time so far, and of a span as long as all of it before the update. */
export interface HealthLook {
  readonly before: HealthFigures;
  readonly after: HealthFigures;
  /** Names of the alarms that ring now. */
  readonly alarms: readonly string[];
}

interface HealthJudgement {
  readonly passed: boolean;
  /** What was compared, or what is worse; for people. */
  readonly words: string;
}

/** With fewer requests one unlucky person would decide. */
const fewestRequests = 20;
/** Faster than this is fast enough, however fast it was before. */
const fastEnoughMs = 200;
/** Of the bake time's first minutes a few errors say nothing yet, and one look follows another: errors end it early when they are so many, */
const fewestClearErrors = 5;
/** and so many times as much more as is allowed of the whole bake time. */
const clearlyMore = 2;

/**
 * Holds a practice's figures since an update against those before. An alarm fails it, also one that rang before: nobody could tell the two
 * apart. Too few requests to compare are said to be so, and pass: that the app answers was verified at the update.
 */
export function judgeHealth(look: HealthLook, thresholds: HealthThresholds): HealthJudgement {
  const { before, after, alarms } = look;
  const isComparable = after.requests >= fewestRequests;
  const worse = [
    ...inAlarm(alarms),
    ...(isComparable ? moreErrors(look, thresholds.errorRate) : []),
    ...(isComparable ? slower(before, after, thresholds) : []),
  ];
  if (worse.length > 0) return { passed: false, words: worse.join('; ') };
  if (!isComparable) {
    const words = `no alarm; ${after.requests} requests since the update are too few to compare (${fewestRequests} are needed)`;
    return { passed: true, words };
  }
  const words = `no alarm; ${percent(rateOf(after))} of ${after.requests} requests failed, 95 % took ${Math.round(after.latencyMs ?? 0)} ms or less`;
  return { passed: true, words };
}

/**
 * Whether a practice that bakes does so badly that nobody needs to wait for the rest: an alarm rings, or clearly more requests fail than
 * before. Latency waits for the end: an app that has just started is slow for a while.
 */
export function judgeSoFar(look: HealthLook, thresholds: HealthThresholds): HealthJudgement {
  const { after, alarms } = look;
  const isClear = after.requests >= fewestRequests && after.errors >= fewestClearErrors;
  const worse = [
    ...inAlarm(alarms),
    ...(isClear ? moreErrors(look, thresholds.errorRate * clearlyMore) : []),
  ];
  if (worse.length > 0) return { passed: false, words: worse.join('; ') };
  return { passed: true, words: `no alarm; ${after.errors} of ${after.requests} requests failed` };
}

const inAlarm = (alarms: readonly string[]): string[] =>
  alarms.length === 0 ? [] : [`in alarm: ${alarms.join(', ')}`];

function* moreErrors({ before, after }: HealthLook, allowed: number): Generator<string> {
  // Without enough of a past the release has to do well on its own.
  const past = before.requests < fewestRequests ? 0 : rateOf(before);
  if (rateOf(after) - past <= allowed) return;
  yield `${percent(rateOf(after))} of ${after.requests} requests failed, ${percent(past)} before; ${percent(allowed)} more are allowed`;
}

function* slower(
  before: HealthFigures,
  after: HealthFigures,
  thresholds: HealthThresholds,
): Generator<string> {
  if (before.requests < fewestRequests || before.latencyMs === null || after.latencyMs === null) return;
  const allowed = Math.max(fastEnoughMs, before.latencyMs * thresholds.latencyRatio);
  if (after.latencyMs <= allowed) return;
  yield `95 % of requests took up to ${Math.round(after.latencyMs)} ms, ${Math.round(before.latencyMs)} ms before; ${Math.round(allowed)} ms are allowed`;
}

const rateOf = ({ requests, errors }: HealthFigures): number => (requests === 0 ? 0 : errors / requests);
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
