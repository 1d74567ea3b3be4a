import type { PropertyChange } from './resource-change.ts';

const keepsRecords = 'it may keep records of the practice';
const databaseNeedsIt = "the practice's database cannot live without it";
const evidence = 'it keeps evidence that must outlive every release';

/**
 * Types whose replacement or removal loses data, or the means to read it, or cuts a silo from its network; and what would be
 * lost. Beyond what a silo has today it names every type that the CloudFormation resource specification calls stateful, so that a
 * release that brings a new kind of store is under the same guard from its first day.
 */
export const statefulTypes: Readonly<Record<string, string>> = {
  'AWS::KMS::Key': 'what it has encrypted could never be read again',
  'AWS::RDS::DBInstance': "the practice's data lies in it",
  'AWS::RDS::DBCluster': "the practice's data lies in it",
  'AWS::RDS::DBSubnetGroup': databaseNeedsIt,
  'AWS::RDS::DBParameterGroup': databaseNeedsIt,
  'AWS::SecretsManager::Secret': 'the database would lock out its app',
  'AWS::EC2::VPC': 'the database and the app live in it',
  'AWS::EC2::Subnet': 'the database, the app or the load balancer have their addresses in it',
  'AWS::S3::Bucket': 'objects of the practice lie in it',
  'AWS::Backup::BackupVault': 'backups of the practice lie in it',
  'AWS::Logs::LogGroup': evidence,
  'AWS::CloudFormation::Stack': 'what is in it is not shown, and it may keep anything',
  'AWS::Cognito::UserPool': keepsRecords,
  'AWS::DocDB::DBCluster': keepsRecords,
  'AWS::DocDB::DBInstance': keepsRecords,
  'AWS::DynamoDB::GlobalTable': keepsRecords,
  'AWS::DynamoDB::Table': keepsRecords,
  'AWS::EC2::Volume': keepsRecords,
  'AWS::EFS::FileSystem': keepsRecords,
  'AWS::EMR::Cluster': keepsRecords,
  'AWS::ElastiCache::CacheCluster': keepsRecords,
  'AWS::ElastiCache::ReplicationGroup': keepsRecords,
  'AWS::Elasticsearch::Domain': keepsRecords,
  'AWS::FSx::FileSystem': keepsRecords,
  'AWS::Kinesis::Stream': keepsRecords,
  'AWS::Neptune::DBCluster': keepsRecords,
  'AWS::Neptune::DBInstance': keepsRecords,
  'AWS::OpenSearchService::Domain': keepsRecords,
  'AWS::Organizations::Account': keepsRecords,
  'AWS::QLDB::Ledger': keepsRecords,
  'AWS::Redshift::Cluster': keepsRecords,
  'AWS::S3Tables::TableBucket': keepsRecords,
  'AWS::SDB::Domain': keepsRecords,
  'AWS::SQS::Queue': keepsRecords,
};

export function isStateful(resourceType: string): boolean {
  return Object.hasOwn(statefulTypes, resourceType);
}

/**
 * Whether the removal of a stack that never came to be may lose records with a resource of this type. Not of a bucket or a vault:
 * AWS deletes neither while anything is in it ("DeleteBucket", "DeleteBackupVault").
 */
export function holdsData(resourceType: string): boolean {
  return isStateful(resourceType) && !holdNothing.has(resourceType);
}

/** Stateful, yet nothing is lost with them as long as their stack never came to be. */
const holdNothing: ReadonlySet<string> = new Set([
  'AWS::KMS::Key',
  'AWS::RDS::DBSubnetGroup',
  'AWS::RDS::DBParameterGroup',
  'AWS::EC2::VPC',
  'AWS::EC2::Subnet',
  'AWS::S3::Bucket',
  'AWS::Backup::BackupVault',
  'AWS::Logs::LogGroup',
]);

/**
 * Types whose replacement and removal nobody may allow, whatever the reason.
 * A key: without it database, snapshots and every backup of them are unreadable for good, and no copy of it exists anywhere.
 * A vault: its lock is the promise that not even an administrator ends the keeping of a backup before its time.
 * Both end by offboarding alone, which waits until nothing depends on them.
 */
const neverOverridden: Readonly<Record<string, string>> = {
  'AWS::KMS::Key':
    'without its key the database and every backup of it are unreadable for good, and no copy of a key exists',
  'AWS::Backup::BackupVault':
    'the lock of a vault is the promise that nobody can end the keeping of a backup before its time',
};

