/**
 * Health checks of registered targets, by HTTP or HTTPS as the target group says. Health is what this process has observed:
 * it is not recorded, and after a restart every target is `initial` until it has answered again.
 */
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { TargetHealth } from '@aws-sdk/client-elastic-load-balancing-v2';
import type { Cloud } from '../../model.ts';
import { requestOverTls } from '../../target-tls.ts';
import { endpointOf } from '../ec2/interfaces.ts';
import {
  find,
  type Place,
  type TargetGroupRecord,
  type TargetRecord,
  targetGroups,
  targetKey,
} from './records.ts';

/** How often a target that has not answered yet is tried. AWS waits a whole interval; nobody here should have to. */
const initialRetryMs = 200;

interface Watch {
  readonly stop: AbortController;
  health: TargetHealth;
  done: Promise<void>;
}

const watches = new WeakMap<Cloud, Map<string, Watch>>();

function watchesOf(cloud: Cloud): Map<string, Watch> {
  const present = watches.get(cloud);
  if (present !== undefined) return present;
  const fresh = new Map<string, Watch>();
  watches.set(cloud, fresh);
  return fresh;
}

const keyOf = (target: TargetRecord, place: Place) =>
  `${place.accountId}/${place.region}/${targetKey(target)}`;

const registering: TargetHealth = {
  State: 'initial',
  Reason: 'Elb.RegistrationInProgress',
  Description: 'Target registration is in progress',
};

/** Without a data plane nothing can be asked, and nothing is claimed. */
const unobserved: TargetHealth = {
  State: 'unavailable',
  Reason: 'Target.HealthCheckDisabled',
  Description: 'The sandbox runs without a data plane: no target is checked',
};

export function healthOf(target: TargetRecord, place: Place): TargetHealth {
  if (place.cloud.dataPlane === undefined) return unobserved;
  return watchesOf(place.cloud).get(keyOf(target, place))?.health ?? registering;
}

/** Checks the target from now on, at once for the first time. */
export function watchTarget(target: TargetRecord, place: Place): void {
  const { cloud, accountId, region } = place;
  const key = keyOf(target, place);
  if (cloud.dataPlane === undefined || watchesOf(cloud).has(key)) return;
  const watch: Watch = { stop: new AbortController(), health: registering, done: Promise.resolve() };
  watchesOf(cloud).set(key, watch);
  watch.done = keepChecking(target, { cloud, accountId, region }, watch);
}

export function forgetTarget(target: TargetRecord, place: Place): void {
  const key = keyOf(target, place);
  watchesOf(place.cloud).get(key)?.stop.abort();
  watchesOf(place.cloud).delete(key);
}

export async function stopHealthChecks(cloud: Cloud): Promise<void> {
  const running = [...watchesOf(cloud).values()];
  for (const watch of running) watch.stop.abort();
  watches.delete(cloud);
  await Promise.all(running.map((watch) => watch.done));
}

async function keepChecking(target: TargetRecord, place: Place, watch: Watch): Promise<void> {
  const { signal } = watch.stop;
  const since = place.cloud.now().getTime();
  let streak = 0;
  while (!signal.aborted) {
    const group = find(targetGroups, target.TargetGroupArn, place);
    if (group === undefined) return;
    const failure = await check(target, group, place, signal);
    if (signal.aborted) return;
    const wasHealthy = watch.health.State === 'healthy';
    streak = (failure === undefined) === wasHealthy ? 0 : streak + 1;
    const isInitial = watch.health.State === 'initial';
    const waited = place.cloud.now().getTime() - since;
    watch.health = nextHealth(watch.health, failure, { group, streak, waited });
    const stillInitial = isInitial && watch.health.State === 'initial';
    if (isInitial) streak = 0;
    const pause = stillInitial ? initialRetryMs : intervalOf(group);
    await delay(pause, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

const intervalOf = (group: TargetGroupRecord) => (group.HealthCheckIntervalSeconds ?? 30) * 1000;

/**
 * One success makes a newly registered target healthy; afterwards it takes the group's thresholds to change
 * ("Health checks for Application Load Balancer target groups").
 */
function nextHealth(
  before: TargetHealth,
  failure: TargetHealth | undefined,
  seen: { readonly group: TargetGroupRecord; readonly streak: number; readonly waited: number },
): TargetHealth {
  const { group, streak, waited } = seen;
  const { HealthyThresholdCount: up = 5, UnhealthyThresholdCount: down = 2 } = group;
  if (before.State === 'initial') {
    if (failure === undefined) return { State: 'healthy' };
    if (waited >= intervalOf(group) * down) return failure;
    return {
      State: 'initial',
      Reason: 'Elb.InitialHealthChecking',
      Description: 'Initial health checks in progress',
    };
  }
  if (before.State === 'healthy') return failure !== undefined && streak >= down ? failure : before;
  return failure ?? (streak >= up ? { State: 'healthy' } : before);
}

/** Undefined when the target answered as it should, else the health that AWS would show. */
async function check(
  target: TargetRecord,
  group: TargetGroupRecord,
  place: Place,
  signal: AbortSignal,
): Promise<TargetHealth | undefined> {
  const endpoint = endpointOf(group.VpcId ?? '', target.Id ?? '', place);
  if (endpoint === undefined) return unhealthy('Target.Timeout', 'Request timed out');
  const timeout = (group.HealthCheckTimeoutSeconds ?? 5) * 1000;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeout)]);
  try {
    const ask = group.HealthCheckProtocol === 'HTTPS' ? requestOverTls : request;
    const status = await statusOf(ask, { ...endpoint, path: group.HealthCheckPath ?? '/' }, limit);
    if (matches(group.Matcher?.HttpCode ?? '200', status)) return undefined;
    return unhealthy('Target.ResponseCodeMismatch', `Health checks failed with these codes: [${status}]`);
  } catch {
    // Whatever kept the answer away, the target has failed its check: that is the observation.
    return limit.aborted
      ? unhealthy('Target.Timeout', 'Request timed out')
      : unhealthy('Target.FailedHealthChecks', 'Health checks failed');
  }
}

function unhealthy(Reason: NonNullable<TargetHealth['Reason']>, Description: string): TargetHealth {
  return { State: 'unhealthy', Reason, Description };
}

/** "After each health check is completed, the load balancer node closes the connection" ("Health checks for … target groups"). */
function statusOf(
  ask: typeof requestOverTls,
  target: { readonly address: string; readonly port: number; readonly path: string },
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { 'user-agent': 'ELB-HealthChecker/2.0', connection: 'close' };
    const { address, port, path } = target;
    const check = ask({ host: address, port, path, headers, signal, agent: false });
    check.on('response', (answer) => {
      answer.resume();
      answer.on('end', () => resolve(answer.statusCode ?? 0));
      answer.on('error', reject);
    });
    check.on('error', reject);
    check.end();
  });
}

/** `200`, `200,202` or `200-299`. */
function matches(codes: string, status: number): boolean {
  return codes.split(',').some((part) => {
    const [from = Number.NaN, to = from] = part.split('-').map(Number);
    return status >= from && status <= to;
  });
}
