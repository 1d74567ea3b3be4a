import { DescribeServicesCommand, DescribeTasksCommand, ListTasksCommand } from '@aws-sdk/client-ecs';
import { DescribeListenersCommand } from '@aws-sdk/client-elastic-load-balancing-v2';
import {
  DescribeKeyCommand,
  GetKeyRotationStatusCommand,
  KMSInvalidStateException,
  ListResourceTagsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import {
  type DBInstance,
  DescribeDBInstancesCommand,
  DescribeDBParametersCommand,
} from '@aws-sdk/client-rds';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import { DomainError } from '../domain/errors.ts';
import type { DatabaseFacts, TaskFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { awsCodeOf } from './errors.ts';
import { networkReads } from './network-reads.ts';

/** "Deleting AWS KMS keys": the waiting period is 7 to 30 days. */
const longestKeyDeletionWindowDays = 30;

/** The port by the services' own read operations; each answer is what AWS says now. */
export function siloReads(clients: AwsClients): SiloReads {
  const { rds } = clients;
  const instances = async (instanceId: string, signal?: AbortSignal): Promise<DBInstance[]> => {
    try {
      const { DBInstances = [] } = await call('rds', 'DescribeDBInstances', signal, (options) =>
        rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier: instanceId }), options),
      );
      return DBInstances;
    } catch (error) {
      if (awsCodeOf(error)?.startsWith('DBInstanceNotFound')) return [];
      throw error;
    }
  };
  return {
    ...keyReads(clients),
    ...networkReads(clients),
    ...serviceReads(clients),
    database: async (instanceId, signal) => {
      const [instance] = await instances(instanceId, signal);
      return databaseFacts(instance ?? missing('rds', 'database instance', instanceId));
    },
    databaseExists: async (instanceId, signal) => (await instances(instanceId, signal)).length > 0,
    databaseParameter: async (group, parameter, signal) => {
      let Marker: string | undefined;
      do {
        const page = await call('rds', 'DescribeDBParameters', signal, (options) =>
          rds.send(new DescribeDBParametersCommand({ DBParameterGroupName: group, Marker }), options),
        );
        const found = page.Parameters?.find(({ ParameterName }) => ParameterName === parameter);
        if (found !== undefined) return found.ParameterValue;
        Marker = page.Marker;
      } while (Marker !== undefined);
      return undefined;
    },
  };
}

function missing(service: string, kind: string, id: string): never {
  throw new DomainError('cloud_failure', `AWS ${service} shows no ${kind} ${id}.`, {
    context: { service, id },
  });
}

function databaseFacts(instance: DBInstance): DatabaseFacts {
  const [group] = instance.DBParameterGroups ?? [];
  return {
    id: instance.DBInstanceIdentifier ?? '',
    status: instance.DBInstanceStatus ?? 'unknown',
    encrypted: instance.StorageEncrypted ?? false,
    keyArn: instance.KmsKeyId ?? null,
    // What AWS does not say counts as the worse answer.
    public: instance.PubliclyAccessible ?? true,
    deletionProtection: instance.DeletionProtection ?? false,
    backupRetentionDays: instance.BackupRetentionPeriod ?? 0,
    parameterGroup:
      group === undefined
        ? null
        : { name: group.DBParameterGroupName ?? '', applyStatus: group.ParameterApplyStatus ?? 'unknown' },
    vpcId: instance.DBSubnetGroup?.VpcId ?? null,
    subnetIds: (instance.DBSubnetGroup?.Subnets ?? []).map((subnet) => subnet.SubnetIdentifier ?? ''),
    securityGroupIds: (instance.VpcSecurityGroups ?? []).map((group) => group.VpcSecurityGroupId ?? ''),
    masterSecretArn: instance.MasterUserSecret?.SecretArn ?? null,
  };
}

