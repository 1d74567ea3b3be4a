/** A DB instance as DescribeDBInstances shows it. */
import type { DBInstance, PendingModifiedValues } from '@aws-sdk/client-rds';
import { regionalArn } from '../../identifiers.ts';
import { certificates, engine, majorVersion } from './engine.ts';
import type { InstanceRecord, Owner, PendingChange } from './records.ts';
import { findSubnetGroup, subnetGroupShape } from './subnet-groups.ts';
import { tagList } from './tags.ts';

export function instanceShape(owner: Owner, instance: InstanceRecord): DBInstance {
  return {
    ...identityOf(instance),
    ...placeOf(owner, instance),
    ...storageOf(instance),
    ...operationOf(instance),
    ...credentialsOf(instance),
    TagList: tagList(instance.tags),
  };
}

function identityOf(instance: InstanceRecord): DBInstance {
  return {
    DBInstanceIdentifier: instance.id,
    DBInstanceArn: instance.arn,
    DbiResourceId: instance.resourceId,
    DBInstanceClass: instance.instanceClass,
    DBInstanceStatus: instance.status,
    ...(instance.statusReason === undefined
      ? {}
      : {
          StatusInfos: [
            {
              StatusType: 'instance',
              Normal: false,
              Status: instance.status,
              Message: instance.statusReason,
            },
          ],
        }),
    Engine: engine,
    EngineVersion: instance.engineVersion,
    LicenseModel: 'postgresql-license',
    InstanceCreateTime: new Date(instance.createdAt),
    ...(instance.databaseName === undefined ? {} : { DBName: instance.databaseName }),
    DbInstancePort: 0,
  };
}

function placeOf(owner: Owner, instance: InstanceRecord): DBInstance {
  return {
    ...(instance.endpoint === undefined
      ? {}
      : { Endpoint: { Address: instance.endpoint.address, Port: instance.endpoint.port } }),
    AvailabilityZone: instance.availabilityZone,
    ...(instance.secondaryAvailabilityZone === undefined
      ? {}
      : { SecondaryAvailabilityZone: instance.secondaryAvailabilityZone }),
    MultiAZ: instance.multiAz,
    DBSubnetGroup: subnetGroupShape(findSubnetGroup(owner, instance.subnetGroupName)),
    DBSecurityGroups: [],
    VpcSecurityGroups: instance.securityGroupIds.map((VpcSecurityGroupId) => ({
      VpcSecurityGroupId,
      Status: 'active',
    })),
    PubliclyAccessible: instance.publiclyAccessible,
    NetworkType: 'IPV4',
    CACertificateIdentifier: instance.caCertificate,
    CertificateDetails: certificateDetails(instance.caCertificate),
  };
}

function certificateDetails(id: string): NonNullable<DBInstance['CertificateDetails']> {
  const validTill = certificates.find((certificate) => certificate.id === id)?.validTill;
  return { CAIdentifier: id, ...(validTill === undefined ? {} : { ValidTill: new Date(validTill) }) };
}

function storageOf(instance: InstanceRecord): DBInstance {
  return {
    AllocatedStorage: instance.allocatedStorage,
    ...(instance.maxAllocatedStorage === undefined
      ? {}
      : { MaxAllocatedStorage: instance.maxAllocatedStorage }),
    StorageType: instance.storageType,
    ...(instance.iops === undefined ? {} : { Iops: instance.iops }),
    ...(instance.storageThroughput === undefined ? {} : { StorageThroughput: instance.storageThroughput }),
    StorageEncrypted: instance.storage.encrypted,
    ...(instance.storage.encrypted ? { KmsKeyId: instance.storage.kmsKeyArn } : {}),
    BackupRetentionPeriod: instance.backupRetentionDays,
    PreferredBackupWindow: instance.backupWindow,
    BackupTarget: 'region',
    CopyTagsToSnapshot: instance.copyTagsToSnapshot,
    DeletionProtection: instance.deletionProtection,
  };
}

function operationOf(instance: InstanceRecord): DBInstance {
  return {
    DBParameterGroups: [
      {
        DBParameterGroupName: instance.parameterGroupName,
        ParameterApplyStatus: instance.parameterApplyStatus,
      },
    ],
    OptionGroupMemberships: [
      { OptionGroupName: `default:${engine}-${majorVersion(instance.engineVersion)}`, Status: 'in-sync' },
    ],
    PreferredMaintenanceWindow: instance.maintenanceWindow,
    PendingModifiedValues: pendingShape(instance.pending),
    AutoMinorVersionUpgrade: instance.autoMinorVersionUpgrade,
    EnabledCloudwatchLogsExports: [...instance.logExports],
    ...monitoringOf(instance),
    ReadReplicaDBInstanceIdentifiers: [],
    DomainMemberships: [],
    AssociatedRoles: [],
  };
}

function monitoringOf(instance: InstanceRecord): DBInstance {
  const { monitoring, performanceInsights, resourceId, accountId, region } = instance;
  return {
    MonitoringInterval: monitoring?.intervalSeconds ?? 0,
    ...(monitoring && {
      MonitoringRoleArn: monitoring.roleArn,
      EnhancedMonitoringResourceArn: regionalArn(
        'logs',
        { accountId, region },
        `log-group:RDSOSMetrics:log-stream:${resourceId}`,
      ),
    }),
    DatabaseInsightsMode: instance.databaseInsightsMode,
    PerformanceInsightsEnabled: performanceInsights !== undefined,
    ...(performanceInsights && {
      PerformanceInsightsKMSKeyId: performanceInsights.kmsKeyArn,
      PerformanceInsightsRetentionPeriod: performanceInsights.retentionDays,
    }),
  };
}

function pendingShape(pending: PendingChange): PendingModifiedValues {
  return {
    ...(pending.instanceClass === undefined ? {} : { DBInstanceClass: pending.instanceClass }),
    ...(pending.allocatedStorage === undefined ? {} : { AllocatedStorage: pending.allocatedStorage }),
    ...(pending.multiAz === undefined ? {} : { MultiAZ: pending.multiAz }),
    ...(pending.engineVersion === undefined ? {} : { EngineVersion: pending.engineVersion }),
    ...(pending.backupRetentionDays === undefined
      ? {}
      : { BackupRetentionPeriod: pending.backupRetentionDays }),
    ...(pending.storageType === undefined ? {} : { StorageType: pending.storageType }),
    ...(pending.masterPassword === undefined ? {} : { MasterUserPassword: '****' }),
  };
}

function credentialsOf(instance: InstanceRecord): DBInstance {
  const secret = instance.masterSecret;
  const usable = !instance.status.startsWith('inaccessible');
  return {
    MasterUsername: instance.masterUsername,
    IAMDatabaseAuthenticationEnabled: instance.iamAuthentication,
    ...(secret === undefined
      ? {}
      : {
          MasterUserSecret: {
            SecretArn: secret.arn,
            SecretStatus: usable ? 'active' : 'impaired',
            KmsKeyId: secret.kmsKeyArn,
          },
        }),
  };
}
