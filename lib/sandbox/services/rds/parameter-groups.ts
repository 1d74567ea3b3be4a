/** DB parameter groups ("Working with parameter groups", Amazon RDS User Guide). */
import type {
  CreateDBParameterGroupMessage,
  CreateDBParameterGroupResult,
  DBParameterGroup,
  DBParameterGroupDetails,
  DBParameterGroupNameMessage,
  DBParameterGroupsMessage,
  DeleteDBParameterGroupMessage,
  DescribeDBParameterGroupsMessage,
  DescribeDBParametersMessage,
  ModifyDBParameterGroupMessage,
  Parameter,
  ResetDBParameterGroupMessage,
} from '@aws-sdk/client-rds';
import { recordKey } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { requireRoom } from '../../quotas.ts';
import { allows, type EngineParameter, families, parametersOf } from './engine.ts';
import {
  changeInstance,
  checkedIdentifier,
  instanceTable,
  nameFrom,
  type Owner,
  type ParameterGroupRecord,
  parameterGroupTable,
  rdsArn,
  recordLimit,
  required,
} from './records.ts';
import { tagsOf } from './tags.ts';

const defaultPrefix = 'default.';
/** A request changes at most 20 parameters. */
const changeLimit = 20;

/** @throws AwsError DBParameterGroupNotFound (404). The default group of each family is always there. */
export function findParameterGroup(owner: Owner, given: string | undefined): ParameterGroupRecord {
  const name = nameFrom(owner, 'pg', required(given, 'DBParameterGroupName'));
  const group = parameterGroupTable(owner).get(recordKey(owner, name)) ?? defaultGroup(owner, name);
  if (group === undefined)
    throw new AwsError('DBParameterGroupNotFound', `DBParameterGroup not found: ${name}`, 404);
  return group;
}

function defaultGroup(owner: Owner, name: string): ParameterGroupRecord | undefined {
  const family = families.find((candidate) => name === defaultPrefix + candidate);
  if (family === undefined) return undefined;
  return {
    name,
    arn: rdsArn(owner, 'pg', name),
    family,
    description: `Default parameter group for ${family}`,
    values: {},
    tags: {},
  };
}

/** Whether the group makes TLS compulsory. */
export function forcesTls(group: ParameterGroupRecord): boolean {
  return (
    (group.values['rds.force_ssl'] ?? parametersOf(group.family).get('rds.force_ssl')?.defaultValue) === '1'
  );
}

function save(owner: Owner, group: ParameterGroupRecord): ParameterGroupRecord {
  parameterGroupTable(owner).put(recordKey(owner, group.name), group);
  return group;
}

function groupShape(group: ParameterGroupRecord): DBParameterGroup {
  return {
    DBParameterGroupName: group.name,
    DBParameterGroupFamily: group.family,
    Description: group.description,
    DBParameterGroupArn: group.arn,
  };
}

export interface NewParameterGroup {
  readonly name: string | undefined;
  readonly family: string | undefined;
  readonly description: string | undefined;
  readonly values: Readonly<Record<string, string>>;
  readonly tags: Readonly<Record<string, string>>;
  readonly madeBy?: string;
}

export function makeParameterGroup(owner: Owner, wanted: NewParameterGroup): ParameterGroupRecord {
  const name = checkedIdentifier(wanted.name, 'DBParameterGroupName', 255);
  const family = required(wanted.family, 'DBParameterGroupFamily');
  const description = required(wanted.description, 'Description');
  if (!families.includes(family))
    throw new AwsError(
      'InvalidParameterValue',
      `ParameterGroupFamily ${family} is not a valid parameter group family`,
    );
  if (parameterGroupTable(owner).get(recordKey(owner, name)) !== undefined) {
    throw new AwsError('DBParameterGroupAlreadyExists', `Parameter group ${name} already exists`);
  }
  for (const [parameter, value] of Object.entries(wanted.values)) checkedParameter(family, parameter, value);
  requireRoom(owner, 'dbParameterGroups');
  return save(owner, {
    name,
    arn: rdsArn(owner, 'pg', name),
    family,
    description,
    values: wanted.values,
    tags: wanted.tags,
    madeBy: wanted.madeBy,
  });
}

