/** ModifyDBInstance: some changes take effect at once, others wait for the maintenance window unless told not to. */
import type { ModifyDBInstanceMessage, ModifyDBInstanceResult } from '@aws-sdk/client-rds';
import { AwsError, type Call } from '../../model.ts';
import { deleteOwnedSecret } from '../secretsmanager/owned.ts';
import {
  checkedCertificate,
  checkedClass,
  checkedLogTypes,
  checkedPassword,
  checkedRetention,
  checkedSecurityGroups,
  checkedStorage,
  checkedVersion,
  refusePublicWithoutGateway,
} from './checks.ts';
import { refuseOtherFamily } from './creation.ts';
import { instanceShape } from './description.ts';
import { watchKey } from './encryption.ts';
import { majorVersion } from './engine.ts';
import { placeInterfaces } from './interfaces.ts';
import { createMasterSecret, newMasterPassword, rotateMasterPassword } from './master-password.ts';
import { monitoringFrom } from './monitoring.ts';
import { findParameterGroup, forcesTls } from './parameter-groups.ts';
import {
  changeInstance,
  findInstance,
  type InstanceRecord,
  type Owner,
  type PendingChange,
} from './records.ts';
import { findSubnetGroup } from './subnet-groups.ts';
import { windowsFrom } from './windows.ts';

type Change = Partial<InstanceRecord>;

function refuseNotEmulated(input: ModifyDBInstanceMessage): void {
  const names = [
    'NewDBInstanceIdentifier',
    'DBPortNumber',
    'Domain',
    'OptionGroupName',
    'ProcessorFeatures',
    'TdeCredentialArn',
  ] as const;
  const asked = names.find((name) => input[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'InvalidParameterCombination',
      `The sandbox does not emulate a change of ${asked}: leave it out.`,
    );
}

/** What waits for the maintenance window unless ApplyImmediately is set. */
function deferrable(input: ModifyDBInstanceMessage, instance: InstanceRecord): PendingChange {
  const storageType = input.StorageType ?? instance.storageType;
  return {
    ...(input.DBInstanceClass === undefined ? {} : { instanceClass: checkedClass(input.DBInstanceClass) }),
    ...(input.AllocatedStorage === undefined
      ? {}
      : { allocatedStorage: grownStorage(input.AllocatedStorage, storageType, instance) }),
    ...(input.StorageType === undefined ? {} : { storageType: input.StorageType }),
    ...(input.MultiAZ === undefined ? {} : { multiAz: input.MultiAZ }),
    ...(input.EngineVersion === undefined ? {} : { engineVersion: laterVersion(input, instance) }),
    ...(input.BackupRetentionPeriod === undefined
      ? {}
      : { backupRetentionDays: checkedRetention(input.BackupRetentionPeriod) }),
    ...(input.MasterUserPassword === undefined
      ? {}
      : { masterPassword: ownPassword(input.MasterUserPassword, input, instance) }),
  };
}

function grownStorage(size: number, type: string, instance: InstanceRecord): number {
  if (size < instance.allocatedStorage) {
    throw new AwsError(
      'InvalidParameterCombination',
      `Requested storage (${size} GiB) is less than the current storage (${instance.allocatedStorage} GiB): storage cannot shrink.`,
    );
  }
  return checkedStorage(size, type);
}

function laterVersion(input: ModifyDBInstanceMessage, instance: InstanceRecord): string {
  const asked = input.EngineVersion ?? '';
  // A template that names only the major version must not undo a minor one that was applied since.
  if (/^\d+$/.test(asked) && Number(asked) === majorVersion(instance.engineVersion))
    return instance.engineVersion;
  const version = checkedVersion(asked);
  const [from, to] = [majorVersion(instance.engineVersion), majorVersion(version)];
  const minor = (text: string): number => Number(text.split('.')[1]);
  if (to < from || (to === from && minor(version) < minor(instance.engineVersion))) {
    throw new AwsError(
      'InvalidParameterCombination',
      `Cannot upgrade postgres from ${instance.engineVersion} to ${version}`,
    );
  }
  if (to > from && input.AllowMajorVersionUpgrade !== true) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.',
    );
  }
  return version;
}

