/** The life of a key: creation, description, disabling, scheduled deletion, policy and tags. */

import { randomUUID } from 'node:crypto';
import type {
  CancelKeyDeletionRequest,
  CancelKeyDeletionResponse,
  CreateKeyRequest,
  CreateKeyResponse,
  DescribeKeyRequest,
  DescribeKeyResponse,
  DisableKeyRequest,
  EnableKeyRequest,
  GetKeyPolicyRequest,
  GetKeyPolicyResponse,
  KeyMetadata,
  ListKeyPoliciesRequest,
  ListKeyPoliciesResponse,
  ListKeysRequest,
  ListKeysResponse,
  ListResourceTagsRequest,
  ListResourceTagsResponse,
  PutKeyPolicyRequest,
  ScheduleKeyDeletionRequest,
  ScheduleKeyDeletionResponse,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
  UpdateKeyDescriptionRequest,
} from '@aws-sdk/client-kms';
import { generatedUuid, parseArn, recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { checkedPolicy } from './policy.ts';
import {
  findKey,
  isMultiRegion,
  type KeyRecord,
  keyTable,
  multiRegionPrefix,
  newMaterial,
  newPrivateKey,
  refuseAwsManaged,
  refusePendingDeletion,
  rootPolicy,
  saveKey,
  settled,
  usageOf,
} from './records.ts';

const dayMs = 86_400_000;
const tagLimit = 50;
/** KMS knows one policy a key, and it has this name. */
const policyName = 'default';

function metadataOf(key: KeyRecord): KeyMetadata {
  return {
    AWSAccountId: key.accountId,
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: new Date(key.createdAt),
    Enabled: key.enabled && key.deletionAt === undefined,
    Description: key.description,
    KeyUsage: usageOf(key),
    KeyState: stateOf(key),
    ...(key.deletionAt === undefined ? {} : { DeletionDate: new Date(key.deletionAt) }),
    Origin: 'AWS_KMS',
    KeyManager: key.manager,
    ...specOf(key),
    ...multiRegionOf(key),
  };
}

function specOf({ privateKey, materials }: KeyRecord): Partial<KeyMetadata> {
  if (privateKey !== undefined) {
    return {
      CustomerMasterKeySpec: 'ECC_NIST_P256',
      KeySpec: 'ECC_NIST_P256',
      SigningAlgorithms: ['ECDSA_SHA_256'],
    };
  }
  return {
    CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
    KeySpec: 'SYMMETRIC_DEFAULT',
    EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
    CurrentKeyMaterialId: materials.at(-1)?.id,
  };
}

/** The primary of a multi-Region key, which has no replica: ReplicateKey is not emulated. */
function multiRegionOf(key: KeyRecord): Pick<KeyMetadata, 'MultiRegion' | 'MultiRegionConfiguration'> {
  if (!isMultiRegion(key)) return { MultiRegion: false };
  const { region } = parseArn(key.arn) ?? {};
  return {
    MultiRegion: true,
    MultiRegionConfiguration: {
      MultiRegionKeyType: 'PRIMARY',
      PrimaryKey: { Arn: key.arn, Region: region },
      ReplicaKeys: [],
    },
  };
}

function stateOf(key: KeyRecord): 'PendingDeletion' | 'Enabled' | 'Disabled' {
  if (key.deletionAt !== undefined) return 'PendingDeletion';
  return key.enabled ? 'Enabled' : 'Disabled';
}

function tagsOf(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ TagKey = '', TagValue = '' }) => [TagKey, TagValue]));
}

function checkedTags(tags: Record<string, string>): Record<string, string> {
  for (const [name, value] of Object.entries(tags)) {
    if (name.length < 1 || name.length > 128 || value.length > 256)
      throw new AwsError('TagException', `Invalid tag: ${name}`);
  }
  if (Object.keys(tags).length > tagLimit)
    throw new AwsError('LimitExceededException', `A key can have at most ${tagLimit} tags.`);
  return tags;
}

