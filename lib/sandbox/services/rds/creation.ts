/** CreateDBInstance: what RDS checks, and the record of an instance that is being created. */
import type { CreateDBInstanceMessage } from '@aws-sdk/client-rds';
import { generatedId } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { requireRoom } from '../../quotas.ts';
import { deleteOwnedSecret } from '../secretsmanager/owned.ts';
import {
  checkedCertificate,
  checkedClass,
  checkedDatabaseName,
  checkedEngine,
  checkedLogTypes,
  checkedPassword,
  checkedPort,
  checkedRetention,
  checkedSecurityGroups,
  checkedStorage,
  checkedUsername,
  checkedVersion,
  refusePublicWithoutGateway,
  refuseStorageCombination,
} from './checks.ts';
import { newStorageKey, restoredStorageKey } from './encryption.ts';
import { defaultCertificate, engine, familyOf } from './engine.ts';
import { defaultPort } from './engines.ts';
import { placeInterfaces } from './interfaces.ts';
import { createMasterSecret, newMasterPassword } from './master-password.ts';
import { monitoringFrom } from './monitoring.ts';
import { findParameterGroup, forcesTls } from './parameter-groups.ts';
import {
  checkedIdentifier,
  type InstanceRecord,
  instanceNamed,
  type ParameterGroupRecord,
  rdsArn,
  type SnapshotRecord,
  type SubnetGroupRecord,
  saveInstance,
} from './records.ts';
import { findSubnetGroup } from './subnet-groups.ts';
import { windowsFrom } from './windows.ts';

/** What a request may carry and the sandbox has nothing behind: it is refused, not ignored. */
const notEmulated: ReadonlyArray<keyof CreateDBInstanceMessage> = [
  'DBClusterIdentifier',
  'Domain',
  'DomainFqdn',
  'TdeCredentialArn',
  'CustomIamInstanceProfile',
  'CharacterSetName',
  'NcharCharacterSetName',
  'Timezone',
  'ProcessorFeatures',
  'OptionGroupName',
  'DBSystemId',
  'MultiTenant',
  'AdditionalStorageVolumes',
];

function refuseNotEmulated(input: CreateDBInstanceMessage): void {
  const asked = notEmulated.find((name) => input[name] !== undefined && input[name] !== false);
  if (asked !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      `The sandbox does not emulate ${asked} for ${engine}: leave it out.`,
    );
}

interface Surroundings {
  readonly subnetGroup: SubnetGroupRecord;
  readonly parameterGroup: ParameterGroupRecord;
  readonly securityGroupIds: readonly string[];
}

/** The groups that the request names, all of them there, in one VPC and of the engine's family. */
async function surroundingsOf(
  call: Call,
  input: CreateDBInstanceMessage,
  engineVersion: string,
): Promise<Surroundings> {
  if (input.DBSubnetGroupName === undefined) {
    throw new AwsError(
      'InvalidSubnet',
      'No default subnet detected in VPC. Name a DB subnet group: an account of the sandbox has no default VPC.',
    );
  }
  const subnetGroup = findSubnetGroup(call, input.DBSubnetGroupName);
  const family = familyOf(engineVersion);
  const parameterGroup = findParameterGroup(call, input.DBParameterGroupName ?? `default.${family}`);
  refuseOtherFamily(parameterGroup, engineVersion);
  const securityGroupIds = await checkedSecurityGroups(call, input.VpcSecurityGroupIds, subnetGroup.vpcId);
  if (input.PubliclyAccessible === true) await refusePublicWithoutGateway(call, subnetGroup);
  return { subnetGroup, parameterGroup, securityGroupIds };
}

export function refuseOtherFamily(group: ParameterGroupRecord, engineVersion: string): void {
  const family = familyOf(engineVersion);
  if (group.family !== family) {
    throw new AwsError(
      'InvalidParameterCombination',
      `The parameter group ${group.name} with DBParameterGroupFamily ${group.family} can't be used for this instance. Use a parameter group with DBParameterGroupFamily ${family}.`,
    );
  }
}

interface Credentials {
  readonly masterUsername: string;
  readonly masterPassword: string;
}

function credentialsFrom(input: CreateDBInstanceMessage): Credentials {
  const managed = input.ManageMasterUserPassword === true;
  if (managed && input.MasterUserPassword !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled.",
    );
  }
  if (!managed && input.MasterUserSecretKmsKeyId !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      "You can't specify MasterUserSecretKmsKeyId unless ManageMasterUserPassword is enabled.",
    );
  }
  const masterUsername = checkedUsername(input.MasterUsername);
  if (managed) return { masterUsername, masterPassword: newMasterPassword() };
  if (input.MasterUserPassword === undefined)
    throw new AwsError('InvalidParameterValue', 'Invalid master password');
  return { masterUsername, masterPassword: checkedPassword(input.MasterUserPassword) };
}

/** Where the instance, and its standby if it has one, stand. */
function zonesOf(
  group: SubnetGroupRecord,
  input: CreateDBInstanceMessage,
): Pick<InstanceRecord, 'availabilityZone' | 'secondaryAvailabilityZone'> {
  const zones = [...new Set(group.subnets.map(({ zone }) => zone))].sort();
  if (input.MultiAZ === true && input.AvailabilityZone !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'Requesting a specific availability zone is not valid for Multi-AZ instances.',
    );
  }
  const first = input.AvailabilityZone ?? zones[0];
  if (first === undefined || !zones.includes(first)) {
    throw new AwsError(
      'InvalidVPCNetworkStateFault',
      `The DB subnet group ${group.name} has no subnet in ${first ?? 'any zone'}.`,
    );
  }
  const second = zones.find((zone) => zone !== first);
  return {
    availabilityZone: first,
    ...(input.MultiAZ === true && second !== undefined ? { secondaryAvailabilityZone: second } : {}),
  };
}