function ownPassword(password: string, input: ModifyDBInstanceMessage, instance: InstanceRecord): string {
  const managed = input.ManageMasterUserPassword ?? instance.masterSecret !== undefined;
  if (managed)
    throw new AwsError(
      'InvalidParameterCombination',
      "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
    );
  return checkedPassword(password);
}

/** What takes effect at once whatever ApplyImmediately says. */
async function immediate(
  call: Call,
  input: ModifyDBInstanceMessage,
  instance: InstanceRecord,
): Promise<Change> {
  const group = findSubnetGroup(call, input.DBSubnetGroupName ?? instance.subnetGroupName);
  if (group.name !== instance.subnetGroupName) {
    throw new AwsError(
      'InvalidParameterCombination',
      'The sandbox does not move a DB instance to another DB subnet group.',
    );
  }
  if (input.PubliclyAccessible === true) await refusePublicWithoutGateway(call, group);
  const securityGroupIds =
    input.VpcSecurityGroupIds === undefined
      ? undefined
      : await checkedSecurityGroups(call, input.VpcSecurityGroupIds, group.vpcId);
  return {
    ...(securityGroupIds === undefined ? {} : { securityGroupIds }),
    ...(input.PubliclyAccessible === undefined ? {} : { publiclyAccessible: input.PubliclyAccessible }),
    ...windowsFrom(
      input.PreferredBackupWindow ?? instance.backupWindow,
      input.PreferredMaintenanceWindow ?? instance.maintenanceWindow,
    ),
    ...(await monitoringFrom(call, input, instance)),
    ...(input.DeletionProtection === undefined ? {} : { deletionProtection: input.DeletionProtection }),
    ...(input.CopyTagsToSnapshot === undefined ? {} : { copyTagsToSnapshot: input.CopyTagsToSnapshot }),
    ...(input.AutoMinorVersionUpgrade === undefined
      ? {}
      : { autoMinorVersionUpgrade: input.AutoMinorVersionUpgrade }),
    ...(input.MaxAllocatedStorage === undefined ? {} : { maxAllocatedStorage: input.MaxAllocatedStorage }),
    ...(input.CACertificateIdentifier === undefined
      ? {}
      : { caCertificate: checkedCertificate(input.CACertificateIdentifier) }),
    ...(input.EnableIAMDatabaseAuthentication === undefined
      ? {}
      : { iamAuthentication: input.EnableIAMDatabaseAuthentication }),
    ...(input.CloudwatchLogsExportConfiguration === undefined
      ? {}
      : { logExports: changedLogExports(input, instance) }),
    ...parameterGroupChange(call, input, instance),
  };
}

function changedLogExports(input: ModifyDBInstanceMessage, instance: InstanceRecord): readonly string[] {
  const { EnableLogTypes = [], DisableLogTypes = [] } = input.CloudwatchLogsExportConfiguration ?? {};
  const all = new Set([...instance.logExports, ...checkedLogTypes(EnableLogTypes)]);
  return [...all].filter((type) => !checkedLogTypes(DisableLogTypes).includes(type));
}

/** A new group is there at once, its static parameters take effect at the next reboot. */
function parameterGroupChange(call: Call, input: ModifyDBInstanceMessage, instance: InstanceRecord): Change {
  if (input.DBParameterGroupName === undefined) return {};
  const group = findParameterGroup(call, input.DBParameterGroupName);
  if (group.name === instance.parameterGroupName) return {};
  refuseOtherFamily(
    group,
    input.EngineVersion === undefined ? instance.engineVersion : laterVersion(input, instance),
  );
  return {
    parameterGroupName: group.name,
    parameterApplyStatus: 'pending-reboot',
    forceTls: forcesTls(group),
  };
}