/** Makes a key, or finds the one that an earlier attempt with this token made. */
export function createKeyWithToken(input: CreateKeyRequest, call: Call, token: string): KeyRecord {
  refuseOtherKinds(input);
  const uuid = generatedUuid(token, 'kms-key');
  const id = input.MultiRegion === true ? `${multiRegionPrefix}${uuid.replaceAll('-', '')}` : uuid;
  const made = keyTable(call).get(recordKey(call, id));
  if (made !== undefined) return made;
  const createdAt = call.cloud.now().getTime();
  const policy = input.Policy ?? rootPolicy(call.accountId);
  return saveKey(call, {
    id,
    arn: regionalArn('kms', call, `key/${id}`),
    accountId: call.accountId,
    manager: 'CUSTOMER',
    description: input.Description ?? '',
    enabled: true,
    createdAt,
    ...(isForSignatures(input)
      ? { privateKey: newPrivateKey(), materials: [] }
      : { materials: [newMaterial('INITIAL', createdAt)] }),
    policy: checkedPolicy(policy, call.accountId, input.BypassPolicyLockoutSafetyCheck ?? false),
    tags: checkedTags(tagsOf(input.Tags)),
  });
}

const specIn = (input: CreateKeyRequest): string =>
  input.KeySpec ?? input.CustomerMasterKeySpec ?? 'SYMMETRIC_DEFAULT';

export const isForSignatures = (input: CreateKeyRequest): boolean => specIn(input) === 'ECC_NIST_P256';

/** Only the kinds that are used here, with material that KMS makes: symmetric ones of silos, and those that sign releases. */
function refuseOtherKinds(input: CreateKeyRequest): void {
  const spec = specIn(input);
  const usage = input.KeyUsage ?? 'ENCRYPT_DECRYPT';
  const known = { SYMMETRIC_DEFAULT: 'ENCRYPT_DECRYPT', ECC_NIST_P256: 'SIGN_VERIFY' }[spec];
  if (known !== undefined && known !== usage && usage !== 'KEY_AGREEMENT') {
    throw new AwsError('ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  }
  if (known !== usage) {
    throw new AwsError(
      'UnsupportedOperationException',
      `The sandbox makes SYMMETRIC_DEFAULT keys for ENCRYPT_DECRYPT and ECC_NIST_P256 keys for SIGN_VERIFY, not ${spec} for ${usage}.`,
    );
  }
  if ((input.Origin ?? 'AWS_KMS') !== 'AWS_KMS') {
    throw new AwsError(
      'UnsupportedOperationException',
      `The sandbox makes keys of origin AWS_KMS, not ${input.Origin}.`,
    );
  }
}

function createKey(input: CreateKeyRequest, call: Call): CreateKeyResponse {
  return { KeyMetadata: metadataOf(createKeyWithToken(input, call, randomUUID())) };
}

function describeKey(input: DescribeKeyRequest, call: Call): DescribeKeyResponse {
  return { KeyMetadata: metadataOf(findKey(call, input.KeyId, 'keys-and-aliases')) };
}

function listKeys(input: ListKeysRequest, call: Call): ListKeysResponse {
  const keys = keyTable(call)
    .list(recordKey(call))
    .filter((key) => settled(call, key) !== undefined);
  const page = pageOf(keys, {
    keyOf: (key) => key.id,
    marker: input.Marker,
    limit: input.Limit ?? 100,
    invalidMarkerCode: 'InvalidMarkerException',
  });
  return {
    Keys: page.items.map((key) => ({ KeyId: key.id, KeyArn: key.arn })),
    Truncated: page.next !== undefined,
    ...(page.next === undefined ? {} : { NextMarker: page.next }),
  };
}

/** The key that a request changes, by id or ARN: never an alias, never one that AWS manages. */
export function changeableKey(call: Call, keyId: string | undefined, operation: string): KeyRecord {
  const key = findKey(call, keyId, 'keys');
  refuseAwsManaged(key, operation);
  return key;
}

function enableKey(input: EnableKeyRequest, call: Call): void {
  const key = changeableKey(call, input.KeyId, 'kms:EnableKey');
  refusePendingDeletion(key);
  saveKey(call, { ...key, enabled: true });
}

function disableKey(input: DisableKeyRequest, call: Call): void {
  const key = changeableKey(call, input.KeyId, 'kms:DisableKey');
  refusePendingDeletion(key);
  saveKey(call, { ...key, enabled: false });
}

function updateKeyDescription(input: UpdateKeyDescriptionRequest, call: Call): void {
  const key = changeableKey(call, input.KeyId, 'kms:UpdateKeyDescription');
  refusePendingDeletion(key);
  saveKey(call, { ...key, description: input.Description ?? '' });
}

export function scheduleKeyDeletion(
  input: ScheduleKeyDeletionRequest,
  call: Call,
): ScheduleKeyDeletionResponse {
  const days = input.PendingWindowInDays ?? 30;
  if (days < 7 || days > 30) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${days}' at 'pendingWindowInDays' failed to satisfy constraint: Member must have value between 7 and 30, inclusive`,
    );
  }
  const key = changeableKey(call, input.KeyId, 'kms:ScheduleKeyDeletion');
  refusePendingDeletion(key);
  const deletionAt = call.cloud.now().getTime() + days * dayMs;
  saveKey(call, { ...key, deletionAt });
  return {
    KeyId: key.arn,
    DeletionDate: new Date(deletionAt),
    KeyState: 'PendingDeletion',
    PendingWindowInDays: days,
  };
}

