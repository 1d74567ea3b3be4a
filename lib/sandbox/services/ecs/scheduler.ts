/**
 * One loop for each service keeps its tasks as the service wants them: it reads the records, plans, acts, and sleeps
 * until something happens. Whatever it knows is in the records, so a restarted sandbox goes on where it was.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Cloud } from '../../model.ts';
import { healthOf } from '../elbv2/health.ts';
import { endedByItself, note, replaceFirst, settle, tripBreaker } from './deployments.ts';
import { launch, newTask, stop } from './launch.ts';
import { backoffMs, planService, type TargetState } from './plan.ts';
import {
  balancersOf,
  changeService,
  changeTask,
  type Place,
  type ServiceRecord,
  serviceTable,
  type TaskRecord,
  taskKey,
  tasksOfService,
  taskTable,
} from './records.ts';

/** While something is going on; a steady service is looked at each second, for targets that turn unhealthy. */
const busyMs = 100;
const steadyMs = 1000;
/** "Stopped tasks are shown for at least an hour". */
const stoppedTaskLife = 3600_000;

interface Loop {
  readonly stop: AbortController;
  wake: AbortController;
  /** Tasks that are being started or stopped right now. */
  readonly active: Map<string, Promise<void>>;
  /** Tasks that this loop brought up: their end is told, not guessed. */
  readonly launched: Set<string>;
  /** No new task before then, in milliseconds of the cloud's clock. */
  notBefore: number;
  done: Promise<void>;
}

const loops = new WeakMap<Cloud, Map<string, Loop>>();

function loopsOf(cloud: Cloud): Map<string, Loop> {
  const present = loops.get(cloud);
  if (present !== undefined) return present;
  const fresh = new Map<string, Loop>();
  loops.set(cloud, fresh);
  return fresh;
}

/** Starts the loop of a service if it is not running, and has it look at the records now. */
export function schedule(key: string, place: Place): void {
  const present = loopsOf(place.cloud).get(key);
  if (present !== undefined) {
    present.wake.abort();
    return;
  }
  const loop: Loop = {
    stop: new AbortController(),
    wake: new AbortController(),
    active: new Map(),
    launched: new Set(),
    notBefore: 0,
    done: Promise.resolve(),
  };
  loopsOf(place.cloud).set(key, loop);
  const { cloud, accountId, region } = place;
  loop.done = run(key, { cloud, accountId, region }, loop);
}

/** Ends all loops; recorded tasks stay as they are. */
export async function stopSchedulers(cloud: Cloud): Promise<void> {
  const running = [...loopsOf(cloud).values()];
  for (const loop of running) {
    loop.stop.abort();
    loop.wake.abort();
  }
  await Promise.all(running.map((loop) => loop.done));
}