/** Turns management of the password by RDS on or off, or rotates it. */
async function secretChange(
  call: Call,
  input: ModifyDBInstanceMessage,
  instance: InstanceRecord,
): Promise<Change & { readonly dropSecret?: boolean }> {
  const secret = instance.masterSecret;
  if (input.ManageMasterUserPassword === true && secret === undefined) {
    const masterPassword = newMasterPassword();
    return {
      masterPassword,
      masterSecret: await createMasterSecret(
        call,
        { ...instance, masterPassword },
        input.MasterUserSecretKmsKeyId,
      ),
    };
  }
  if (input.ManageMasterUserPassword === false && secret !== undefined) {
    if (input.MasterUserPassword === undefined) {
      throw new AwsError(
        'InvalidParameterCombination',
        'MasterUserPassword is required when ManageMasterUserPassword is turned off.',
      );
    }
    return { dropSecret: true };
  }
  if (input.RotateMasterUserPassword !== true) return {};
  if (secret === undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      'RotateMasterUserPassword needs a master password that RDS manages in Secrets Manager.',
    );
  }
  if (input.ApplyImmediately !== true)
    throw new AwsError(
      'InvalidParameterCombination',
      'RotateMasterUserPassword must be applied immediately.',
    );
  return { masterPassword: await rotateMasterPassword(call, instance, secret.arn) };
}

/** Makes what was waiting the instance's settings; a standby stands in another zone of the subnet group. */
function apply(owner: Owner, current: InstanceRecord, pending: PendingChange): InstanceRecord {
  const { secondaryAvailabilityZone: _before, ...rest } = current;
  const applied = { ...rest, ...pending, pending: {} };
  const zones = findSubnetGroup(owner, current.subnetGroupName).subnets.map(({ zone }) => zone);
  const standby = zones.sort().find((zone) => zone !== current.availabilityZone);
  return applied.multiAz && standby !== undefined
    ? { ...applied, secondaryAvailabilityZone: standby }
    : applied;
}

/** Changes an instance as a request asks. `tags` replace all tags, system tags among them; a request has none. */
export async function changeSettings(
  call: Call,
  input: ModifyDBInstanceMessage,
  tags?: Readonly<Record<string, string>>,
): Promise<InstanceRecord> {
  refuseNotEmulated(input);
  const instance = await watchKey(call, findInstance(call, input.DBInstanceIdentifier));
  if (instance.status !== 'available' && instance.status !== 'stopped') {
    throw new AwsError(
      'InvalidDBInstanceState',
      `Database instance is not in available state: ${instance.id} is ${instance.status}.`,
    );
  }
  const pending = deferrable(input, instance);
  const now = await immediate(call, input, instance);
  const { dropSecret, ...secret } = await secretChange(call, input, instance);
  const changed = changeInstance(call, instance.id, (current) => {
    const { masterSecret, ...rest } = current;
    const kept = dropSecret === true || masterSecret === undefined ? {} : { masterSecret };
    const all = { ...current.pending, ...pending };
    const settled: InstanceRecord = {
      ...rest,
      ...kept,
      ...now,
      ...secret,
      ...(tags === undefined ? {} : { tags }),
    };
    const next = input.ApplyImmediately === true ? apply(call, settled, all) : { ...settled, pending: all };
    placeInterfaces(call, next);
    return next;
  });
  if (dropSecret === true && instance.masterSecret !== undefined)
    deleteOwnedSecret(call, instance.masterSecret.arn);
  return changed ?? findInstance(call, instance.id);
}

async function modifyDBInstance(input: ModifyDBInstanceMessage, call: Call): Promise<ModifyDBInstanceResult> {
  return { DBInstance: instanceShape(call, await changeSettings(call, input)) };
}

export const modifyOperations = { ModifyDBInstance: modifyDBInstance };
