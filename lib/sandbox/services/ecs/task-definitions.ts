/** Task definitions and their revisions. */
import type {
  ContainerDefinition,
  DeregisterTaskDefinitionRequest,
  DescribeTaskDefinitionRequest,
  ListTaskDefinitionsRequest,
  RegisterTaskDefinitionRequest,
} from '@aws-sdk/client-ecs';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import {
  ecsArn,
  existingDefinition,
  listDefinitions,
  putDefinition,
  type TaskDefinitionRecord,
} from './records.ts';

/** Task sizes of Fargate, CPU units → MiB from, to and in steps of ("Amazon ECS task definition parameters for Fargate"). */
const fargateSizes: Readonly<Record<string, readonly number[]>> = {
  '256': [512, 1024, 2048],
  '512': [1024, 2048, 3072, 4096],
  '1024': range(2, 8, 1),
  '2048': range(4, 16, 1),
  '4096': range(8, 30, 1),
  '8192': range(16, 60, 4),
  '16384': range(32, 120, 8),
};

function range(from: number, to: number, step: number): number[] {
  return Array.from({ length: (to - from) / step + 1 }, (_, at) => (from + at * step) * 1024);
}

export function registerTaskDefinition(
  input: RegisterTaskDefinitionRequest,
  call: Call,
  token = call.requestId,
) {
  const family = input.family ?? '';
  if (!/^[A-Za-z0-9_-]{1,255}$/.test(family))
    throw new AwsError(
      'ClientException',
      `Invalid family name '${family}': use letters, digits, hyphens and underscores.`,
    );
  const revisions = listDefinitions(call, family);
  const made = revisions.find((one) => one.CreatedBy === token);
  if (made !== undefined) return shown(made);
  checkFargate(input);
  for (const container of input.containerDefinitions ?? []) checkContainer(container);
  const revision = (revisions.at(-1)?.revision ?? 0) + 1;
  const { tags = [], ...settings } = input;
  const definition: TaskDefinitionRecord = {
    ...settings,
    taskDefinitionArn: ecsArn(call, `task-definition/${family}:${revision}`),
    family,
    revision,
    status: 'ACTIVE',
    compatibilities: ['EC2', 'FARGATE'],
    containerDefinitions: (input.containerDefinitions ?? []).map(withDefaults),
    volumes: input.volumes ?? [],
    placementConstraints: [],
    registeredAt: call.cloud.now(),
    registeredBy: call.principalArn,
    Tags: tags,
    CreatedBy: token,
  };
  putDefinition(definition, call);
  return shown(definition);
}

function shown({ Tags: tags, CreatedBy: _createdBy, ...taskDefinition }: TaskDefinitionRecord) {
  return { taskDefinition, tags };
}

function checkFargate(input: RegisterTaskDefinitionRequest): void {
  if (!input.requiresCompatibilities?.includes('FARGATE'))
    throw new AwsError(
      'ClientException',
      `The sandbox runs tasks on Fargate only. Set requiresCompatibilities to FARGATE.`,
    );
  if (input.networkMode !== 'awsvpc')
    throw new AwsError('ClientException', `Fargate only supports network mode 'awsvpc'.`);
  const sizes = fargateSizes[input.cpu ?? ''];
  if (sizes === undefined || !sizes.includes(Number(input.memory)))
    throw new AwsError(
      'ClientException',
      `No Fargate configuration exists for given values: ${input.cpu} CPU, ${input.memory} memory.`,
    );
  if (input.containerDefinitions?.length !== 1)
    throw new AwsError('ClientException', 'The sandbox runs tasks of exactly one container.');
  if (input.executionRoleArn === undefined)
    throw new AwsError(
      'ClientException',
      'Fargate requires task definition to have execution role ARN to support log driver awslogs and secrets.',
    );
}

function checkContainer(container: ContainerDefinition): void {
  if (!container.name) throw new AwsError('ClientException', 'Container.name should not be null or empty.');
  if (!container.image) throw new AwsError('ClientException', 'Container.image should not be null or empty.');
  if ((container.environmentFiles ?? []).length > 0)
    throw new AwsError(
      'ClientException',
      'The sandbox reads no environment files. Use environment and secrets.',
    );
  const parameter = container.secrets?.find(
    (secret) => !/^arn:[^:]+:secretsmanager:/.test(secret.valueFrom ?? ''),
  );
  if (parameter !== undefined) {
    throw new AwsError(
      'ClientException',
      `The sandbox has no Parameter Store: secret '${parameter.name}' must name a Secrets Manager ARN.`,
    );
  }
}

function withDefaults(container: ContainerDefinition): ContainerDefinition {
  const portMappings = (container.portMappings ?? []).map((mapping) => ({
    ...mapping,
    hostPort: mapping.hostPort ?? mapping.containerPort,
    protocol: mapping.protocol ?? ('tcp' as const),
  }));
  return {
    ...container,
    cpu: container.cpu ?? 0,
    essential: container.essential ?? true,
    environment: container.environment ?? [],
    mountPoints: container.mountPoints ?? [],
    volumesFrom: container.volumesFrom ?? [],
    portMappings,
  };
}

export function describeTaskDefinition(input: DescribeTaskDefinitionRequest, call: Call) {
  const { taskDefinition, tags } = shown(existingDefinition(input.taskDefinition, call));
  return { taskDefinition, ...(input.include?.includes('TAGS') && { tags }) };
}

export function deregisterTaskDefinition(input: DeregisterTaskDefinitionRequest, call: Call) {
  const definition = existingDefinition(input.taskDefinition, call);
  const inactive: TaskDefinitionRecord = {
    ...definition,
    status: 'INACTIVE',
    deregisteredAt: call.cloud.now(),
  };
  putDefinition(inactive, call);
  return { taskDefinition: shown(inactive).taskDefinition };
}

export function listTaskDefinitions(input: ListTaskDefinitionsRequest, call: Call) {
  const wanted = listDefinitions(call)
    .filter((one) => one.status === (input.status ?? 'ACTIVE'))
    .filter((one) => input.familyPrefix === undefined || one.family === input.familyPrefix)
    .map((one) => one.taskDefinitionArn ?? '');
  const page = pageOf(wanted, {
    keyOf: (arn) => arn,
    marker: input.nextToken,
    limit: input.maxResults ?? 100,
    invalidMarkerCode: 'InvalidParameterException',
  });
  return { taskDefinitionArns: page.items, nextToken: page.next };
}