function createDBParameterGroup(
  input: CreateDBParameterGroupMessage,
  call: Call,
): CreateDBParameterGroupResult {
  const group = makeParameterGroup(call, {
    name: input.DBParameterGroupName,
    family: input.DBParameterGroupFamily,
    description: input.Description,
    values: {},
    tags: tagsOf(input.Tags),
  });
  return { DBParameterGroup: groupShape(group) };
}

/** @throws AwsError InvalidParameterValue for a parameter that the family lacks, does not let change, or a value it refuses. */
function checkedParameter(family: string, name: string, value: string): EngineParameter {
  const parameter = parametersOf(family).get(name);
  if (parameter === undefined)
    throw new AwsError('InvalidParameterValue', `Could not find parameter with name: ${name}`);
  if (!parameter.modifiable)
    throw new AwsError('InvalidParameterValue', `The parameter ${name} cannot be modified.`);
  if (!allows(parameter, value)) {
    throw new AwsError(
      'InvalidParameterValue',
      `Invalid parameter value: ${value} for: ${name} allowed values are: ${parameter.allowedValues ?? ''}`,
    );
  }
  return parameter;
}

function changeableGroup(owner: Owner, given: string | undefined): ParameterGroupRecord {
  const group = findParameterGroup(owner, given);
  if (group.name.startsWith(defaultPrefix)) {
    throw new AwsError(
      'InvalidDBParameterGroupState',
      `Default DBParameterGroup cannot be modified: ${group.name}`,
    );
  }
  return group;
}

/**
 * Gives the group new values. Instances take a dynamic parameter at once; a static one, or one that the request
 * wants to apply at a reboot, leaves them `pending-reboot`.
 */
export function setValues(
  owner: Owner,
  given: string | undefined,
  values: Readonly<Record<string, string>>,
  atReboot: boolean,
): ParameterGroupRecord {
  const group = changeableGroup(owner, given);
  const names = new Set([...Object.keys(group.values), ...Object.keys(values)]);
  const changed = [...names].filter((name) => group.values[name] !== values[name]);
  return owner.cloud.state.transaction(() => {
    const saved = save(owner, { ...group, values });
    const catalogue = parametersOf(group.family);
    const waits = atReboot || changed.some((name) => catalogue.get(name)?.applyType === 'static');
    for (const instance of membersOf(owner, group.name)) {
      changeInstance(owner, instance.id, (current) => ({
        ...current,
        forceTls: atReboot ? current.forceTls : forcesTls(saved),
        parameterApplyStatus: waits && changed.length > 0 ? 'pending-reboot' : current.parameterApplyStatus,
      }));
    }
    return saved;
  });
}

function membersOf(owner: Owner, groupName: string): Array<{ readonly id: string }> {
  return instanceTable(owner)
    .list(recordKey(owner))
    .filter(({ parameterGroupName }) => parameterGroupName === groupName);
}

function modifyDBParameterGroup(
  input: ModifyDBParameterGroupMessage,
  call: Call,
): DBParameterGroupNameMessage {
  const group = changeableGroup(call, input.DBParameterGroupName);
  const changes = input.Parameters ?? [];
  if (changes.length === 0 || changes.length > changeLimit) {
    throw new AwsError('InvalidParameterValue', `A request changes between 1 and ${changeLimit} parameters.`);
  }
  const values: Record<string, string> = { ...group.values };
  for (const { ParameterName, ParameterValue, ApplyMethod } of changes) {
    const name = required(ParameterName, 'ParameterName');
    const value = required(ParameterValue, 'ParameterValue');
    const parameter = checkedParameter(group.family, name, value);
    if (parameter.applyType === 'static' && ApplyMethod === 'immediate') {
      throw new AwsError(
        'InvalidParameterCombination',
        'cannot use immediate apply method for static parameter',
      );
    }
    values[name] = value;
  }
  setValues(
    call,
    group.name,
    values,
    changes.some(({ ApplyMethod }) => ApplyMethod === 'pending-reboot'),
  );
  return { DBParameterGroupName: group.name };
}

