/** A service's deployments and events: how they begin, complete, fail, and roll back. */
import { randomUUID } from 'node:crypto';
import type { Deployment, ServiceEvent } from '@aws-sdk/client-ecs';
import { generatedId } from '../../identifiers.ts';
import { breakerThreshold } from './plan.ts';
import {
  changeService,
  type Place,
  type ServiceRecord,
  serviceTable,
  type TaskRecord,
  tasksOfService,
} from './records.ts';

const keptEvents = 100;

export function endedByItself(task: TaskRecord): boolean {
  if (task.stopCode === 'ServiceSchedulerInitiated')
    return task.stoppedReason?.startsWith('Task failed ELB') ?? false;
  return task.stopCode !== 'UserInitiated';
}

export function replaceFirst(service: ServiceRecord, deployment: Deployment): Deployment[] {
  return [deployment, ...(service.deployments ?? []).slice(1)];
}

/** Fails a deployment whose tasks keep failing, and goes back to the last one that worked where the service asks for it. */
export function tripBreaker(key: string, place: Place): void {
  changeService(key, place.cloud, (service) => {
    const [primary, ...others] = service.deployments ?? [];
    const breaker = service.deploymentConfiguration?.deploymentCircuitBreaker;
    const failures = primary?.failedTasks ?? 0;
    if (
      !breaker?.enable ||
      primary?.rolloutState !== 'IN_PROGRESS' ||
      failures < breakerThreshold(service.desiredCount ?? 0)
    )
      return {};
    const rolloutStateReason = 'ECS deployment circuit breaker: tasks failed to start.';
    const failed: Deployment = { ...primary, rolloutState: 'FAILED', rolloutStateReason };
    const Results = [
      ...service.Results,
      { id: primary.id ?? '', state: 'FAILED' as const, reason: lastReason(service, key, place) },
    ].slice(-10);
    const says = `(service ${service.serviceName}) (deployment ${primary.id}) deployment failed: tasks failed to start.`;
    const events = withEvent(service.events, place, says);
    if (!breaker.rollback || service.LastGood === undefined || service.LastGood === primary.taskDefinition)
      return { deployments: [failed, ...others], Results, events };
    const back = newDeployment(service, service.LastGood, place);
    return {
      taskDefinition: service.LastGood,
      loadBalancers: service.LastGoodBalancers ?? service.loadBalancers ?? [],
      deployments: [back, { ...failed, status: 'ACTIVE' }, ...others],
      Results,
      events: withEvent(
        events,
        place,
        `(service ${service.serviceName}) rolling back to deployment ${back.id}.`,
      ),
    };
  });
}

/** Why the newest failed task of the primary deployment stopped. */
function lastReason(service: ServiceRecord, key: string, place: Place): string {
  const ended = tasksOfService(service, key, place)
    .filter(
      (task) =>
        task.startedBy === service.deployments?.[0]?.id &&
        task.lastStatus === 'STOPPED' &&
        endedByItself(task),
    )
    .sort((one, other) => (one.stoppedAt?.getTime() ?? 0) - (other.stoppedAt?.getTime() ?? 0));
  const task = ended.at(-1);
  const exitCode = task?.containers?.[0]?.exitCode;
  const code = exitCode === undefined ? '' : ` (exit code ${exitCode})`;
  return `${task?.stoppedReason ?? 'No task has stopped'}${code}`;
}

export function newDeployment(
  service: Pick<ServiceRecord, 'desiredCount' | 'networkConfiguration' | 'platformVersion'>,
  taskDefinition: string,
  place: Place,
): Deployment {
  const now = place.cloud.now();
  return {
    id: `ecs-svc/${BigInt(`0x1${generatedId(randomUUID(), '', 15)}`)
      .toString()
      .slice(0, 19)}`,
    status: 'PRIMARY',
    taskDefinition,
    desiredCount: service.desiredCount,
    pendingCount: 0,
    runningCount: 0,
    failedTasks: 0,
    createdAt: now,
    updatedAt: now,
    launchType: 'FARGATE',
    platformVersion: service.platformVersion,
    platformFamily: 'Linux',
    networkConfiguration: service.networkConfiguration,
    rolloutState: 'IN_PROGRESS',
    rolloutStateReason: 'ECS deployment in progress.',
  };
}

/** Records whether the service is steady, and completes the deployment the first time that it is. */
export function settle(key: string, steady: boolean, place: Place): void {
  const before = serviceTable(place.cloud).get(key);
  if (before?.status === 'DRAINING' && steady) {
    changeService(key, place.cloud, () => ({ status: 'INACTIVE', Steady: true, deployments: [] }));
    return;
  }
  const [primary] = before?.deployments ?? [];
  if (before === undefined || primary === undefined) return;
  if (!steady || primary.rolloutState === 'FAILED') {
    if (before.Steady) changeService(key, place.cloud, () => ({ Steady: false }));
    return;
  }
  if (before.Steady && primary.rolloutState === 'COMPLETED') return;
  changeService(key, place.cloud, (service) => {
    const completed: Deployment = {
      ...primary,
      failedTasks: 0,
      rolloutState: 'COMPLETED',
      rolloutStateReason: `ECS deployment ${primary.id} completed.`,
      updatedAt: place.cloud.now(),
    };
    const isFirst = primary.rolloutState !== 'COMPLETED';
    const result = { id: primary.id ?? '', state: 'COMPLETED' as const, reason: '' };
    return {
      Steady: true,
      LastGood: primary.taskDefinition ?? '',
      LastGoodBalancers: service.loadBalancers ?? [],
      deployments: [completed],
      Results: isFirst ? [...service.Results, result].slice(-10) : service.Results,
      events: withEvent(
        service.events,
        place,
        `(service ${service.serviceName}) has reached a steady state.`,
      ),
    };
  });
}

export function note(key: string, place: Place, message: string): void {
  changeService(key, place.cloud, (service) => ({ events: withEvent(service.events, place, message) }));
}

/** Newest first, a hundred at most, as DescribeServices shows them. */
function withEvent(
  events: readonly ServiceEvent[] | undefined,
  place: Place,
  message: string,
): ServiceEvent[] {
  return [{ id: randomUUID(), createdAt: place.cloud.now(), message }, ...(events ?? [])].slice(
    0,
    keptEvents,
  );
}
