/** Clusters, task definitions, services and tasks as they are kept, and how requests name them. */
import type { Cluster, LoadBalancer, Service, Tag, Task, TaskDefinition } from '@aws-sdk/client-ecs';
import { recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call, type Cloud, type Table } from '../../model.ts';

export type TaskDefinitionRecord = TaskDefinition & { Tags: Tag[]; CreatedBy: string };

interface DeploymentResult {
  readonly id: string;
  readonly state: 'COMPLETED' | 'FAILED';
  readonly reason: string;
}

export type ServiceRecord = Service & {
  readonly CreatedBy: string;
  /** All tasks of the primary deployment run and are healthy, and no others are left. */
  readonly Steady: boolean;
  /** How the last deployments ended, the newest last. */
  readonly Results: readonly DeploymentResult[];
  /** The task definition of the last deployment that reached a steady state: what a rollback goes back to. */
  readonly LastGood?: string;
  /** The target groups of that deployment. */
  readonly LastGoodBalancers?: LoadBalancer[];
};

export type TaskRecord = Task & {
  readonly ServiceKey: string;
  /** The task's failure is in its deployment's `failedTasks`. */
  readonly Counted?: boolean;
  /** The target groups of the deployment that started it; absent in state of before they were kept. */
  readonly Balancers?: readonly LoadBalancer[];
};

/** Where a task is registered: a service that changes to other target groups leaves its older tasks where they are. */
export function balancersOf(task: TaskRecord, service: ServiceRecord): readonly LoadBalancer[] {
  return task.Balancers ?? service.loadBalancers ?? [];
}

/** Where a background activity works: an account and Region of one cloud. */
export type Place = Pick<Call, 'accountId' | 'region' | 'cloud'>;

const clusterTable = (place: Place): Table<Cluster> => place.cloud.state.table('ecs.clusters');
const definitionTable = (place: Place): Table<TaskDefinitionRecord> =>
  place.cloud.state.table('ecs.task-definitions');
export const serviceTable = (cloud: Cloud): Table<ServiceRecord> => cloud.state.table('ecs.services');
export const taskTable = (cloud: Cloud): Table<TaskRecord> => cloud.state.table('ecs.tasks');

/** Requests name a cluster by name or ARN; without one it is `default`. */
function clusterName(reference: string | undefined): string {
  return reference?.replace(/^arn:.*:cluster\//, '') ?? 'default';
}

export function findCluster(reference: string | undefined, place: Place): Cluster | undefined {
  return clusterTable(place).get(recordKey(place, clusterName(reference)));
}

export function existingCluster(reference: string | undefined, place: Place): Cluster {
  const cluster = findCluster(reference, place);
  if (cluster === undefined || cluster.status !== 'ACTIVE')
    throw new AwsError('ClusterNotFoundException', 'Cluster not found.');
  return cluster;
}

export const listClusterRecords = (place: Place): Cluster[] => clusterTable(place).list(recordKey(place));

export function putCluster(cluster: Cluster, place: Place): void {
  clusterTable(place).put(recordKey(place, cluster.clusterName), cluster);
}

export function serviceKey(cluster: Cluster, serviceName: string, place: Place): string {
  return recordKey(place, `${cluster.clusterName}/${serviceName}`);
}

/** By name or by ARN (`…:service/<cluster>/<name>`). */
export function findService(cluster: Cluster, reference: string, place: Place): ServiceRecord | undefined {
  const name = reference.startsWith('arn:') ? (reference.split('/').at(-1) ?? '') : reference;
  return serviceTable(place.cloud).get(serviceKey(cluster, name, place));
}

export function existingService(
  cluster: Cluster,
  reference: string | undefined,
  place: Place,
): ServiceRecord {
  const service = findService(cluster, reference ?? '', place);
  if (service === undefined) throw new AwsError('ServiceNotFoundException', 'Service not found.');
  if (service.status !== 'ACTIVE') throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
  return service;
}

export function servicesOf(cluster: Cluster, place: Place): ServiceRecord[] {
  return serviceTable(place.cloud).list(recordKey(place, `${cluster.clusterName}/`));
}

/** Changes the record as it is now; undefined when it is gone. */
export function changeService(
  key: string,
  cloud: Cloud,
  change: (service: ServiceRecord) => Partial<ServiceRecord>,
): ServiceRecord | undefined {
  const before = serviceTable(cloud).get(key);
  if (before === undefined) return undefined;
  const after = { ...before, ...change(before) };
  serviceTable(cloud).put(key, after);
  return after;
}

export function taskKey(task: Pick<Task, 'taskArn'>, place: Place): string {
  return recordKey(place, (task.taskArn ?? '').replace(/^arn:.*:task\//, ''));
}

export function tasksOfCluster(cluster: Cluster, place: Place): TaskRecord[] {
  return taskTable(place.cloud).list(recordKey(place, `${cluster.clusterName}/`));
}

/** Tasks of one service, the stopped ones that are still shown included. */
export function tasksOfService(service: ServiceRecord, key: string, place: Place): TaskRecord[] {
  const cluster = (service.clusterArn ?? '').replace(/^.*:cluster\//, '');
  return taskTable(place.cloud)
    .list(recordKey(place, `${cluster}/`))
    .filter((task) => task.ServiceKey === key);
}

export function changeTask(
  task: Pick<Task, 'taskArn'>,
  place: Place,
  change: (task: TaskRecord) => Partial<TaskRecord>,
): void {
  const key = taskKey(task, place);
  const before = taskTable(place.cloud).get(key);
  if (before !== undefined)
    taskTable(place.cloud).put(key, { ...before, ...change(before), version: (before.version ?? 1) + 1 });
}

const revisionKey = (family: string, revision: number) => `${family}:${String(revision).padStart(9, '0')}`;

export function putDefinition(definition: TaskDefinitionRecord, place: Place): void {
  const id = revisionKey(definition.family ?? '', definition.revision ?? 0);
  definitionTable(place).put(recordKey(place, id), definition);
}

export function listDefinitions(place: Place, family?: string): TaskDefinitionRecord[] {
  return definitionTable(place).list(recordKey(place, family === undefined ? '' : `${family}:`));
}

/** By ARN, by `family:revision`, or the newest active one of a family. */
export function findDefinition(
  reference: string | undefined,
  place: Place,
): TaskDefinitionRecord | undefined {
  const name = (reference ?? '').replace(/^arn:.*:task-definition\//, '');
  const [family = '', revision] = name.split(':');
  if (revision !== undefined)
    return definitionTable(place).get(recordKey(place, revisionKey(family, Number(revision))));
  return listDefinitions(place, family)
    .filter((one) => one.status === 'ACTIVE')
    .at(-1);
}

export function existingDefinition(reference: string | undefined, place: Place): TaskDefinitionRecord {
  const definition = findDefinition(reference, place);
  if (definition === undefined) throw new AwsError('ClientException', 'Unable to describe task definition.');
  return definition;
}

export function ecsArn(place: Place, resource: string): string {
  return regionalArn('ecs', place, resource);
}