/** Why no override is possible for a resource of this type; undefined when one is. */
export function whyNeverOverridden(resourceType: string): string | undefined {
  return Object.hasOwn(neverOverridden, resourceType) ? neverOverridden[resourceType] : undefined;
}

/** Storage types between which RDS moves an instance in place ("Modifying an Amazon RDS DB instance", StorageType). */
const movableStorage: ReadonlySet<string> = new Set(['gp2', 'gp3', 'io1', 'io2']);

/**
 * Properties for which CloudFormation says `Conditionally` although the resource stays: "Update requires: Some interruptions" on the page
 * "AWS::RDS::DBInstance", AWS CloudFormation Template Reference. What is not here stays refused; of the same page's other
 * conditional properties (Engine, DBSnapshotIdentifier, the Source… ones, RestoreTime, AvailabilityZone) each can mean another
 * database.
 */
const inPlace: Readonly<Record<string, Readonly<Record<string, (change: PropertyChange) => boolean>>>> = {
  'AWS::RDS::DBInstance': {
    AutoMinorVersionUpgrade: () => true,
    BackupRetentionPeriod: () => true,
    DBParameterGroupName: () => true,
    MultiAZ: () => true,
    PerformanceInsightsKMSKeyId: () => true,
    PreferredMaintenanceWindow: () => true,
    StorageType: ({ before, after }) =>
      before !== null && after !== null && movableStorage.has(before) && movableStorage.has(after),
  },
};

/** Whether a change that CloudFormation calls conditional is known to leave the resource in place. */
export function isKnownInPlace(resourceType: string, change: PropertyChange): boolean {
  if (change.requiresRecreation !== 'Conditionally' || change.name === null) return false;
  return inPlace[resourceType]?.[change.name]?.(change) === true;
}

/**
 * Properties whose change interrupts what the resource does, though it stays: "Some interruptions" on the resource's page in the AWS
 * CloudFormation Template Reference and, for RDS, "Settings for DB instances", which names the restarts that RDS makes.
 */
const interrupting: Readonly<Record<string, readonly string[]>> = {
  'AWS::RDS::DBInstance': [
    'AllowMajorVersionUpgrade',
    'AutoMinorVersionUpgrade',
    'BackupRetentionPeriod',
    'CACertificateIdentifier',
    'DBInstanceClass',
    'DBParameterGroupName',
    'EngineVersion',
    'MultiAZ',
    'PerformanceInsightsKMSKeyId',
    'PreferredMaintenanceWindow',
    'StorageType',
  ],
  // Tasks are replaced one after another, behind the load balancer.
  'AWS::ECS::Service': ['TaskDefinition', 'NetworkConfiguration', 'ForceNewDeployment', 'PlatformVersion'],
};

export function interrupts(resourceType: string, property: string): boolean {
  return interrupting[resourceType]?.includes(property) === true;
}

/** Deletion policies under which a resource outlives its stack and its replacement ("DeletionPolicy attribute"). */
const keeping: ReadonlySet<string> = new Set(['Retain', 'RetainExceptOnCreate', 'Snapshot']);

const isOff = (value: string | null) => value !== 'true';

/** Properties of stateful resources with the values that would take a safeguard away. */
const weakenings: Readonly<Record<string, Readonly<Record<string, (after: string | null) => boolean>>>> = {
  'AWS::RDS::DBInstance': {
    DeletionProtection: isOff,
    PubliclyAccessible: (after) => after !== 'false',
    EnableIAMDatabaseAuthentication: isOff,
    // RDS's own longest point-in-time recovery, which every practice is promised (docs/silo.md).
    BackupRetentionPeriod: (after) => !(Number(after) >= 35),
  },
  'AWS::KMS::Key': { Enabled: (after) => after === 'false', EnableKeyRotation: isOff },
};

/** Whether this change takes from a stateful resource what keeps it safe; not told is not known to be harmless. */
export function weakens(resourceType: string, { attribute, name, after }: PropertyChange): boolean {
  if (!isStateful(resourceType)) return false;
  if (attribute === 'DeletionPolicy' || attribute === 'UpdateReplacePolicy') {
    return after === null || !keeping.has(after);
  }
  return name !== null && weakenings[resourceType]?.[name]?.(after) === true;
}
