/** What the scheduler should do next for one service. Pure: the same records give the same plan. */
import type { ServiceRecord, TaskRecord } from './records.ts';

/** How a task stands with its load balancer; `unobserved` when nothing can be asked. */
export type TargetState = 'healthy' | 'unhealthy' | 'waiting' | 'unobserved';

export interface ServiceView {
  readonly service: ServiceRecord;
  /** Tasks that are not stopped. */
  readonly live: readonly TaskRecord[];
  readonly targetState: (task: TaskRecord) => TargetState;
  readonly now: Date;
}

export interface Plan {
  /** How many tasks of the primary deployment to start. */
  readonly start: number;
  /** Tasks beyond what the service wants, or of an earlier deployment. */
  readonly retire: readonly TaskRecord[];
  /** Tasks that their load balancer has found unhealthy, past the grace period. */
  readonly fail: readonly TaskRecord[];
  readonly steady: boolean;
}

/**
 * A rolling update ("Amazon ECS rolling update"): new tasks as far as the maximum percent lets them, and old ones
 * stopped only while the minimum percent stays healthy.
 */
export function planService(view: ServiceView): Plan {
  const { service, live } = view;
  const primary = service.deployments?.[0];
  const desired = service.status === 'ACTIVE' ? (service.desiredCount ?? 0) : 0;
  const { maximumPercent = 200, minimumHealthyPercent = 100 } = service.deploymentConfiguration ?? {};
  const most = Math.max(Math.floor((desired * maximumPercent) / 100), desired === 0 ? 0 : 1);
  const least = Math.ceil((desired * minimumHealthyPercent) / 100);

  const running = live.filter((task) => task.desiredStatus === 'RUNNING');
  const fail = running.filter((task) => hasFailed(task, view));
  const kept = running.filter((task) => !fail.includes(task));
  const current = kept.filter((task) => task.startedBy === primary?.id);
  const old = kept.filter((task) => task.startedBy !== primary?.id);
  const healthy = (task: TaskRecord) => isHealthy(task, view);

  const surplus = current.slice(desired);
  const spare = Math.max(current.filter(healthy).length + old.filter(healthy).length - least, 0);
  // An old task that serves nobody is no loss.
  const idle = old.filter((task) => !healthy(task));
  const retire = desired === 0 ? kept : [...surplus, ...idle, ...old.filter(healthy).slice(0, spare)];
  const halted = primary?.rolloutState === 'FAILED';
  const start = halted ? 0 : Math.max(Math.min(desired - current.length, most - kept.length), 0);
  const steady = current.filter(healthy).length === desired && live.length === desired;
  return { start, retire, fail, steady };
}

function isHealthy(task: TaskRecord, view: ServiceView): boolean {
  const state = view.targetState(task);
  return task.lastStatus === 'RUNNING' && (state === 'healthy' || state === 'unobserved');
}

function hasFailed(task: TaskRecord, view: ServiceView): boolean {
  if (task.lastStatus !== 'RUNNING' || view.targetState(task) !== 'unhealthy') return false;
  const grace = (view.service.healthCheckGracePeriodSeconds ?? 0) * 1000;
  return view.now.getTime() - (task.startedAt?.getTime() ?? 0) >= grace;
}

/** Failed tasks after which the circuit breaker trips ("How the Amazon ECS deployment circuit breaker detects failures"). */
export function breakerThreshold(desiredCount: number): number {
  return Math.min(Math.max(Math.ceil(desiredCount / 2), 3), 200);
}

/** Milliseconds before the next task after so many failures in a row: doubling, to a minute. */
export function backoffMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(250 * 2 ** (failures - 1), 60_000);
}