async function run(key: string, place: Place, loop: Loop): Promise<void> {
  try {
    while (!loop.stop.signal.aborted) {
      loop.wake = new AbortController();
      const service = serviceTable(place.cloud).get(key);
      if (service === undefined || service.status === 'INACTIVE') return;
      const steady = tick(key, service, place, loop);
      // What is only recorded does not change by itself.
      if (steady && place.cloud.dataPlane === undefined) return;
      const signal = AbortSignal.any([loop.wake.signal, loop.stop.signal]);
      await delay(steady ? steadyMs : busyMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    await Promise.all(loop.active.values());
  } finally {
    loopsOf(place.cloud).delete(key);
  }
}

function tick(key: string, service: ServiceRecord, place: Place, loop: Loop): boolean {
  countFailures(key, service, place, loop);
  tripBreaker(key, place);
  const current = serviceTable(place.cloud).get(key) ?? service;
  const tasks = tasksOfService(current, key, place);
  const live = tasks.filter((task) => task.lastStatus !== 'STOPPED');
  const now = place.cloud.now();
  const plan = planService({
    service: current,
    live,
    now,
    targetState: (task) => targetState(task, current, place),
  });

  for (const task of plan.fail) {
    const groups = balancersOf(task, current)
      .map((one) => `(target-group ${one.targetGroupArn})`)
      .join(' ');
    end(
      task,
      current,
      place,
      loop,
      'ServiceSchedulerInitiated',
      `Task failed ELB health checks in ${groups}`,
    );
  }
  for (const task of plan.retire) {
    const reason = `Scaling activity initiated by (deployment ${current.deployments?.[0]?.id})`;
    end(task, current, place, loop, 'ServiceSchedulerInitiated', reason);
  }
  if (now.getTime() >= loop.notBefore) begin(plan.start, key, current, place, loop);
  relaunch(live, current, place, loop, key);
  settle(key, plan.steady && loop.active.size === 0, place);
  return serviceTable(place.cloud).get(key)?.Steady ?? false;
}

/** What the task's load balancers have seen of it. */
function targetState(task: TaskRecord, service: ServiceRecord, place: Place): TargetState {
  const [balancer] = balancersOf(task, service);
  if (balancer === undefined) return 'unobserved';
  const address = task.containers?.[0]?.networkInterfaces?.[0]?.privateIpv4Address;
  if (address === undefined) return 'waiting';
  const target = { TargetGroupArn: balancer.targetGroupArn ?? '', Id: address, Port: balancer.containerPort };
  const { State } = healthOf(target, place);
  if (State === 'healthy' || State === 'unhealthy') return State;
  return State === 'unavailable' ? 'unobserved' : 'waiting';
}

function track(task: TaskRecord, loop: Loop, work: Promise<void>): void {
  const arn = task.taskArn ?? '';
  const done = work.finally(() => {
    loop.active.delete(arn);
    loop.wake.abort();
  });
  loop.active.set(arn, done);
}

function begin(count: number, key: string, service: ServiceRecord, place: Place, loop: Loop): void {
  for (let made = 0; made < count; made += 1) {
    const task = newTask(service, key, place);
    const id = (task.taskArn ?? '').split('/').at(-1);
    loop.launched.add(task.taskArn ?? '');
    note(key, place, `(service ${service.serviceName}) has started 1 tasks: (task ${id}).`);
    track(
      task,
      loop,
      launch(task, service, place, () => loop.wake.abort()),
    );
  }
}

/** Recorded tasks that no process stands behind: the sandbox was restarted. They come up again as the same tasks. */
function relaunch(
  live: readonly TaskRecord[],
  service: ServiceRecord,
  place: Place,
  loop: Loop,
  key: string,
): void {
  for (const task of live) {
    const arn = task.taskArn ?? '';
    if (loop.active.has(arn)) continue;
    if (task.desiredStatus === 'STOPPED') {
      track(
        task,
        loop,
        stop(task, service, place, {
          code: task.stopCode ?? 'ServiceSchedulerInitiated',
          reason: task.stoppedReason ?? '',
        }),
      );
      continue;
    }
    if (loop.launched.has(arn) || isUp(task, place)) continue;
    loop.launched.add(arn);
    const id = arn.split('/').at(-1);
    note(
      key,
      place,
      `(service ${service.serviceName}) has restarted (task ${id}) after the sandbox was restarted.`,
    );
    track(
      task,
      loop,
      launch(task, service, place, () => loop.wake.abort()),
    );
  }
}

function isUp(task: TaskRecord, place: Place): boolean {
  const { dataPlane } = place.cloud;
  if (task.lastStatus !== 'RUNNING') return false;
  return dataPlane === undefined || dataPlane.tasks.isRunning(task.taskArn ?? '');
}

type StopCode = NonNullable<TaskRecord['stopCode']>;

function end(
  task: TaskRecord,
  service: ServiceRecord,
  place: Place,
  loop: Loop,
  code: StopCode,
  reason: string,
): void {
  if (loop.active.has(task.taskArn ?? '')) {
    // It is still coming up; `launch` sees the wish and takes it down again.
    taskTable(place.cloud).put(taskKey(task, place), {
      ...task,
      desiredStatus: 'STOPPED',
      stopCode: code,
      stoppedReason: reason,
    });
    return;
  }
  track(task, loop, stop(task, service, place, { code, reason }));
}

/** Counts tasks of the primary deployment that ended by themselves, each once, and spaces the next attempts out. */
function countFailures(key: string, service: ServiceRecord, place: Place, loop: Loop): void {
  const primary = service.deployments?.[0];
  const stopped = tasksOfService(service, key, place).filter((task) => task.lastStatus === 'STOPPED');
  const now = place.cloud.now().getTime();
  for (const task of stopped)
    if (now - (task.stoppedAt?.getTime() ?? 0) > stoppedTaskLife)
      taskTable(place.cloud).delete(taskKey(task, place));
  const fresh = stopped.filter(
    (task) => !task.Counted && task.startedBy === primary?.id && endedByItself(task),
  );
  if (primary === undefined || fresh.length === 0) return;
  const failed = (primary.failedTasks ?? 0) + fresh.length;
  place.cloud.state.transaction(() => {
    for (const task of fresh) changeTask(task, place, () => ({ Counted: true }));
    changeService(key, place.cloud, (record) => ({
      Steady: false,
      deployments: replaceFirst(record, { ...primary, failedTasks: failed, updatedAt: place.cloud.now() }),
    }));
  });
  loop.notBefore = now + backoffMs(failed);
}
