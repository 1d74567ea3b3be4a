import {
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  GetKeyRotationStatusCommand,
  ListResourceTagsCommand,
} from '@aws-sdk/client-kms';
import { type DBInstance, DescribeDBParametersCommand } from '@aws-sdk/client-rds';
import { DescribeSecretCommand } from '@aws-sdk/client-secrets-manager';
import type { DatabaseFacts } from '../domain/silo-facts.ts';
import type { SiloReads } from '../ports/silo-reads.ts';
import { type AwsClients, call } from './clients.ts';
import { instanceOf } from './database-instance.ts';
import { entranceReads } from './entrance-reads.ts';
import { missing } from './missing.ts';
import { networkReads } from './network-reads.ts';
import { recordReads } from './record-reads.ts';
import { serviceReads } from './service-reads.ts';

/** The port by the services' own read operations; each answer is what AWS says now. */
export function siloReads(clients: AwsClients): SiloReads {
  const { rds } = clients;
  return {
    ...keyReads(clients),
    ...networkReads(clients),
    ...serviceReads(clients),
    ...entranceReads(clients),
    ...recordReads(clients),
    database: async (instanceId, signal) => {
      const instance = await instanceOf(rds, instanceId, signal);
      return databaseFacts(instance ?? missing('rds', 'database instance', instanceId));
    },
    databaseExists: async (instanceId, signal) => (await instanceOf(rds, instanceId, signal)) !== undefined,
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
    engineVersion: instance.EngineVersion ?? 'unknown',
    multiAz: instance.MultiAZ ?? false,
    iamAuthentication: instance.IAMDatabaseAuthenticationEnabled ?? false,
    monitoringIntervalSeconds: instance.MonitoringInterval ?? 0,
    logExports: instance.EnabledCloudwatchLogsExports ?? [],
  };
}

function keyReads({ kms, secrets }: AwsClients): Pick<SiloReads, 'key' | 'secret'> {
  return {
    key: async (keyArn, signal) => {
      const KeyId = keyArn;
      const [{ KeyMetadata: key }, rotation, { Policy }, { Tags = [] }] = await Promise.all([
        call('kms', 'DescribeKey', signal, (options) => kms.send(new DescribeKeyCommand({ KeyId }), options)),
        call('kms', 'GetKeyRotationStatus', signal, (options) =>
          kms.send(new GetKeyRotationStatusCommand({ KeyId }), options),
        ),
        call('kms', 'GetKeyPolicy', signal, (options) =>
          kms.send(new GetKeyPolicyCommand({ KeyId }), options),
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
        policy: Policy ?? '{}',
        tags: Object.fromEntries(Tags.map((tag) => [tag.TagKey ?? '', tag.TagValue ?? ''])),
      };
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