/** As on AWS the key comes back disabled, and somebody has to enable it. */
function cancelKeyDeletion(input: CancelKeyDeletionRequest, call: Call): CancelKeyDeletionResponse {
  const { deletionAt, ...key } = changeableKey(call, input.KeyId, 'kms:CancelKeyDeletion');
  if (deletionAt === undefined)
    throw new AwsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
  saveKey(call, { ...key, enabled: false });
  return { KeyId: key.arn };
}

function refuseOtherPolicyName(name: string | undefined): void {
  if (name !== undefined && name !== policyName)
    throw new AwsError('NotFoundException', `No such policy exists: ${name}`);
}

function getKeyPolicy(input: GetKeyPolicyRequest, call: Call): GetKeyPolicyResponse {
  refuseOtherPolicyName(input.PolicyName);
  return { Policy: findKey(call, input.KeyId, 'keys').policy, PolicyName: policyName };
}

export function putKeyPolicy(input: PutKeyPolicyRequest, call: Call): void {
  refuseOtherPolicyName(input.PolicyName);
  const key = changeableKey(call, input.KeyId, 'kms:PutKeyPolicy');
  refusePendingDeletion(key);
  saveKey(call, {
    ...key,
    policy: checkedPolicy(input.Policy ?? '', call.accountId, input.BypassPolicyLockoutSafetyCheck ?? false),
  });
}

function listKeyPolicies(input: ListKeyPoliciesRequest, call: Call): ListKeyPoliciesResponse {
  findKey(call, input.KeyId, 'keys');
  return { PolicyNames: [policyName], Truncated: false };
}

function tagResource(input: TagResourceRequest, call: Call): void {
  const key = changeableKey(call, input.KeyId, 'kms:TagResource');
  refusePendingDeletion(key);
  const added = tagsOf(input.Tags);
  const reserved = Object.keys(added).find((name) => name.toLowerCase().startsWith('aws:'));
  if (reserved !== undefined)
    throw new AwsError(
      'TagException',
      `${reserved} is not a valid tag key. aws: prefixed tag keys are reserved.`,
    );
  saveKey(call, { ...key, tags: checkedTags({ ...key.tags, ...added }) });
}

function untagResource(input: UntagResourceRequest, call: Call): void {
  const key = changeableKey(call, input.KeyId, 'kms:UntagResource');
  refusePendingDeletion(key);
  const gone = new Set(input.TagKeys);
  saveKey(call, {
    ...key,
    tags: Object.fromEntries(Object.entries(key.tags).filter(([name]) => !gone.has(name))),
  });
}

function listResourceTags(input: ListResourceTagsRequest, call: Call): ListResourceTagsResponse {
  const tags = Object.entries(findKey(call, input.KeyId, 'keys').tags).map(([TagKey, TagValue]) => ({
    TagKey,
    TagValue,
  }));
  const page = pageOf(
    tags.sort((a, b) => (a.TagKey < b.TagKey ? -1 : 1)),
    {
      keyOf: ({ TagKey }) => TagKey,
      marker: input.Marker,
      limit: input.Limit ?? 50,
      invalidMarkerCode: 'InvalidMarkerException',
    },
  );
  return {
    Tags: page.items,
    Truncated: page.next !== undefined,
    ...(page.next === undefined ? {} : { NextMarker: page.next }),
  };
}

export const keyOperations = {
  CreateKey: createKey,
  DescribeKey: describeKey,
  ListKeys: listKeys,
  EnableKey: enableKey,
  DisableKey: disableKey,
  UpdateKeyDescription: updateKeyDescription,
  ScheduleKeyDeletion: scheduleKeyDeletion,
  CancelKeyDeletion: cancelKeyDeletion,
  GetKeyPolicy: getKeyPolicy,
  PutKeyPolicy: putKeyPolicy,
  ListKeyPolicies: listKeyPolicies,
  TagResource: tagResource,
  UntagResource: untagResource,
  ListResourceTags: listResourceTags,
};
