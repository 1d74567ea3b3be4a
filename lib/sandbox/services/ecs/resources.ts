/** Clusters, task definitions and services in CloudFormation. A service is there only once it is steady. */
import { setTimeout as delay } from 'node:timers/promises';
import type * as sdk from '@aws-sdk/client-ecs';
import { generatedName } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler } from '../../model.ts';
import { listOf, numberOf, tagsOf, textOf } from '../properties.ts';
import * as clusters from './clusters.ts';
import { liveCluster, liveService, liveTaskDefinition, maps } from './live-properties.ts';
import {
  changeService,
  existingCluster,
  findCluster,
  findDefinition,
  findService,
  putCluster,
  putDefinition,
  type ServiceRecord,
} from './records.ts';
import * as services from './services.ts';
import * as definitions from './task-definitions.ts';

type Properties = Record<string, unknown>;

const pollMs = 100;

function tags(p: Properties, c: ResourceContext): sdk.Tag[] {
  return Object.entries(tagsOf(p, c)).map(([key, value]) => ({ key, value }));
}

const numbers = new Set([
  'ContainerPort',
  'HostPort',
  'Cpu',
  'Memory',
  'MemoryReservation',
  'StopTimeout',
  'StartTimeout',
  'Interval',
  'Timeout',
  'Retries',
  'StartPeriod',
  'SoftLimit',
  'HardLimit',
  'MaximumPercent',
  'MinimumHealthyPercent',
  'Size',
]);
const flags = new Set([
  'Essential',
  'ReadonlyRootFilesystem',
  'Privileged',
  'InitProcessEnabled',
  'Enable',
  'Rollback',
  'Interactive',
  'PseudoTerminal',
]);

/** The resource types' members are the API's in upper camel case, with numbers and booleans that may arrive as text. */
function apiShape(value: unknown, name = ''): unknown {
  if (Array.isArray(value)) return value.map((one) => apiShape(one));
  if (value !== null && typeof value === 'object') {
    if (maps.has(name)) return value;
    const entries = Object.entries(value).map(([key, one]) => [
      key.charAt(0).toLowerCase() + key.slice(1),
      apiShape(one, key),
    ]);
    return Object.fromEntries(entries) as unknown;
  }
  if (numbers.has(name)) return Number(value);
  if (flags.has(name)) return value === true || value === 'true';
  return value;
}

const cluster: ResourceHandler = {
  type: 'AWS::ECS::Cluster',
  fidelity: 'behaves',
  create(p, c) {
    const clusterName = textOf(p['ClusterName']) ?? generatedName(c, 255);
    clusters.createCluster(
      { clusterName, settings: apiShape(listOf(p['ClusterSettings'])) as sdk.ClusterSetting[] },
      c,
    );
    return applyCluster(clusterName, p, c);
  },
  update: (clusterName, p, _previous, c) => applyCluster(clusterName, p, c),
  read: (clusterName, _p, c) => Promise.resolve(liveCluster(clusterName, c)),
  delete(clusterName, _p, c) {
    if (findCluster(clusterName, c)?.status === 'ACTIVE') clusters.deleteCluster({ cluster: clusterName }, c);
  },
};

function applyCluster(clusterName: string, p: Properties, c: ResourceContext) {
  const record = existingCluster(clusterName, c);
  const settings = apiShape(listOf(p['ClusterSettings'])) as sdk.ClusterSetting[];
  putCluster({ ...record, tags: tags(p, c), settings: settings.length > 0 ? settings : record.settings }, c);
  return { physicalId: clusterName, attributes: { Arn: record.clusterArn } };
}

const taskDefinition: ResourceHandler = {
  type: 'AWS::ECS::TaskDefinition',
  fidelity: 'behaves',
  create(p, c) {
    const { Tags: _tags, Cpu, Memory, ...rest } = p;
    const input = {
      ...(apiShape(rest) as sdk.RegisterTaskDefinitionRequest),
      family: textOf(p['Family']) ?? generatedName(c, 255),
      cpu: textOf(Cpu),
      memory: textOf(Memory),
      tags: tags(p, c),
    };
    const { taskDefinition } = definitions.registerTaskDefinition(input, c, c.token);
    const arn = taskDefinition.taskDefinitionArn ?? '';
    return { physicalId: arn, attributes: { TaskDefinitionArn: arn } };
  },
  update(arn, p, _previous, c) {
    const record = findDefinition(arn, c);
    if (record !== undefined) putDefinition({ ...record, Tags: tags(p, c) }, c);
    return { physicalId: arn, attributes: { TaskDefinitionArn: arn } };
  },
  read: (arn, _p, c) => Promise.resolve(liveTaskDefinition(arn, c)),
  delete(arn, _p, c) {
    if (findDefinition(arn, c)?.status === 'ACTIVE')
      definitions.deregisterTaskDefinition({ taskDefinition: arn }, c);
  },
};

