/** Starting and stopping one task: its network interface, its secrets, its log, its process and its targets. */
import { randomUUID } from 'node:crypto';
import type { Secret, TaskStopCode } from '@aws-sdk/client-ecs';
import { generatedId, parseArn } from '../../identifiers.ts';
import { isRecordedImage } from '../../images.ts';
import { AwsError, type Call } from '../../model.ts';
import { attachInterface, bindInterface, releaseInterfaces } from '../ec2/interfaces.ts';
import type { NetworkInterfaceRecord } from '../ec2/kinds.ts';
import { deregisterTargets, registerTargets } from '../elbv2/target-groups.ts';
import { findRole } from '../iam/records.ts';
import { openTaskLog } from './log.ts';
import {
  balancersOf,
  changeTask,
  ecsArn,
  existingDefinition,
  type Place,
  type ServiceRecord,
  type TaskDefinitionRecord,
  type TaskRecord,
  taskKey,
  taskTable,
} from './records.ts';

/** Failures before the container runs; their codes are the words that ECS puts in front of the stopped reason. */
class LaunchError extends Error {}

const defaultStopTimeout = 30;

/** A task that is about to start, recorded so that it survives a restart of the sandbox. */
export function newTask(service: ServiceRecord, serviceKey: string, place: Place): TaskRecord {
  const cluster = (service.clusterArn ?? '').replace(/^.*:cluster\//, '');
  const primary = service.deployments?.[0];
  const definition = existingDefinition(primary?.taskDefinition, place);
  const [container] = definition.containerDefinitions ?? [];
  const taskArn = ecsArn(place, `task/${cluster}/${generatedId(randomUUID(), '', 32)}`);
  const managed = service.enableECSManagedTags
    ? [
        { key: 'aws:ecs:clusterName', value: cluster },
        { key: 'aws:ecs:serviceName', value: service.serviceName },
      ]
    : [];
  const propagated = { SERVICE: service.tags ?? [], TASK_DEFINITION: definition.Tags, NONE: [] }[
    service.propagateTags ?? 'NONE'
  ];
  const task: TaskRecord = {
    taskArn,
    clusterArn: service.clusterArn,
    taskDefinitionArn: definition.taskDefinitionArn,
    group: `service:${service.serviceName}`,
    startedBy: primary?.id,
    launchType: 'FARGATE',
    platformVersion: service.platformVersion ?? '1.4.0',
    platformFamily: 'Linux',
    cpu: definition.cpu,
    memory: definition.memory,
    createdAt: place.cloud.now(),
    desiredStatus: 'RUNNING',
    lastStatus: 'PROVISIONING',
    healthStatus: 'UNKNOWN',
    containers: [
      {
        containerArn: ecsArn(place, `container/${cluster}/${generatedId(taskArn, '', 32)}`),
        taskArn,
        name: container?.name,
        image: container?.image,
        imageDigest: container?.image?.split('@')[1],
        lastStatus: 'PENDING',
        healthStatus: 'UNKNOWN',
        networkInterfaces: [],
      },
    ],
    attachments: [],
    tags: [...propagated, ...managed],
    version: 1,
    ServiceKey: serviceKey,
    Balancers: service.loadBalancers ?? [],
  };
  taskTable(place.cloud).put(taskKey(task, place), task);
  return task;
}

/** Brings a recorded task up. When it does not come up, its record says why; that is the scheduler's business, not an error. */
export async function launch(
  task: TaskRecord,
  service: ServiceRecord,
  place: Place,
  onExit: () => void,
): Promise<void> {
  try {
    await bringUp(task, service, place, onExit);
  } catch (error) {
    await stop(task, service, place, { code: 'TaskFailedToStart', reason: reasonOf(error) });
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof LaunchError) return error.message;
  if (error instanceof AwsError) return `${error.code}: ${error.message}`;
  return `CannotStartContainerError: ${error instanceof Error ? error.message : String(error)}`;
}

async function bringUp(
  task: TaskRecord,
  service: ServiceRecord,
  place: Place,
  onExit: () => void,
): Promise<void> {
  const definition = existingDefinition(task.taskDefinitionArn, place);
  const [container] = definition.containerDefinitions ?? [];
  const port = container?.portMappings?.[0]?.containerPort ?? 80;
  const executor = roleCall(definition.executionRoleArn, task, place);
  const card = attach(task, service, executor);
  const secrets = await secretsOf(container?.secrets ?? [], executor);
  const write = await openTaskLog(container, task, executor);
  const image = container?.image ?? '';
  changeTask(task, place, (now) => ({ lastStatus: 'PENDING', containers: withInterface(now, card) }));
  const { dataPlane } = place.cloud;
  if (dataPlane === undefined) {
    checkRecordedImage(image, place);
  } else {
    const environment = (container?.environment ?? []).map(
      (one) => [one.name ?? '', one.value ?? ''] as const,
    );
    roleCall(definition.taskRoleArn ?? definition.executionRoleArn, task, place);
    const endpoint = await dataPlane.tasks.start({
      arn: task.taskArn ?? '',
      image,
      environment: Object.fromEntries([...environment, ...secrets]),
      containerPort: port,
      accountId: place.accountId,
      region: place.region,
      taskRoleArn: definition.taskRoleArn ?? '',
      log: write,
      exited: (exit) => {
        recordExit(task, service, place, exit);
        onExit();
      },
    });
    bindInterface(card, endpoint, place);
  }
  const current = taskTable(place.cloud).get(taskKey(task, place));
  // It may have ended, or have been told to stop, while it was starting.
  if (current === undefined || current.desiredStatus === 'STOPPED') {
    await dataPlane?.tasks.stop(task.taskArn ?? '', 0);
    return;
  }
  changeTask(task, place, (now) => ({
    lastStatus: 'RUNNING',
    connectivity: 'CONNECTED',
    startedAt: place.cloud.now(),
    containers: (now.containers ?? []).map((one) => ({ ...one, lastStatus: 'RUNNING' })),
  }));
  for (const balancer of balancersOf(task, service)) {
    const Targets = [{ Id: card.PrivateIpAddress, Port: balancer.containerPort }];
    registerTargets({ TargetGroupArn: balancer.targetGroupArn, Targets }, executor);
  }
}

/** The call that ECS makes with a role of the task. Nothing evaluates its policies, but it must exist. */
function roleCall(roleArn: string | undefined, task: TaskRecord, place: Place): Call {
  const role = parseArn(roleArn ?? '');
  const name = role?.resource.split('/').at(-1) ?? '';
  const call = { ...place, requestId: randomUUID(), principalArn: roleArn ?? '' };
  if (role === undefined || findRole(name, { ...call, accountId: role.accountId }) === undefined) {
    throw new LaunchError(
      `ECS was unable to assume the role '${roleArn}' that was provided for this task. Please verify that the role being passed has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.`,
    );
  }
  const session = (task.taskArn ?? '').split('/').at(-1);
  return { ...call, principalArn: `arn:aws:sts::${role.accountId}:assumed-role/${name}/${session}` };
}

function attach(task: TaskRecord, service: ServiceRecord, call: Call): NetworkInterfaceRecord {
  const { subnets = [], securityGroups = [] } = service.networkConfiguration?.awsvpcConfiguration ?? {};
  // Spread over the subnets by chance that is fixed for the task, so that a restart finds its interface again.
  const turn = Number.parseInt(generatedId(task.taskArn ?? '', '', 6), 16) % subnets.length;
  return attachInterface(
    {
      owner: task.taskArn ?? '',
      subnetId: subnets[turn] ?? '',
      securityGroupIds: securityGroups,
      description: task.taskArn ?? '',
      type: 'interface',
    },
    call,
  );
}

function withInterface(task: TaskRecord, card: NetworkInterfaceRecord) {
  const networkInterfaces = [
    { attachmentId: card.NetworkInterfaceId, privateIpv4Address: card.PrivateIpAddress },
  ];
  return (task.containers ?? []).map((one) => ({ ...one, networkInterfaces }));
}

function checkRecordedImage(image: string, place: Place): void {
  const [name = '', digest = ''] = image.split('@');
  const [first = '', ...rest] = name.split('/');
  const repository = first.includes('.') || first.includes(':') ? rest.join('/') : name;
  if (!isRecordedImage(place.cloud.state, { repository, digest }))
    throw new AwsError(
      'CannotPullContainerError',
      `failed to resolve ref ${image}: not found. Push the image to the sandbox first.`,
    );
}

/** `arn:…:secret:name-suffix[:json-key[:version-stage[:version-id]]]` ("Pass Secrets Manager secrets through environment variables"). */
async function secretsOf(secrets: readonly Secret[], call: Call): Promise<Array<readonly [string, string]>> {
  return Promise.all(
    secrets.map(async ({ name = '', valueFrom = '' }) => {
      const parts = valueFrom.split(':');
      const [jsonKey, VersionStage, VersionId] = parts.slice(7);
      const input = {
        SecretId: parts.slice(0, 7).join(':'),
        ...(VersionStage && { VersionStage }),
        ...(VersionId && { VersionId }),
      };
      const value = await readSecret(input, call);
      return [name, jsonKey ? memberOf(value, jsonKey, valueFrom) : value] as const;
    }),
  );
}

const secretFailure =
  'ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: unable to retrieve secret from asm:';

async function readSecret(input: { SecretId: string }, call: Call): Promise<string> {
  try {
    const { SecretString } = await call.cloud.invoke<{ SecretString?: string }>(
      'secretsmanager',
      'GetSecretValue',
      input,
      call,
    );
    if (SecretString === undefined)
      throw new LaunchError(`${secretFailure} the secret ${input.SecretId} is binary`);
    return SecretString;
  } catch (error) {
    if (!(error instanceof AwsError)) throw error;
    throw new LaunchError(`${secretFailure} ${error.code}: ${error.message}`, { cause: error });
  }
}

function memberOf(text: string, key: string, valueFrom: string): string {
  const value = asObject(text)?.[key];
  if (value === undefined)
    throw new LaunchError(
      `${secretFailure} retrieved secret from Secrets Manager did not contain json key ${key}: ${valueFrom}`,
    );
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function asObject(text: string): Record<string, unknown> | undefined {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined; // Not JSON: it has no members, and the caller says so.
  }
}

interface StopCause {
  readonly code: TaskStopCode;
  readonly reason: string;
}

function recordExit(
  task: TaskRecord,
  service: ServiceRecord,
  place: Place,
  exit: { readonly code: number | null; readonly signal: string | null },
): void {
  // As a shell counts it: a process that a signal ended has 128 and the signal's number; SIGKILL is what remains to name.
  const exitCode = exit.code ?? (exit.signal === 'SIGTERM' ? 143 : 137);
  const before = taskTable(place.cloud).get(taskKey(task, place));
  if (before === undefined || before.lastStatus === 'STOPPED') return;
  const told = before.desiredStatus === 'STOPPED';
  const cause: StopCause = { code: 'EssentialContainerExited', reason: 'Essential container in task exited' };
  withdraw(task, service, place);
  changeTask(task, place, (now) => ({
    ...(told ? {} : { stopCode: cause.code, stoppedReason: cause.reason }),
    ...stoppedNow(now, place, exitCode),
  }));
}

function stoppedNow(task: TaskRecord, place: Place, exitCode?: number): Partial<TaskRecord> {
  const now = place.cloud.now();
  return {
    desiredStatus: 'STOPPED',
    lastStatus: 'STOPPED',
    connectivity: 'DISCONNECTED',
    stoppingAt: task.stoppingAt ?? now,
    executionStoppedAt: now,
    stoppedAt: now,
    containers: (task.containers ?? []).map((one) => ({
      ...one,
      lastStatus: 'STOPPED',
      ...(exitCode !== undefined && { exitCode }),
    })),
  };
}

/** Takes the task out of its target groups and gives its address back. */
function withdraw(task: TaskRecord, service: ServiceRecord, place: Place): void {
  const call: Call = { ...place, requestId: randomUUID(), principalArn: 'ecs.amazonaws.com' };
  const address = taskTable(place.cloud).get(taskKey(task, place))?.containers?.[0]?.networkInterfaces?.[0];
  for (const balancer of address === undefined ? [] : balancersOf(task, service)) {
    const Targets = [{ Id: address?.privateIpv4Address, Port: balancer.containerPort }];
    deregisterTargets({ TargetGroupArn: balancer.targetGroupArn, Targets }, call);
  }
  releaseInterfaces(task.taskArn ?? '', call);
}

/** No more requests first, then SIGTERM, then SIGKILL after the container's stop timeout. */
export async function stop(
  task: TaskRecord,
  service: ServiceRecord,
  place: Place,
  cause: StopCause,
): Promise<void> {
  const before = taskTable(place.cloud).get(taskKey(task, place));
  if (before === undefined || before.lastStatus === 'STOPPED') return;
  changeTask(task, place, () => ({
    desiredStatus: 'STOPPED',
    lastStatus: 'STOPPING',
    stopCode: cause.code,
    stoppedReason: cause.reason,
    stoppingAt: place.cloud.now(),
  }));
  withdraw(task, service, place);
  await place.cloud.dataPlane?.tasks.stop(task.taskArn ?? '', stopTimeoutMs(task, place));
  const after = taskTable(place.cloud).get(taskKey(task, place));
  if (after?.lastStatus !== 'STOPPED') changeTask(task, place, (now) => stoppedNow(now, place));
}

function stopTimeoutMs(task: TaskRecord, place: Place): number {
  const definition: TaskDefinitionRecord = existingDefinition(task.taskDefinitionArn, place);
  return (definition.containerDefinitions?.[0]?.stopTimeout ?? defaultStopTimeout) * 1000;
}