/** What a request says about the instance and needs no other service to judge. */
function settingsFrom(input: CreateDBInstanceMessage) {
  const storageType = input.StorageType ?? 'gp2';
  const allocatedStorage = checkedStorage(input.AllocatedStorage, storageType);
  if (input.MaxAllocatedStorage !== undefined && input.MaxAllocatedStorage <= allocatedStorage) {
    throw new AwsError('InvalidParameterCombination', 'Max storage size must be greater than storage size');
  }
  const databaseName = checkedDatabaseName(input.DBName);
  return {
    instanceClass: checkedClass(input.DBInstanceClass),
    engineVersion: checkedVersion(input.EngineVersion),
    storageType,
    allocatedStorage,
    ...(input.MaxAllocatedStorage === undefined ? {} : { maxAllocatedStorage: input.MaxAllocatedStorage }),
    ...(storageType === 'gp3'
      ? { iops: input.Iops ?? 3000, storageThroughput: input.StorageThroughput ?? 125 }
      : {}),
    ...(storageType.startsWith('io') ? { iops: input.Iops ?? 1000 } : {}),
    ...(databaseName === undefined ? {} : { databaseName }),
    port: checkedPort(input.Port ?? defaultPort),
    multiAz: input.MultiAZ ?? false,
    publiclyAccessible: input.PubliclyAccessible ?? false,
    backupRetentionDays: checkedRetention(input.BackupRetentionPeriod ?? 1),
    ...windowsFrom(input.PreferredBackupWindow, input.PreferredMaintenanceWindow),
    deletionProtection: input.DeletionProtection ?? false,
    copyTagsToSnapshot: input.CopyTagsToSnapshot ?? false,
    autoMinorVersionUpgrade: input.AutoMinorVersionUpgrade ?? true,
    caCertificate: checkedCertificate(input.CACertificateIdentifier ?? defaultCertificate),
    iamAuthentication: input.EnableIAMDatabaseAuthentication ?? false,
    logExports: checkedLogTypes(input.EnableCloudwatchLogsExports ?? []),
  };
}

/**
 * Checks a request and records the instance as `creating`, or finds the one that an earlier attempt with this token
 * recorded. `tags` may hold system tags, which a request cannot. With a `snapshot` the storage begins as its copy.
 */
export async function makeInstance(
  call: Call,
  input: CreateDBInstanceMessage,
  tags: Readonly<Record<string, string>>,
  token: string,
  snapshot?: SnapshotRecord,
): Promise<InstanceRecord> {
  const id = checkedIdentifier(input.DBInstanceIdentifier, 'DBInstanceIdentifier', 63);
  const resourceId = generatedId(token, 'db-', 26, 'upper');
  refuseNotEmulated(input);
  checkedEngine(input.Engine);
  const settings = settingsFrom(input);
  refuseStorageCombination(input.StorageEncrypted ?? false, input.KmsKeyId);
  const credentials = credentialsFrom(input);
  const { subnetGroup, parameterGroup, securityGroupIds } = await surroundingsOf(
    call,
    input,
    settings.engineVersion,
  );
  const zones = zonesOf(subnetGroup, input);
  const monitoring = await monitoringFrom(call, input, { databaseInsightsMode: 'standard' });
  const earlier = takenOrMade(call, id, resourceId);
  if (earlier !== undefined) return earlier;
  requireRoom(call, 'databases');
  const arn = rdsArn(call, 'db', id);
  const storage = snapshot
    ? await restoredStorageKey(call, resourceId, snapshot.instance)
    : await newStorageKey(call, resourceId, input.StorageEncrypted ?? false, input.KmsKeyId);
  // The secret's name follows from the resource id: an attempt that was cut off here finds its secret again.
  const masterSecret =
    input.ManageMasterUserPassword === true
      ? await createMasterSecret(call, { arn, resourceId, ...credentials }, input.MasterUserSecretKmsKeyId)
      : undefined;
  try {
    const taken = takenOrMade(call, id, resourceId);
    if (taken !== undefined) return taken;
    return saveWithInterfaces(call, {
      ...settings,
      ...monitoring,
      ...zones,
      ...credentials,
      id,
      arn,
      resourceId,
      accountId: call.accountId,
      region: call.region,
      status: 'creating',
      createdAt: call.cloud.now().getTime(),
      subnetGroupName: subnetGroup.name,
      securityGroupIds,
      parameterGroupName: parameterGroup.name,
      parameterApplyStatus: 'in-sync',
      forceTls: forcesTls(parameterGroup),
      storage,
      ...(snapshot === undefined ? {} : { restoreFrom: snapshot.arn }),
      ...(masterSecret === undefined ? {} : { masterSecret }),
      pending: {},
      tags,
    });
  } catch (error) {
    if (masterSecret !== undefined) deleteOwnedSecret(call, masterSecret.arn);
    throw error;
  }
}

/** Both or neither: an instance for which a subnet has no address left is not made. */
function saveWithInterfaces(call: Call, instance: InstanceRecord): InstanceRecord {
  return call.cloud.state.transaction(() => {
    requireRoom(call, 'databases');
    placeInterfaces(call, instance);
    return saveInstance(call, instance);
  });
}

function takenOrMade(call: Call, id: string, resourceId: string): InstanceRecord | undefined {
  const existing = instanceNamed(call, id);
  if (existing === undefined || existing.resourceId === resourceId) return existing;
  throw new AwsError('DBInstanceAlreadyExists', 'DB instance already exists');
}