function settingsOf(p: Properties) {
  return {
    taskDefinition: textOf(p['TaskDefinition']),
    desiredCount: numberOf(p['DesiredCount']),
    platformVersion: textOf(p['PlatformVersion']),
    networkConfiguration: vpcShape(p['NetworkConfiguration']),
    loadBalancers: apiShape(listOf(p['LoadBalancers'])) as sdk.LoadBalancer[],
    deploymentConfiguration: apiShape(p['DeploymentConfiguration']) as
      | sdk.DeploymentConfiguration
      | undefined,
    healthCheckGracePeriodSeconds: numberOf(p['HealthCheckGracePeriodSeconds']),
    enableECSManagedTags: p['EnableECSManagedTags'] === true || p['EnableECSManagedTags'] === 'true',
    enableExecuteCommand: p['EnableExecuteCommand'] === true || p['EnableExecuteCommand'] === 'true',
    propagateTags: p['PropagateTags'] as sdk.PropagateTags | undefined,
    availabilityZoneRebalancing: p['AvailabilityZoneRebalancing'] as
      | sdk.AvailabilityZoneRebalancing
      | undefined,
  };
}

/** `AwsvpcConfiguration` is one word in the API too. */
function vpcShape(value: unknown): sdk.NetworkConfiguration | undefined {
  return value === undefined ? undefined : (apiShape(value) as sdk.NetworkConfiguration);
}

function outcome(service: ServiceRecord) {
  const { serviceArn = '', serviceName } = service;
  return { physicalId: serviceArn, attributes: { ServiceArn: serviceArn, Name: serviceName } };
}

const service: ResourceHandler = {
  type: 'AWS::ECS::Service',
  fidelity: 'behaves',
  async create(p, c) {
    const input = {
      ...settingsOf(p),
      desiredCount: numberOf(p['DesiredCount']) ?? 1,
      cluster: textOf(p['Cluster']),
      serviceName: textOf(p['ServiceName']) ?? generatedName(c, 255),
      launchType: p['LaunchType'] as sdk.LaunchType | undefined,
      deploymentController: apiShape(p['DeploymentController']) as sdk.DeploymentController | undefined,
      tags: tags(p, c),
    };
    const { service: created } = services.createService(input, c, c.token);
    // A service that never becomes steady goes with its stack's rollback, and its cluster after it.
    c.initiated?.(created.serviceArn ?? '');
    return outcome(await steady(textOf(p['Cluster']), created, c));
  },
  async update(arn, p, _previous, c) {
    const input = { ...settingsOf(p), cluster: textOf(p['Cluster']), service: arn };
    const { service: updated } = services.updateService(input, c);
    changeService(services.keyOf(updated, c), c.cloud, () => ({ tags: tags(p, c) }));
    return outcome(await steady(textOf(p['Cluster']), updated, c));
  },
  read: (arn, p, c) => Promise.resolve(liveService(arn, p, c)),
  async delete(arn, p, c) {
    const present = () => {
      const home = findCluster(textOf(p['Cluster']), c);
      const record = home && findService(home, arn, c);
      return record?.status === 'INACTIVE' ? undefined : record;
    };
    if (present()?.status === 'ACTIVE')
      services.deleteService({ cluster: textOf(p['Cluster']), service: arn, force: true }, c);
    while (present() !== undefined) await pause(c);
  },
};

/**
 * Waits until the deployment that this operation asked for has ended. Without a circuit breaker that may be never, as
 * on AWS, where CloudFormation gives up after three hours.
 */
async function steady(
  clusterReference: string | undefined,
  asked: sdk.Service,
  c: ResourceContext,
): Promise<ServiceRecord> {
  const deploymentId = asked.deployments?.[0]?.id;
  for (;;) {
    const home = existingCluster(clusterReference, c);
    const record = findService(home, asked.serviceName ?? '', c);
    if (record === undefined || record.status !== 'ACTIVE')
      throw new AwsError('ServiceNotActiveException', 'Service was not ACTIVE.');
    const ended = record.Results.find((result) => result.id === deploymentId);
    if (ended?.state === 'FAILED') {
      throw new AwsError(
        'GeneralServiceException',
        `Error occurred during operation 'ECS Deployment Circuit Breaker was triggered'. The last task of ${deploymentId} stopped: ${ended.reason}`,
      );
    }
    if (record.Steady && record.deployments?.[0]?.id === deploymentId) return record;
    await pause(c);
  }
}

async function pause(c: ResourceContext): Promise<void> {
  await delay(pollMs, undefined, { signal: c.signal }).catch(() => {
    throw new AwsError('OperationCancelled', 'The wait for the service was cancelled.');
  });
}

export const resources: readonly ResourceHandler[] = [cluster, taskDefinition, service];
