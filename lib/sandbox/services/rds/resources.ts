/** AWS::RDS::DBInstance, AWS::RDS::DBSubnetGroup and AWS::RDS::DBParameterGroup. */

import { isDeepStrictEqual } from 'node:util';
import type { CreateDBInstanceMessage, ModifyDBInstanceMessage } from '@aws-sdk/client-rds';
import { generatedName, recordKey } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, listOf, numberOf, tagsAsList, tagsOf, textOf } from '../properties.ts';
import { makeInstance } from './creation.ts';
import { bringUp, remove } from './engines.ts';
import { markDeleting } from './instances.ts';
import { liveInstance, needsNewInstance } from './live-properties.ts';
import { changeSettings } from './modify.ts';
import {
  checkValues,
  deleteDBParameterGroup,
  findParameterGroup,
  makeParameterGroup,
  setValues,
} from './parameter-groups.ts';
import {
  type InstanceRecord,
  instanceNamed,
  type ParameterGroupRecord,
  parameterGroupTable,
  type SubnetGroupRecord,
  subnetGroupTable,
} from './records.ts';
import { makeFromSnapshot } from './restore.ts';
import { changeSubnetGroup, deleteDBSubnetGroup, makeSubnetGroup } from './subnet-groups.ts';

type Properties = Record<string, unknown>;

/** RDS keeps names in lower case and refuses two hyphens in a row. */
function nameFor(given: unknown, context: ResourceContext, limit: number): string {
  return (textOf(given) ?? generatedName(context, limit, 'lower')).toLowerCase().replace(/-{2,}/g, '-');
}

/** Properties that the API would take and this emulation has nothing behind; those it lacks are refused by `makeInstance`. */
const refusedProperties = [
  'DBClusterSnapshotIdentifier',
  'SourceDBInstanceIdentifier',
  'SourceDBClusterIdentifier',
  'SourceDBInstanceAutomatedBackupsArn',
  'SourceDbiResourceId',
  'RestoreTime',
  'AutomaticBackupReplicationRegion',
  'AssociatedRoles',
  'DBSecurityGroups',
] as const;

