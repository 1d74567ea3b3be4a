/** The life of a secret: creation, description, listing, deletion and recovery, tags and resource policy. */
import { randomUUID } from 'node:crypto';
import type {
  CreateSecretRequest,
  CreateSecretResponse,
  DeleteResourcePolicyRequest,
  DeleteResourcePolicyResponse,
  DeleteSecretRequest,
  DeleteSecretResponse,
  DescribeSecretRequest,
  DescribeSecretResponse,
  GetResourcePolicyRequest,
  GetResourcePolicyResponse,
  ListSecretsRequest,
  ListSecretsResponse,
  PutResourcePolicyRequest,
  PutResourcePolicyResponse,
  RestoreSecretRequest,
  RestoreSecretResponse,
  SecretListEntry,
  Tag,
  TagResourceRequest,
  UntagResourceRequest,
} from '@aws-sdk/client-secrets-manager';
import { generatedId, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import {
  findLiveSecret,
  findSecret,
  forgetSecret,
  listSecretRecords,
  openVersion,
  passesFilter,
  refuseManaged,
  type SecretRecord,
  type SecretValue,
  saveSecret,
  sealVersion,
  secretNamed,
} from './records.ts';

const dayMs = 86_400_000;
const tagLimit = 50;
/** RDS rotates the password of a managed secret every seven days on AWS. */
const managedRotationDays = 7;

function tagsOf(tags: readonly Tag[] | undefined): Record<string, string> {
  return Object.fromEntries((tags ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
}

function checkedTags(tags: Record<string, string>): Record<string, string> {
  const reserved = Object.keys(tags).find((name) => name.toLowerCase().startsWith('aws:'));
  if (reserved !== undefined)
    throw new AwsError('InvalidRequestException', `Tag keys that start with aws: are reserved: ${reserved}`);
  if (Object.keys(tags).length > tagLimit)
    throw new AwsError('InvalidParameterException', `A secret can have at most ${tagLimit} tags.`);
  return tags;
}

function checkedName(name: string | undefined): string {
  if (name === undefined || !/^[A-Za-z0-9/_+=.@!-]{1,512}$/.test(name)) {
    throw new AwsError(
      'ValidationException',
      'Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!',
    );
  }
  return name;
}

/** A value, if the request carries one; refuses a request that carries both kinds. */
export function valueIn(input: SecretValue): SecretValue | undefined {
  if (input.SecretString !== undefined && input.SecretBinary !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      'You must specify either SecretString or SecretBinary, not both.',
    );
  }
  return input.SecretString === undefined && input.SecretBinary === undefined ? undefined : input;
}

export interface NewSecret {
  readonly name: string;
  readonly value: SecretValue | undefined;
  readonly description: string | undefined;
  readonly kmsKeyId: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  /** The same for every attempt at this one creation. */
  readonly token: string;
  readonly versionId: string;
  readonly owningService?: string;
}

/** Makes a secret, or finds the one that an earlier attempt with this token made. */
export async function makeSecret(call: Call, wanted: NewSecret): Promise<SecretRecord> {
  const arn = regionalArn(
    'secretsmanager',
    call,
    `secret:${generatedId(wanted.token, `${wanted.name}-`, 6, 'mixed')}`,
  );
  const version =
    wanted.value === undefined
      ? undefined
      : await sealVersion(call, { arn, kmsKeyId: wanted.kmsKeyId }, wanted.value, {
          id: wanted.versionId,
          stages: ['AWSCURRENT'],
        });
  const made = secretNamed(call, wanted.name);
  if (made?.arn === arn && made.deletion === undefined) return made;
  refuseTakenName(made);
  const now = call.cloud.now().getTime();
  return saveSecret(call, {
    arn,
    name: wanted.name,
    description: wanted.description,
    kmsKeyId: wanted.kmsKeyId,
    createdAt: now,
    changedAt: now,
    versions: version === undefined ? [] : [version],
    tags: wanted.tags,
    ...(wanted.owningService === undefined ? {} : { owningService: wanted.owningService }),
  });
}

function refuseTakenName(taken: SecretRecord | undefined): void {
  if (taken === undefined) return;
  if (taken.deletion !== undefined) {
    throw new AwsError(
      'InvalidRequestException',
      "You can't create this secret because a secret with this name is already scheduled for deletion.",
    );
  }
  throw new AwsError(
    'ResourceExistsException',
    `The operation failed because the secret ${taken.name} already exists.`,
  );
}

async function createSecret(input: CreateSecretRequest, call: Call): Promise<CreateSecretResponse> {
  const value = valueIn(input);
  const name = checkedName(input.Name);
  const token = input.ClientRequestToken ?? randomUUID();
  const earlier = secretNamed(call, name)?.versions.find(({ id }) => id === token);
  if (earlier !== undefined && value !== undefined)
    await refuseOtherValue(call, findSecret(call, name), earlier.id, value);
  const secret = await makeSecret(call, {
    name,
    value,
    description: input.Description,
    kmsKeyId: input.KmsKeyId,
    tags: checkedTags(tagsOf(input.Tags)),
    token,
    versionId: token,
  });
  const version = secret.versions.at(0);
  return { ARN: secret.arn, Name: secret.name, ...(version === undefined ? {} : { VersionId: version.id }) };
}

/** A request token that is used again has to come with the same value. */
export async function refuseOtherValue(
  call: Call,
  secret: SecretRecord,
  versionId: string,
  value: SecretValue,
): Promise<void> {
  const version = secret.versions.find(({ id }) => id === versionId);
  if (version === undefined) return;
  const kept = await openVersion(call, secret, version);
  const bytes = (of: SecretValue): Buffer => Buffer.from(of.SecretBinary ?? of.SecretString ?? '');
  if (!bytes(kept).equals(bytes(value))) {
    throw new AwsError(
      'ResourceExistsException',
      `The operation failed because a version ${versionId} with another value already exists in the secret.`,
    );
  }
}

function described(secret: SecretRecord): Omit<DescribeSecretResponse, 'VersionIdsToStages'> {
  const managed = secret.owningService !== undefined;
  return {
    ARN: secret.arn,
    Name: secret.name,
    ...(secret.description === undefined ? {} : { Description: secret.description }),
    ...(secret.kmsKeyId === undefined ? {} : { KmsKeyId: secret.kmsKeyId }),
    ...(managed
      ? { RotationEnabled: true, RotationRules: { AutomaticallyAfterDays: managedRotationDays } }
      : {}),
    ...(secret.rotatedAt === undefined ? {} : { LastRotatedDate: new Date(secret.rotatedAt) }),
    LastChangedDate: new Date(secret.changedAt),
    ...(secret.accessedAt === undefined ? {} : { LastAccessedDate: new Date(secret.accessedAt) }),
    ...(secret.deletion === undefined ? {} : { DeletedDate: new Date(secret.deletion.requestedAt) }),
    Tags: Object.entries(secret.tags).map(([Key, Value]) => ({ Key, Value })),
    ...(secret.owningService === undefined ? {} : { OwningService: secret.owningService }),
    CreatedDate: new Date(secret.createdAt),
  };
}

function stagesOf(secret: SecretRecord): Record<string, string[]> {
  return Object.fromEntries(
    secret.versions.filter(({ stages }) => stages.length > 0).map(({ id, stages }) => [id, [...stages]]),
  );
}

function describeSecret(input: DescribeSecretRequest, call: Call): DescribeSecretResponse {
  const secret = findSecret(call, input.SecretId);
  return { ...described(secret), VersionIdsToStages: stagesOf(secret) };
}

function listSecrets(input: ListSecretsRequest, call: Call): ListSecretsResponse {
  const secrets = listSecretRecords(call)
    .filter((secret) => input.IncludePlannedDeletion === true || secret.deletion === undefined)
    .filter((secret) => (input.Filters ?? []).every((filter) => passesFilter(secret, filter)));
  const page = pageOf(secrets, {
    keyOf: (secret) => secret.name,
    marker: input.NextToken,
    limit: input.MaxResults ?? 100,
    invalidMarkerCode: 'InvalidNextTokenException',
  });
  const entry = (secret: SecretRecord): SecretListEntry => ({
    ...described(secret),
    SecretVersionsToStages: stagesOf(secret),
  });
  return { SecretList: page.items.map(entry), ...(page.next === undefined ? {} : { NextToken: page.next }) };
}

function deleteSecret(input: DeleteSecretRequest, call: Call): DeleteSecretResponse {
  const force = input.ForceDeleteWithoutRecovery === true;
  const days = input.RecoveryWindowInDays;
  if (force && days !== undefined) {
    throw new AwsError(
      'InvalidParameterException',
      "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.",
    );
  }
  if (days !== undefined && (days < 7 || days > 30)) {
    throw new AwsError(
      'InvalidParameterException',
      'The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).',
    );
  }
  const secret = refuseManaged(
    force ? findSecret(call, input.SecretId) : findLiveSecret(call, input.SecretId),
  );
  const requestedAt = call.cloud.now().getTime();
  const at = force ? requestedAt : requestedAt + (days ?? 30) * dayMs;
  if (force) forgetSecret(call, secret);
  else saveSecret(call, { ...secret, deletion: { requestedAt, at } });
  return { ARN: secret.arn, Name: secret.name, DeletionDate: new Date(at) };
}

function restoreSecret(input: RestoreSecretRequest, call: Call): RestoreSecretResponse {
  const { deletion: _cancelled, ...secret } = findSecret(call, input.SecretId);
  saveSecret(call, secret);
  return { ARN: secret.arn, Name: secret.name };
}

function tagResource(input: TagResourceRequest, call: Call): void {
  const secret = findLiveSecret(call, input.SecretId);
  saveSecret(call, { ...secret, tags: { ...secret.tags, ...checkedTags(tagsOf(input.Tags)) } });
}

function untagResource(input: UntagResourceRequest, call: Call): void {
  const secret = findLiveSecret(call, input.SecretId);
  const gone = new Set(input.TagKeys);
  saveSecret(call, {
    ...secret,
    tags: Object.fromEntries(Object.entries(secret.tags).filter(([name]) => !gone.has(name))),
  });
}

function putResourcePolicy(input: PutResourcePolicyRequest, call: Call): PutResourcePolicyResponse {
  const secret = findLiveSecret(call, input.SecretId);
  const policy = input.ResourcePolicy ?? '';
  try {
    JSON.parse(policy);
  } catch (error) {
    throw new AwsError(
      'MalformedPolicyDocumentException',
      `This resource policy contains invalid JSON: ${(error as Error).message}`,
    );
  }
  saveSecret(call, { ...secret, policy });
  return { ARN: secret.arn, Name: secret.name };
}

function getResourcePolicy(input: GetResourcePolicyRequest, call: Call): GetResourcePolicyResponse {
  const { arn, name, policy } = findLiveSecret(call, input.SecretId);
  return { ARN: arn, Name: name, ...(policy === undefined ? {} : { ResourcePolicy: policy }) };
}

function deleteResourcePolicy(input: DeleteResourcePolicyRequest, call: Call): DeleteResourcePolicyResponse {
  const { policy: _removed, ...secret } = findLiveSecret(call, input.SecretId);
  saveSecret(call, secret);
  return { ARN: secret.arn, Name: secret.name };
}

export const secretOperations = {
  CreateSecret: createSecret,
  DescribeSecret: describeSecret,
  ListSecrets: listSecrets,
  DeleteSecret: deleteSecret,
  RestoreSecret: restoreSecret,
  TagResource: tagResource,
  UntagResource: untagResource,
  PutResourcePolicy: putResourcePolicy,
  GetResourcePolicy: getResourcePolicy,
  DeleteResourcePolicy: deleteResourcePolicy,
};
