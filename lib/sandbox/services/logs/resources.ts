/** AWS::Logs::LogGroup. */
import { generatedName, recordKey } from '../../identifiers.ts';
import { AwsError, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, numberOf, tagsAsList, tagsOf, textOf } from '../properties.ts';
import { checkedKey } from './encryption.ts';
import { checkedRetention, deleteLogGroup, makeGroup } from './groups.ts';
import { findGroup, groupTable, type LogGroupRecord, saveGroup } from './records.ts';
import { resourcePolicyHandler } from './resource-policies.ts';

type Properties = Record<string, unknown>;

const notEmulated = [
  'DataProtectionPolicy',
  'FieldIndexPolicies',
  'ResourcePolicyDocument',
  'BearerTokenAuthenticationEnabled',
] as const;

function refuseNotEmulated(properties: Properties): void {
  const asked = notEmulated.find((name) => properties[name] !== undefined);
  if (asked !== undefined)
    throw new AwsError(
      'InvalidRequest',
      `The sandbox does not emulate ${asked} of AWS::Logs::LogGroup: leave it out.`,
    );
}

const outcomeOf = (group: LogGroupRecord): ResourceOutcome => ({
  physicalId: group.name,
  attributes: { Arn: `${group.arn}:*` },
});

const logGroupHandler: ResourceHandler = {
  type: 'AWS::Logs::LogGroup',
  fidelity: 'behaves',
  async create(properties, context) {
    refuseNotEmulated(properties);
    const group = await makeGroup(context, {
      name: textOf(properties['LogGroupName']) ?? generatedName(context, 512),
      kmsKeyArn: textOf(properties['KmsKeyId']),
      retentionInDays: numberOf(properties['RetentionInDays']),
      logGroupClass: textOf(properties['LogGroupClass']),
      deletionProtection: flagOf(properties['DeletionProtectionEnabled']) ?? false,
      tags: tagsOf(properties, context),
      madeBy: context.token,
    });
    return outcomeOf(group);
  },
  async update(physicalId, properties, _previous, context) {
    refuseNotEmulated(properties);
    const keyId = textOf(properties['KmsKeyId']);
    const days = numberOf(properties['RetentionInDays']);
    const retention = days === undefined ? {} : { retentionInDays: checkedRetention(days) };
    const key = keyId === undefined ? {} : { kmsKeyArn: await checkedKey(context, physicalId, keyId) };
    const { retentionInDays: _days, kmsKeyArn: _key, ...group } = findGroup(context, physicalId);
    const deletionProtection = flagOf(properties['DeletionProtectionEnabled']) ?? false;
    return outcomeOf(
      saveGroup(context, {
        ...group,
        ...retention,
        ...key,
        deletionProtection,
        tags: tagsOf(properties, context),
      }),
    );
  },
  read(physicalId, _properties, context) {
    const group = groupTable(context).get(recordKey(context, physicalId));
    return Promise.resolve(
      group && {
        LogGroupName: group.name,
        RetentionInDays: group.retentionInDays,
        KmsKeyId: group.kmsKeyArn,
        LogGroupClass: group.logGroupClass,
        DeletionProtectionEnabled: group.deletionProtection,
        Tags: tagsAsList(group.tags),
      },
    );
  },
  delete(physicalId, _properties, context) {
    if (groupTable(context).get(recordKey(context, physicalId)) !== undefined)
      deleteLogGroup({ logGroupName: physicalId }, context);
  },
};

export const resources: ResourceHandler[] = [logGroupHandler, resourcePolicyHandler];