function refuseNotEmulated(properties: Properties): void {
  const asked = refusedProperties.find((name) => properties[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'InvalidRequest',
      `The sandbox does not emulate ${asked} of AWS::RDS::DBInstance: leave it out.`,
    );
}

/** What creation and change have in common. */
function sharedSettings(
  properties: Properties,
): Pick<ModifyDBInstanceMessage & CreateDBInstanceMessage, 'DBInstanceClass' | 'EngineVersion'> &
  Omit<ModifyDBInstanceMessage, 'DBInstanceIdentifier'> {
  const secret = properties['MasterUserSecret'] as Properties | undefined;
  const securityGroups = properties['VPCSecurityGroups'];
  return {
    DBInstanceClass: textOf(properties['DBInstanceClass']),
    AllocatedStorage: numberOf(properties['AllocatedStorage']),
    MaxAllocatedStorage: numberOf(properties['MaxAllocatedStorage']),
    StorageType: textOf(properties['StorageType']),
    Iops: numberOf(properties['Iops']),
    StorageThroughput: numberOf(properties['StorageThroughput']),
    MasterUserPassword: textOf(properties['MasterUserPassword']),
    ManageMasterUserPassword: flagOf(properties['ManageMasterUserPassword']),
    MasterUserSecretKmsKeyId: textOf(secret?.['KmsKeyId']),
    ...(securityGroups === undefined ? {} : { VpcSecurityGroupIds: listOf(securityGroups) }),
    DBSubnetGroupName: textOf(properties['DBSubnetGroupName']),
    DBParameterGroupName: textOf(properties['DBParameterGroupName']),
    EngineVersion: textOf(properties['EngineVersion']),
    MultiAZ: flagOf(properties['MultiAZ']),
    PubliclyAccessible: flagOf(properties['PubliclyAccessible']),
    BackupRetentionPeriod: numberOf(properties['BackupRetentionPeriod']),
    PreferredBackupWindow: textOf(properties['PreferredBackupWindow']),
    PreferredMaintenanceWindow: textOf(properties['PreferredMaintenanceWindow']),
    DeletionProtection: flagOf(properties['DeletionProtection']),
    CopyTagsToSnapshot: flagOf(properties['CopyTagsToSnapshot']),
    AutoMinorVersionUpgrade: flagOf(properties['AutoMinorVersionUpgrade']),
    CACertificateIdentifier: textOf(properties['CACertificateIdentifier']),
    EnableIAMDatabaseAuthentication: flagOf(properties['EnableIAMDatabaseAuthentication']),
    EnablePerformanceInsights: flagOf(properties['EnablePerformanceInsights']),
    PerformanceInsightsKMSKeyId: textOf(properties['PerformanceInsightsKMSKeyId']),
    PerformanceInsightsRetentionPeriod: numberOf(properties['PerformanceInsightsRetentionPeriod']),
    DatabaseInsightsMode: textOf(properties['DatabaseInsightsMode']) as 'standard' | 'advanced' | undefined,
    MonitoringInterval: numberOf(properties['MonitoringInterval']),
    MonitoringRoleArn: textOf(properties['MonitoringRoleArn']),
    OptionGroupName: textOf(properties['OptionGroupName']),
    Domain: textOf(properties['Domain']),
  };
}

function creationInput(properties: Properties, context: ResourceContext): CreateDBInstanceMessage {
  const { DBInstanceClass, ...settings } = sharedSettings(properties);
  return {
    ...settings,
    DBInstanceClass,
    DBInstanceIdentifier: nameFor(properties['DBInstanceIdentifier'], context, 63),
    Engine: textOf(properties['Engine']),
    DBName: textOf(properties['DBName']),
    MasterUsername: textOf(properties['MasterUsername']),
    Port: numberOf(properties['Port']),
    AvailabilityZone: textOf(properties['AvailabilityZone']),
    StorageEncrypted: flagOf(properties['StorageEncrypted']),
    KmsKeyId: textOf(properties['KmsKeyId']),
    EnableCloudwatchLogsExports: listOf(properties['EnableCloudwatchLogsExports']),
    DBClusterIdentifier: textOf(properties['DBClusterIdentifier']),
    CharacterSetName: textOf(properties['CharacterSetName']),
    Timezone: textOf(properties['Timezone']),
    CustomIamInstanceProfile: textOf(properties['CustomIAMInstanceProfile']),
  };
}

/** Only what the template changed, so that an update does not undo what was settled elsewhere. */
function changeInput(
  physicalId: string,
  properties: Properties,
  previous: Properties,
): ModifyDBInstanceMessage {
  const wanted = sharedSettings(properties);
  const before = sharedSettings(previous);
  const changed = Object.entries(wanted).filter(
    ([name, value]) => !isDeepStrictEqual(value, before[name as keyof typeof before]),
  );
  const [now, then] = [properties, previous].map((from) => listOf(from['EnableCloudwatchLogsExports']));
  const exports = {
    EnableLogTypes: (now ?? []).filter((type) => !(then ?? []).includes(type)),
    DisableLogTypes: (then ?? []).filter((type) => !(now ?? []).includes(type)),
  };
  const exportsChange = exports.EnableLogTypes.length + exports.DisableLogTypes.length > 0;
  return {
    ...(Object.fromEntries(changed) as Partial<ModifyDBInstanceMessage>),
    ...(exportsChange ? { CloudwatchLogsExportConfiguration: exports } : {}),
    DBInstanceIdentifier: physicalId,
    AllowMajorVersionUpgrade: flagOf(properties['AllowMajorVersionUpgrade']),
    ApplyImmediately: flagOf(properties['ApplyImmediately']) ?? true,
  };
}

function outcomeOf(instance: InstanceRecord): ResourceOutcome {
  const { endpoint, masterSecret } = instance;
  return {
    physicalId: instance.id,
    attributes: {
      DBInstanceArn: instance.arn,
      DbiResourceId: instance.resourceId,
      ...(endpoint === undefined
        ? {}
        : { 'Endpoint.Address': endpoint.address, 'Endpoint.Port': String(endpoint.port) }),
      ...(masterSecret === undefined ? {} : { 'MasterUserSecret.SecretArn': masterSecret.arn }),
    },
  };
}

/** An instance that came no further than its record is removed again; one that the sandbox's end cut off is kept. */
async function settle(context: ResourceContext, instance: InstanceRecord): Promise<InstanceRecord> {
  if (instance.status !== 'creating' && instance.status !== 'failed') return instance;
  try {
    return await bringUp(context, instance);
  } catch (error) {
    if (error instanceof AwsError) await remove(context, instance);
    throw error;
  }
}

const instanceHandler: ResourceHandler = {
  type: 'AWS::RDS::DBInstance',
  fidelity: 'behaves',
  async create(properties, context) {
    refuseNotEmulated(properties);
    const input = creationInput(properties, context);
    const tags = tagsOf(properties, context);
    const snapshot = textOf(properties['DBSnapshotIdentifier']);
    const instance = await (snapshot === undefined
      ? makeInstance(context, input, tags, context.token)
      : makeFromSnapshot(context, snapshot, input, tags, context.token));
    return outcomeOf(await settle(context, instance));
  },
  async update(physicalId, properties, previous, context) {
    refuseNotEmulated(properties);
    return outcomeOf(
      await changeSettings(
        context,
        changeInput(physicalId, properties, previous),
        tagsOf(properties, context),
      ),
    );
  },
  read(physicalId, properties, context) {
    const instance = instanceNamed(context, physicalId);
    return Promise.resolve(instance && liveInstance(instance, properties));
  },
  replaces: needsNewInstance,
  async delete(physicalId, _properties, context) {
    const instance = instanceNamed(context, physicalId);
    if (instance !== undefined) await remove(context, markDeleting(context, instance));
  },
};

const subnetGroupOutcome = (group: SubnetGroupRecord): ResourceOutcome => ({
  physicalId: group.name,
  attributes: { DBSubnetGroupArn: group.arn },
});

const subnetGroupHandler: ResourceHandler = {
  type: 'AWS::RDS::DBSubnetGroup',
  fidelity: 'behaves',
  async create(properties, context) {
    const name = nameFor(properties['DBSubnetGroupName'], context, 255);
    const made = subnetGroupTable(context).get(recordKey(context, name));
    if (made?.madeBy === context.token) return subnetGroupOutcome(made);
    const group = await makeSubnetGroup(context, {
      name,
      description: textOf(properties['DBSubnetGroupDescription']),
      subnetIds: listOf(properties['SubnetIds']),
      tags: tagsOf(properties, context),
      madeBy: context.token,
    });
    return subnetGroupOutcome(group);
  },
  async update(physicalId, properties, _previous, context) {
    const change = {
      description: textOf(properties['DBSubnetGroupDescription']),
      subnetIds: listOf(properties['SubnetIds']),
      tags: tagsOf(properties, context),
    };
    return subnetGroupOutcome(await changeSubnetGroup(context, physicalId, change));
  },
  read(physicalId, _properties, context) {
    const group = subnetGroupTable(context).get(recordKey(context, physicalId));
    return Promise.resolve(
      group && {
        DBSubnetGroupName: group.name,
        DBSubnetGroupDescription: group.description,
        SubnetIds: group.subnets.map(({ id }) => id),
        Tags: tagsAsList(group.tags),
      },
    );
  },
  delete(physicalId, _properties, context) {
    if (subnetGroupTable(context).get(recordKey(context, physicalId)) === undefined) return;
    deleteDBSubnetGroup({ DBSubnetGroupName: physicalId }, context);
  },
};

const parameterGroupOutcome = (group: ParameterGroupRecord): ResourceOutcome => ({
  physicalId: group.name,
  attributes: { DBParameterGroupName: group.name, DBParameterGroupArn: group.arn },
});

function valuesFrom(properties: Properties): Record<string, string> {
  const values = (properties['Parameters'] ?? {}) as Properties;
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, textOf(value) ?? '']));
}

