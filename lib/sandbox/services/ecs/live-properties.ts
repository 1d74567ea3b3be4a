/** Clusters, task definitions and services as CloudFormation reads them, for drift detection. */
import type { Tag } from '@aws-sdk/client-ecs';
import { findCluster, findDefinition, findService, type Place } from './records.ts';

type Properties = Record<string, unknown>;

/** Members whose keys are the user's own and stay as they are. */
export const maps = new Set(['DockerLabels', 'Options', 'DriverOpts', 'Labels']);

/** The API's members in upper camel case, as the resource types have them. */
function templateShape(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => templateShape(one));
  if (value === null || typeof value !== 'object' || maps.has(name)) return value;
  const entries = Object.entries(value).map(([key, one]) => {
    const upper = key.charAt(0).toUpperCase() + key.slice(1);
    return [upper, templateShape(one, upper)];
  });
  return Object.fromEntries(entries) as unknown;
}

const tagsOf = (tags: readonly Tag[] | undefined) =>
  (tags ?? []).map(({ key = '', value = '' }) => ({ Key: key, Value: value }));

export function liveCluster(clusterName: string, place: Place): Properties | undefined {
  const record = findCluster(clusterName, place);
  if (record?.status !== 'ACTIVE') return undefined;
  return {
    ClusterName: record.clusterName,
    ClusterSettings: templateShape(record.settings),
    Tags: tagsOf(record.tags),
  };
}

/** A deregistered revision starts no tasks any more: for its stack it is gone. */
export function liveTaskDefinition(arn: string, place: Place): Properties | undefined {
  const record = findDefinition(arn, place);
  if (record?.status !== 'ACTIVE') return undefined;
  const { containerDefinitions, runtimePlatform, volumes } = record;
  return {
    Family: record.family,
    Cpu: record.cpu,
    Memory: record.memory,
    NetworkMode: record.networkMode,
    ExecutionRoleArn: record.executionRoleArn,
    TaskRoleArn: record.taskRoleArn,
    RequiresCompatibilities: record.requiresCompatibilities,
    ContainerDefinitions: templateShape(containerDefinitions),
    RuntimePlatform: templateShape(runtimePlatform),
    Volumes: templateShape(volumes),
    Tags: tagsOf(record.Tags),
  };
}

export function liveService(arn: string, p: Properties, place: Place): Properties | undefined {
  const cluster = findCluster(p['Cluster'] as string | undefined, place);
  const record = cluster && findService(cluster, arn, place);
  if (record === undefined || record.status !== 'ACTIVE') return undefined;
  return {
    // A template may name the cluster by its name or its ARN.
    Cluster: p['Cluster'],
    ServiceName: record.serviceName,
    TaskDefinition: record.taskDefinition,
    DesiredCount: record.desiredCount,
    LaunchType: record.launchType,
    SchedulingStrategy: record.schedulingStrategy,
    PlatformVersion: record.platformVersion,
    NetworkConfiguration: templateShape(record.networkConfiguration),
    LoadBalancers: templateShape(record.loadBalancers),
    DeploymentConfiguration: templateShape(record.deploymentConfiguration),
    HealthCheckGracePeriodSeconds: record.healthCheckGracePeriodSeconds,
    EnableECSManagedTags: record.enableECSManagedTags,
    EnableExecuteCommand: record.enableExecuteCommand,
    PropagateTags: record.propagateTags,
    AvailabilityZoneRebalancing: record.availabilityZoneRebalancing,
    Tags: tagsOf(record.tags),
  };
}
