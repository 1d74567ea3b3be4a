/** An instance as CloudFormation reads it, and which changes CloudFormation answers with a new one. */
import { isDeepStrictEqual } from 'node:util';
import { tagsAsList, textOf } from '../properties.ts';
import { engine } from './engine.ts';
import type { InstanceRecord } from './records.ts';

type Properties = Record<string, unknown>;

/**
 * The properties of AWS::RDS::DBInstance that can be read back (a password cannot).
 *
 * @param properties the stack's own: names are kept in lower case and a major version stands for all its minor ones, so
 *   what means the same is told in the stack's spelling.
 */
export function liveInstance(instance: InstanceRecord, properties: Properties): Properties {
  const { masterSecret, storage, monitoring, performanceInsights } = instance;
  const live = {
    ...settingsOf(instance),
    Engine: engine,
    DBInstanceIdentifier: instance.id,
    DBName: instance.databaseName,
    MasterUsername: instance.masterUsername,
    ManageMasterUserPassword: masterSecret !== undefined,
    MasterUserSecret: masterSecret && { KmsKeyId: masterSecret.kmsKeyArn, SecretArn: masterSecret.arn },
    StorageEncrypted: storage.encrypted,
    KmsKeyId: storage.encrypted ? storage.kmsKeyArn : undefined,
    MonitoringInterval: monitoring?.intervalSeconds ?? 0,
    MonitoringRoleArn: monitoring?.roleArn,
    DatabaseInsightsMode: instance.databaseInsightsMode,
    EnablePerformanceInsights: performanceInsights !== undefined,
    PerformanceInsightsKMSKeyId: performanceInsights?.kmsKeyArn,
    PerformanceInsightsRetentionPeriod: performanceInsights?.retentionDays,
    Tags: tagsAsList(instance.tags),
  };
  return Object.fromEntries(
    Object.entries(live).map(([name, value]) => [
      name,
      meansTheSame(name, properties[name], value) ? properties[name] : value,
    ]),
  );
}

function settingsOf(instance: InstanceRecord): Properties {
  return {
    DBInstanceClass: instance.instanceClass,
    EngineVersion: instance.engineVersion,
    AllocatedStorage: String(instance.allocatedStorage),
    MaxAllocatedStorage: instance.maxAllocatedStorage,
    StorageType: instance.storageType,
    Iops: instance.iops,
    StorageThroughput: instance.storageThroughput,
    Port: String(instance.port),
    MultiAZ: instance.multiAz,
    AvailabilityZone: instance.availabilityZone,
    DBSubnetGroupName: instance.subnetGroupName,
    VPCSecurityGroups: [...instance.securityGroupIds],
    DBParameterGroupName: instance.parameterGroupName,
    PubliclyAccessible: instance.publiclyAccessible,
    BackupRetentionPeriod: instance.backupRetentionDays,
    PreferredBackupWindow: instance.backupWindow,
    PreferredMaintenanceWindow: instance.maintenanceWindow,
    DeletionProtection: instance.deletionProtection,
    CopyTagsToSnapshot: instance.copyTagsToSnapshot,
    AutoMinorVersionUpgrade: instance.autoMinorVersionUpgrade,
    CACertificateIdentifier: instance.caCertificate,
    EnableIAMDatabaseAuthentication: instance.iamAuthentication,
    EnableCloudwatchLogsExports: [...instance.logExports],
  };
}

const keptInLowerCase = new Set([
  'DBInstanceIdentifier',
  'DBSubnetGroupName',
  'DBParameterGroupName',
  'PreferredMaintenanceWindow',
]);

function meansTheSame(name: string, given: unknown, live: unknown): boolean {
  if (typeof given !== 'string' || typeof live !== 'string') return false;
  if (keptInLowerCase.has(name)) return given.toLowerCase() === live;
  if (name === 'EngineVersion') return live.startsWith(`${given}.`);
  // A key may be given by its id.
  return name.endsWith('KmsKeyId') || name.endsWith('KMSKeyId') ? live.endsWith(`/${given}`) : false;
}

/**
 * Of the properties that replace conditionally, those whose change needs another instance; retention, Multi-AZ, storage
 * type, parameter group and windows change in place (`ImmutabilityHelper` of AWS's published handler of the type).
 */
export function needsNewInstance(properties: Properties, previous: Properties): boolean {
  const differs = (name: string) => !isDeepStrictEqual(textOf(properties[name]), textOf(previous[name]));
  const zoneMoves = differs('AvailabilityZone') && properties['AvailabilityZone'] !== undefined;
  return (
    differs('Engine') ||
    differs('DBSnapshotIdentifier') ||
    (differs('PerformanceInsightsKMSKeyId') && previous['PerformanceInsightsKMSKeyId'] !== undefined) ||
    zoneMoves
  );
}