const parameterGroupHandler: ResourceHandler = {
  type: 'AWS::RDS::DBParameterGroup',
  fidelity: 'behaves',
  create(properties, context) {
    const name = nameFor(properties['DBParameterGroupName'], context, 255);
    const made = parameterGroupTable(context).get(recordKey(context, name));
    if (made?.madeBy === context.token) return parameterGroupOutcome(made);
    const group = makeParameterGroup(context, {
      name,
      family: textOf(properties['Family']),
      description: textOf(properties['Description']),
      values: valuesFrom(properties),
      tags: tagsOf(properties, context),
      madeBy: context.token,
    });
    return parameterGroupOutcome(group);
  },
  update(physicalId, properties, _previous, context) {
    const values = valuesFrom(properties);
    checkValues(findParameterGroup(context, physicalId).family, values);
    const group = { ...setValues(context, physicalId, values, false), tags: tagsOf(properties, context) };
    parameterGroupTable(context).put(recordKey(context, group.name), group);
    return parameterGroupOutcome(group);
  },
  read(physicalId, _properties, context) {
    const group = parameterGroupTable(context).get(recordKey(context, physicalId));
    return Promise.resolve(
      group && {
        DBParameterGroupName: group.name,
        Family: group.family,
        Description: group.description,
        Parameters: group.values,
        Tags: tagsAsList(group.tags),
      },
    );
  },
  delete(physicalId, _properties, context) {
    if (parameterGroupTable(context).get(recordKey(context, physicalId)) === undefined) return;
    deleteDBParameterGroup({ DBParameterGroupName: physicalId }, context);
  },
};

export const resources: ResourceHandler[] = [instanceHandler, subnetGroupHandler, parameterGroupHandler];
