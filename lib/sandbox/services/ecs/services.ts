/** Services as requests see them; the scheduler does the work. */
import type {
  CreateServiceRequest,
  DeleteServiceRequest,
  DescribeServicesRequest,
  ListServicesRequest,
  Service,
  UpdateServiceRequest,
} from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { securityGroups, subnets } from '../ec2/kinds.ts';
import { existing as existingEc2 } from '../ec2/records.ts';
import { existing as existingElb, loadBalancersUsing, targetGroups } from '../elbv2/records.ts';
import { newDeployment } from './deployments.ts';
import {
  changeService,
  ecsArn,
  existingCluster,
  existingDefinition,
  existingService,
  findService,
  type ServiceRecord,
  serviceKey,
  servicesOf,
  serviceTable,
  tasksOfService,
} from './records.ts';
import { schedule } from './scheduler.ts';

type Settings = Pick<CreateServiceRequest, 'networkConfiguration' | 'loadBalancers' | 'taskDefinition'>;

function check(settings: Settings, call: Call): void {
  const vpc = settings.networkConfiguration?.awsvpcConfiguration;
  if (vpc === undefined || (vpc.subnets ?? []).length === 0) {
    throw new AwsError(
      'InvalidParameterException',
      `Network Configuration must be provided when networkMode 'awsvpc' is specified.`,
    );
  }
  try {
    for (const id of vpc.subnets ?? []) existingEc2(subnets, id, call);
    for (const id of vpc.securityGroups ?? []) existingEc2(securityGroups, id, call);
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new AwsError(
      'InvalidParameterException',
      `Error retrieving network information: ${error.message} (ErrorCode: ${error.code})`,
    );
  }
  const definition = existingDefinition(settings.taskDefinition, call);
  if (definition.status !== 'ACTIVE') throw new AwsError('ClientException', 'TaskDefinition is inactive');
  for (const balancer of settings.loadBalancers ?? []) {
    const container = definition.containerDefinitions?.find((one) => one.name === balancer.containerName);
    if (container === undefined)
      throw new AwsError(
        'InvalidParameterException',
        `The container ${balancer.containerName} does not exist in the task definition.`,
      );
    if (!container.portMappings?.some((mapping) => mapping.containerPort === balancer.containerPort)) {
      throw new AwsError(
        'InvalidParameterException',
        `The container ${balancer.containerName} did not have a container port ${balancer.containerPort} defined.`,
      );
    }
    const arn = balancer.targetGroupArn ?? '';
    existingElb(targetGroups, arn, call);
    if (loadBalancersUsing(arn, call).length === 0) {
      throw new AwsError(
        'InvalidParameterException',
        `The target group with targetGroupArn ${arn} does not have an associated load balancer.`,
      );
    }
  }
}

/** What the sandbox's services cannot be; accepting it would promise what nothing does. */
function refuseUnsupported(input: CreateServiceRequest): void {
  const refuse = (what: string) => {
    throw new AwsError('InvalidParameterException', `The sandbox does not run services with ${what}.`);
  };
  if (input.launchType !== undefined && input.launchType !== 'FARGATE')
    refuse(`launch type ${input.launchType}`);
  if ((input.capacityProviderStrategy ?? []).length > 0) refuse('a capacity provider strategy');
  if ((input.serviceRegistries ?? []).length > 0) refuse('service registries');
  if (input.serviceConnectConfiguration?.enabled === true) refuse('Service Connect');
  if (input.schedulingStrategy === 'DAEMON') refuse('the DAEMON scheduling strategy');
  if (input.deploymentController !== undefined && input.deploymentController.type !== 'ECS')
    refuse(`the ${input.deploymentController.type} deployment controller`);
  if (
    input.deploymentConfiguration?.strategy !== undefined &&
    input.deploymentConfiguration.strategy !== 'ROLLING'
  )
    refuse(`the ${input.deploymentConfiguration.strategy} deployment strategy`);
}

