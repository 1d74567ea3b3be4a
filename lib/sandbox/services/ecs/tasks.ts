/** Tasks as requests see them. */
import type { DescribeTasksRequest, ListTasksRequest, StopTaskRequest, Task } from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { stop } from './launch.ts';
import {
  ecsArn,
  existingCluster,
  findService,
  serviceTable,
  type TaskRecord,
  tasksOfCluster,
} from './records.ts';
import { schedule } from './scheduler.ts';

function shown(record: TaskRecord, withTags: boolean): Task {
  const { ServiceKey: _serviceKey, Counted: _counted, Balancers: _balancers, ...task } = record;
  return { ...task, tags: withTags ? (task.tags ?? []) : [] };
}

const idOf = (reference: string) => reference.split('/').at(-1) ?? '';

export function listTasks(input: ListTasksRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  const service = input.serviceName && findService(cluster, input.serviceName, call);
  if (input.serviceName !== undefined && !service)
    throw new AwsError('ServiceNotFoundException', 'Service not found.');
  const arns = tasksOfCluster(cluster, call)
    .filter((task) => task.desiredStatus === (input.desiredStatus ?? 'RUNNING'))
    .filter((task) => !service || task.group === `service:${service.serviceName}`)
    .filter((task) => input.family === undefined || familyOf(task) === input.family)
    .filter((task) => input.startedBy === undefined || task.startedBy === input.startedBy)
    .map((task) => task.taskArn ?? '');
  const page = pageOf(arns, {
    keyOf: (arn) => arn,
    marker: input.nextToken,
    limit: input.maxResults ?? 100,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return { taskArns: page.items, nextToken: page.next };
}

function familyOf(task: Task): string | undefined {
  return /:task-definition\/([^:]+)/.exec(task.taskDefinitionArn ?? '')?.[1];
}

export function describeTasks(input: DescribeTasksRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  const all = tasksOfCluster(cluster, call);
  const found = (input.tasks ?? []).map((reference) => ({
    reference,
    task: all.find((task) => idOf(task.taskArn ?? '') === idOf(reference)),
  }));
  const withTags = input.include?.includes('TAGS') ?? false;
  return {
    tasks: found.flatMap(({ task }) => (task ? [shown(task, withTags)] : [])),
    failures: found.flatMap(({ reference, task }) =>
      task
        ? []
        : [{ arn: ecsArn(call, `task/${cluster.clusterName}/${idOf(reference)}`), reason: 'MISSING' }],
    ),
  };
}

/** The task is stopping when this returns; its service starts another one. */
export function stopTask(input: StopTaskRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  const find = () =>
    tasksOfCluster(cluster, call).find((one) => idOf(one.taskArn ?? '') === idOf(input.task ?? ''));
  const task = find();
  const service = task && serviceTable(call.cloud).get(task.ServiceKey);
  if (task === undefined || service === undefined)
    throw new AwsError('InvalidParameterException', 'The referenced task was not found.');
  const reason = input.reason ?? 'Task stopped by user';
  void stop(task, service, call, { code: 'UserInitiated', reason }).then(() =>
    schedule(task.ServiceKey, call),
  );
  return { task: shown(find() ?? task, true) };
}