function resetDBParameterGroup(input: ResetDBParameterGroupMessage, call: Call): DBParameterGroupNameMessage {
  const group = changeableGroup(call, input.DBParameterGroupName);
  const named = new Set((input.Parameters ?? []).map(({ ParameterName }) => ParameterName));
  const kept = Object.entries(group.values).filter(
    ([name]) => input.ResetAllParameters === false && !named.has(name),
  );
  setValues(call, group.name, Object.fromEntries(kept), true);
  return { DBParameterGroupName: group.name };
}

/** Checks all values before it sets any. */
export function checkValues(family: string, values: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(values)) checkedParameter(family, name, value);
}

function describeDBParameterGroups(
  input: DescribeDBParameterGroupsMessage,
  call: Call,
): DBParameterGroupsMessage {
  if (input.DBParameterGroupName !== undefined) {
    return { DBParameterGroups: [groupShape(findParameterGroup(call, input.DBParameterGroupName))] };
  }
  const page = pageOf(parameterGroupTable(call).list(recordKey(call)), {
    keyOf: ({ name }) => name,
    marker: input.Marker,
    limit: recordLimit(input.MaxRecords),
    invalidMarkerCode: 'InvalidParameterValue',
  });
  return {
    DBParameterGroups: page.items.map(groupShape),
    ...(page.next === undefined ? {} : { Marker: page.next }),
  };
}

function describeDBParameters(input: DescribeDBParametersMessage, call: Call): DBParameterGroupDetails {
  const group = findParameterGroup(call, input.DBParameterGroupName);
  const parameters = [...parametersOf(group.family).values()]
    .map((parameter) => parameterShape(parameter, group.values[parameter.name]))
    .filter(({ Source }) => input.Source === undefined || Source === input.Source);
  const page = pageOf(parameters, {
    keyOf: ({ ParameterName = '' }) => ParameterName,
    marker: input.Marker,
    limit: recordLimit(input.MaxRecords),
    invalidMarkerCode: 'InvalidParameterValue',
  });
  return { Parameters: page.items, ...(page.next === undefined ? {} : { Marker: page.next }) };
}

function parameterShape(parameter: EngineParameter, own: string | undefined): Parameter {
  const value = own ?? parameter.defaultValue;
  const inherited = parameter.defaultValue === undefined ? 'engine-default' : 'system';
  return {
    ParameterName: parameter.name,
    ...(value === undefined ? {} : { ParameterValue: value }),
    Source: own === undefined ? inherited : 'user',
    ApplyType: parameter.applyType,
    DataType: parameter.dataType,
    ...(parameter.allowedValues === undefined ? {} : { AllowedValues: parameter.allowedValues }),
    IsModifiable: parameter.modifiable,
    ApplyMethod: parameter.applyType === 'static' ? 'pending-reboot' : 'immediate',
  };
}

export function deleteDBParameterGroup(input: DeleteDBParameterGroupMessage, call: Call): void {
  const group = changeableGroup(call, input.DBParameterGroupName);
  if (membersOf(call, group.name).length > 0) {
    throw new AwsError(
      'InvalidDBParameterGroupState',
      `One or more database instances are still members of this parameter group ${group.name}, so the group cannot be deleted`,
    );
  }
  parameterGroupTable(call).delete(recordKey(call, group.name));
}

export const parameterGroupOperations = {
  CreateDBParameterGroup: createDBParameterGroup,
  ModifyDBParameterGroup: modifyDBParameterGroup,
  ResetDBParameterGroup: resetDBParameterGroup,
  DescribeDBParameterGroups: describeDBParameterGroups,
  DescribeDBParameters: describeDBParameters,
  DeleteDBParameterGroup: deleteDBParameterGroup,
};