export function createService(
  input: CreateServiceRequest,
  call: Call,
  token = input.clientToken ?? call.requestId,
) {
  const cluster = existingCluster(input.cluster, call);
  const serviceName = input.serviceName ?? '';
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{0,254}$/.test(serviceName))
    throw new AwsError('InvalidParameterException', 'Unable to Start a service with an invalid name.');
  const present = findService(cluster, serviceName, call);
  if (present !== undefined && present.status !== 'INACTIVE') {
    if (present.CreatedBy === token) return { service: shown(present, call) };
    throw new AwsError('InvalidParameterException', 'Creation of service was not idempotent.');
  }
  refuseUnsupported(input);
  check(input, call);
  const definition = existingDefinition(input.taskDefinition, call);
  const base: ServiceRecord = {
    serviceArn: ecsArn(call, `service/${cluster.clusterName}/${serviceName}`),
    serviceName,
    clusterArn: cluster.clusterArn,
    status: 'ACTIVE',
    desiredCount: input.desiredCount ?? 0,
    launchType: 'FARGATE',
    platformVersion: input.platformVersion ?? 'LATEST',
    platformFamily: 'Linux',
    taskDefinition: definition.taskDefinitionArn,
    deploymentConfiguration: {
      ...input.deploymentConfiguration,
      maximumPercent: input.deploymentConfiguration?.maximumPercent ?? 200,
      minimumHealthyPercent: input.deploymentConfiguration?.minimumHealthyPercent ?? 100,
      strategy: 'ROLLING',
    },
    loadBalancers: input.loadBalancers ?? [],
    serviceRegistries: [],
    networkConfiguration: input.networkConfiguration,
    healthCheckGracePeriodSeconds: input.healthCheckGracePeriodSeconds ?? 0,
    schedulingStrategy: 'REPLICA',
    deploymentController: { type: 'ECS' },
    enableECSManagedTags: input.enableECSManagedTags ?? false,
    enableExecuteCommand: input.enableExecuteCommand ?? false,
    propagateTags: input.propagateTags ?? 'NONE',
    availabilityZoneRebalancing: input.availabilityZoneRebalancing ?? 'ENABLED',
    placementConstraints: [],
    placementStrategy: [],
    tags: input.tags ?? [],
    events: [],
    createdAt: call.cloud.now(),
    createdBy: call.principalArn,
    CreatedBy: token,
    Steady: false,
    Results: [],
  };
  const service = { ...base, deployments: [newDeployment(base, definition.taskDefinitionArn ?? '', call)] };
  const key = serviceKey(cluster, serviceName, call);
  serviceTable(call.cloud).put(key, service);
  schedule(key, call);
  return { service: shown(service, call) };
}

/** With the counts of its tasks as they are now. */
function shown(record: ServiceRecord, call: Call, withTags = true): Service {
  const {
    CreatedBy: _createdBy,
    Steady: _steady,
    Results: _results,
    LastGood: _lastGood,
    LastGoodBalancers: _lastGoodBalancers,
    ...service
  } = record;
  const key = keyOf(record, call);
  const tasks = tasksOfService(record, key, call);
  const count = (status: readonly string[], deployment?: string) =>
    tasks.filter(
      (task) =>
        status.includes(task.lastStatus ?? '') && (deployment === undefined || task.startedBy === deployment),
    ).length;
  const running = ['RUNNING'];
  const pending = ['PROVISIONING', 'PENDING'];
  return {
    ...service,
    runningCount: count(running),
    pendingCount: count(pending),
    deployments: (service.deployments ?? []).map((one) => ({
      ...one,
      runningCount: count(running, one.id),
      pendingCount: count(pending, one.id),
    })),
    tags: withTags ? (service.tags ?? []) : [],
  };
}