function keyReads({ kms, secrets }: AwsClients): Pick<SiloReads, 'key' | 'secret' | 'scheduleKeyDeletion'> {
  return {
    key: async (keyArn, signal) => {
      const KeyId = keyArn;
      const [{ KeyMetadata: key }, rotation, { Tags = [] }] = await Promise.all([
        call('kms', 'DescribeKey', signal, (options) => kms.send(new DescribeKeyCommand({ KeyId }), options)),
        call('kms', 'GetKeyRotationStatus', signal, (options) =>
          kms.send(new GetKeyRotationStatusCommand({ KeyId }), options),
        ),
        call('kms', 'ListResourceTags', signal, (options) =>
          kms.send(new ListResourceTagsCommand({ KeyId, Limit: 50 }), options),
        ),
      ]);
      return {
        arn: key?.Arn ?? '',
        state: key?.KeyState ?? 'unknown',
        manager: key?.KeyManager ?? 'unknown',
        rotating: rotation.KeyRotationEnabled ?? false,
        rotationPeriodDays: rotation.RotationPeriodInDays ?? null,
        tags: Object.fromEntries(Tags.map((tag) => [tag.TagKey ?? '', tag.TagValue ?? ''])),
      };
    },
    scheduleKeyDeletion: async (keyArn, signal) => {
      try {
        const { DeletionDate } = await call('kms', 'ScheduleKeyDeletion', signal, (options) =>
          kms.send(
            new ScheduleKeyDeletionCommand({
              KeyId: keyArn,
              PendingWindowInDays: longestKeyDeletionWindowDays,
            }),
            options,
          ),
        );
        if (DeletionDate !== undefined) return DeletionDate;
      } catch (error) {
        // Scheduled already, by an earlier attempt; any other wrong state shows in the description below.
        if (awsCodeOf(error) !== KMSInvalidStateException.name) throw error;
      }
      const { KeyMetadata } = await call('kms', 'DescribeKey', signal, (options) =>
        kms.send(new DescribeKeyCommand({ KeyId: keyArn }), options),
      );
      return KeyMetadata?.DeletionDate ?? missing('kms', 'scheduled deletion of key', keyArn);
    },
    secret: async (secretArn, signal) => {
      const secret = await call('secretsmanager', 'DescribeSecret', signal, (options) =>
        secrets.send(new DescribeSecretCommand({ SecretId: secretArn }), options),
      );
      return {
        arn: secret.ARN ?? '',
        keyArn: secret.KmsKeyId ?? null,
        owningService: secret.OwningService ?? null,
        deletedAt: secret.DeletedDate?.toISOString() ?? null,
      };
    },
  };
}

function serviceReads({ ecs, elb }: AwsClients): Pick<SiloReads, 'listener' | 'service' | 'tasks'> {
  return {
    listener: async (listenerArn, signal) => {
      const { Listeners = [] } = await call('elasticloadbalancing', 'DescribeListeners', signal, (options) =>
        elb.send(new DescribeListenersCommand({ ListenerArns: [listenerArn] }), options),
      );
      const listener = Listeners[0] ?? missing('elasticloadbalancing', 'listener', listenerArn);
      return {
        loadBalancerArn: listener.LoadBalancerArn ?? '',
        protocol: listener.Protocol ?? 'unknown',
        port: listener.Port ?? null,
        tlsPolicy: listener.SslPolicy ?? null,
        certificates: listener.Certificates?.length ?? 0,
      };
    },
    service: async (cluster, serviceArn, signal) => {
      const { services = [] } = await call('ecs', 'DescribeServices', signal, (options) =>
        ecs.send(new DescribeServicesCommand({ cluster, services: [serviceArn] }), options),
      );
      const service = services[0] ?? missing('ecs', 'service', serviceArn);
      return {
        status: service.status ?? 'unknown',
        desired: service.desiredCount ?? 0,
        running: service.runningCount ?? 0,
        pending: service.pendingCount ?? 0,
        rollouts: (service.deployments ?? []).map((deployment) => deployment.rolloutState ?? 'unknown'),
      };
    },
    tasks: async (cluster, serviceName, signal) => {
      const { taskArns = [] } = await call('ecs', 'ListTasks', signal, (options) =>
        ecs.send(new ListTasksCommand({ cluster, serviceName, desiredStatus: 'RUNNING' }), options),
      );
      if (taskArns.length === 0) return [];
      const { tasks = [] } = await call('ecs', 'DescribeTasks', signal, (options) =>
        ecs.send(new DescribeTasksCommand({ cluster, tasks: taskArns }), options),
      );
      return tasks.map(
        (task): TaskFacts => ({
          arn: task.taskArn ?? '',
          lastStatus: task.lastStatus ?? 'unknown',
          containers: (task.containers ?? []).map((container) => ({
            name: container.name ?? '',
            imageDigest: container.imageDigest ?? null,
          })),
        }),
      );
    },
  };
}
