/** AWS::KMS::Key and AWS::KMS::Alias. */
import { recordKey } from '../../identifiers.ts';
import { AwsError, type ResourceContext, type ResourceHandler, type ResourceOutcome } from '../../model.ts';
import { flagOf, numberOf, tagsAsList, tagsOf, textOf } from '../properties.ts';
import { createAlias, deleteAlias, updateAlias } from './aliases.ts';
import { createKeyWithToken, isForSignatures, putKeyPolicy, scheduleKeyDeletion } from './keys.ts';
import {
  aliasTable,
  findKey,
  isMultiRegion,
  type KeyRecord,
  keyTable,
  rootPolicy,
  saveKey,
} from './records.ts';
import { disableKeyRotation, enableKeyRotation } from './rotation.ts';

type Properties = Record<string, unknown>;

/** Brings an existing key to what the template says; a key is enabled before it is asked to rotate. */
function settleKey(key: KeyRecord, properties: Properties, context: ResourceContext): ResourceOutcome {
  const policy = textOf(properties['KeyPolicy']) ?? rootPolicy(context.accountId);
  putKeyPolicy(
    {
      KeyId: key.id,
      Policy: policy,
      BypassPolicyLockoutSafetyCheck: flagOf(properties['BypassPolicyLockoutSafetyCheck']),
    },
    context,
  );
  saveKey(context, {
    ...findKey(context, key.id, 'keys'),
    description: textOf(properties['Description']) ?? '',
    enabled: true,
    tags: tagsOf(properties, context),
  });
  if (flagOf(properties['EnableKeyRotation']) === true) {
    enableKeyRotation(
      { KeyId: key.id, RotationPeriodInDays: numberOf(properties['RotationPeriodInDays']) },
      context,
    );
  } else {
    disableKeyRotation({ KeyId: key.id }, context);
  }
  saveKey(context, { ...findKey(context, key.id, 'keys'), enabled: flagOf(properties['Enabled']) ?? true });
  return { physicalId: key.id, attributes: { Arn: key.arn, KeyId: key.id } };
}

/** "AWS::KMS::Key" (AWS CloudFormation Template Reference): such an update fails, whatever the resource's update policy, so that no key is lost. */
function refuseAnotherKind(key: KeyRecord, properties: Properties): void {
  const kind = [
    ['KeySpec', 'SYMMETRIC_DEFAULT', textOf(properties['KeySpec']) ?? 'SYMMETRIC_DEFAULT'],
    ['KeyUsage', 'ENCRYPT_DECRYPT', textOf(properties['KeyUsage']) ?? 'ENCRYPT_DECRYPT'],
    ['Origin', 'AWS_KMS', textOf(properties['Origin']) ?? 'AWS_KMS'],
    ['MultiRegion', isMultiRegion(key), flagOf(properties['MultiRegion']) ?? false],
  ] as const;
  for (const [name, is, asked] of kind) {
    if (is === asked) continue;
    throw new AwsError(
      'ValidationException',
      `The ${name} of a key cannot be changed: it is ${is}, not ${asked}.`,
    );
  }
}

/** A key that waits for its deletion has left its stack's hands: CloudFormation finds it disabled, and says so. */
function liveKey(key: KeyRecord): Properties {
  return {
    KeyPolicy: JSON.parse(key.policy) as unknown,
    Description: key.description,
    Enabled: key.enabled && key.deletionAt === undefined,
    EnableKeyRotation: key.rotation !== undefined,
    RotationPeriodInDays: key.rotation?.periodInDays,
    MultiRegion: isMultiRegion(key),
    Tags: tagsAsList(key.tags),
  };
}

const keyHandler: ResourceHandler = {
  type: 'AWS::KMS::Key',
  fidelity: 'behaves',
  create(properties, context) {
    const input = {
      Policy: textOf(properties['KeyPolicy']),
      BypassPolicyLockoutSafetyCheck: flagOf(properties['BypassPolicyLockoutSafetyCheck']),
      KeySpec: textOf(properties['KeySpec']) as undefined,
      KeyUsage: textOf(properties['KeyUsage']) as undefined,
      Origin: textOf(properties['Origin']) as undefined,
      MultiRegion: flagOf(properties['MultiRegion']),
    };
    if (isForSignatures(input)) {
      throw new AwsError(
        'UnsupportedOperationException',
        'The sandbox makes keys that sign by CreateKey only.',
      );
    }
    return settleKey(createKeyWithToken(input, context, context.token), properties, context);
  },
  update(physicalId, properties, _previous, context) {
    const key = findKey(context, physicalId, 'keys');
    refuseAnotherKind(key, properties);
    return settleKey(key, properties, context);
  },
  read(physicalId, _properties, context) {
    const key = keyTable(context).get(recordKey(context, physicalId));
    return Promise.resolve(key && liveKey(key));
  },
  delete(physicalId, properties, context) {
    const key = keyTable(context).get(recordKey(context, physicalId));
    if (key === undefined || key.deletionAt !== undefined) return;
    scheduleKeyDeletion(
      { KeyId: physicalId, PendingWindowInDays: numberOf(properties['PendingWindowInDays']) ?? 30 },
      context,
    );
  },
};

const aliasHandler: ResourceHandler = {
  type: 'AWS::KMS::Alias',
  fidelity: 'behaves',
  create(properties, context) {
    const name = textOf(properties['AliasName']) ?? '';
    const target = textOf(properties['TargetKeyId']);
    const made = aliasTable(context).get(recordKey(context, name));
    const again = made !== undefined && made.madeBy === context.token;
    if (!again) createAlias({ AliasName: name, TargetKeyId: target }, context, context.token);
    return { physicalId: name, attributes: {} };
  },
  update(physicalId, properties, _previous, context) {
    updateAlias({ AliasName: physicalId, TargetKeyId: textOf(properties['TargetKeyId']) }, context);
    return { physicalId, attributes: {} };
  },
  delete(physicalId, _properties, context) {
    try {
      deleteAlias({ AliasName: physicalId }, context);
    } catch (error) {
      if (!(error instanceof AwsError && error.code === 'NotFoundException')) throw error;
    }
  },
};

export const resources: ResourceHandler[] = [keyHandler, aliasHandler];