export function keyOf(service: Service, call: Call): string {
  const clusterName = (service.clusterArn ?? '').replace(/^.*:cluster\//, '');
  return serviceKey({ clusterName }, service.serviceName ?? '', call);
}

export function updateService(input: UpdateServiceRequest, call: Call): { service: Service } {
  const cluster = existingCluster(input.cluster, call);
  const before = existingService(cluster, input.service, call);
  const settings = {
    networkConfiguration: input.networkConfiguration ?? before.networkConfiguration,
    loadBalancers: input.loadBalancers ?? before.loadBalancers,
    taskDefinition: input.taskDefinition ?? before.taskDefinition,
  };
  refuseUnsupported({ ...input, serviceName: before.serviceName });
  check(settings, call);
  const taskDefinition = existingDefinition(settings.taskDefinition, call).taskDefinitionArn ?? '';
  const key = keyOf(before, call);
  const after = changeService(key, call.cloud, (service) => {
    const desiredCount = input.desiredCount ?? service.desiredCount;
    const next = {
      ...settings,
      taskDefinition,
      desiredCount,
      platformVersion: input.platformVersion ?? service.platformVersion,
      healthCheckGracePeriodSeconds:
        input.healthCheckGracePeriodSeconds ?? service.healthCheckGracePeriodSeconds,
      deploymentConfiguration: { ...service.deploymentConfiguration, ...input.deploymentConfiguration },
      enableExecuteCommand: input.enableExecuteCommand ?? service.enableExecuteCommand,
      enableECSManagedTags: input.enableECSManagedTags ?? service.enableECSManagedTags,
      propagateTags: input.propagateTags ?? service.propagateTags,
    };
    const [primary, ...others] = service.deployments ?? [];
    const rolls = input.forceNewDeployment === true || needsNewTasks(service, next);
    const deployments = rolls
      ? [
          newDeployment(next, taskDefinition, call),
          ...(primary ? [{ ...primary, status: 'ACTIVE' }] : []),
          ...others,
        ]
      : [{ ...primary, desiredCount }, ...others];
    return { ...next, deployments, Steady: false };
  });
  schedule(key, call);
  return { service: shown(after ?? before, call) };
}

/** Whether running tasks differ from what the service now asks for. */
function needsNewTasks(
  before: ServiceRecord,
  after: Settings & { platformVersion: string | undefined },
): boolean {
  const parts = (one: typeof after) =>
    JSON.stringify([one.taskDefinition, one.networkConfiguration, one.loadBalancers, one.platformVersion]);
  return parts({ ...before, platformVersion: before.platformVersion }) !== parts(after);
}

export function deleteService(input: DeleteServiceRequest, call: Call): { service: Service } {
  const cluster = existingCluster(input.cluster, call);
  const before = existingService(cluster, input.service, call);
  if ((before.desiredCount ?? 0) > 0 && input.force !== true)
    throw new AwsError(
      'InvalidParameterException',
      'The service cannot be stopped while it is scaled above 0.',
    );
  const key = keyOf(before, call);
  const after = changeService(key, call.cloud, () => ({
    status: 'DRAINING',
    desiredCount: 0,
    Steady: false,
  }));
  schedule(key, call);
  return { service: shown(after ?? before, call) };
}

export function describeServices(input: DescribeServicesRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  const found = (input.services ?? []).map((reference) => ({
    reference,
    service: findService(cluster, reference, call),
  }));
  const withTags = input.include?.includes('TAGS') ?? false;
  return {
    services: found.flatMap(({ service }) => (service ? [shown(service, call, withTags)] : [])),
    failures: found.flatMap(({ reference, service }) =>
      service
        ? []
        : [
            {
              arn: reference.startsWith('arn:')
                ? reference
                : ecsArn(call, `service/${cluster.clusterName}/${reference}`),
              reason: 'MISSING',
            },
          ],
    ),
  };
}

export function listServices(input: ListServicesRequest, call: Call) {
  const cluster = existingCluster(input.cluster, call);
  const arns = servicesOf(cluster, call)
    .filter((service) => service.status !== 'INACTIVE')
    .map((service) => service.serviceArn ?? '');
  const page = pageOf(arns, {
    keyOf: (arn) => arn,
    marker: input.nextToken,
    limit: input.maxResults ?? 10,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return { serviceArns: page.items, nextToken: page.next };
}
