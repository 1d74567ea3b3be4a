/** The values of a secret: read, put, changed, and the versions and staging labels they leave. */
import { randomUUID } from 'node:crypto';
import type {
  GetSecretValueRequest,
  GetSecretValueResponse,
  ListSecretVersionIdsRequest,
  ListSecretVersionIdsResponse,
  PutSecretValueRequest,
  PutSecretValueResponse,
  RotateSecretRequest,
  RotateSecretResponse,
  UpdateSecretRequest,
  UpdateSecretResponse,
} from '@aws-sdk/client-secrets-manager';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import {
  findLiveSecret,
  findSecret,
  openVersion,
  refuseManaged,
  type SecretRecord,
  type SecretValue,
  type SecretVersion,
  saveSecret,
  sealVersion,
  withVersion,
} from './records.ts';
import { refuseOtherValue, valueIn } from './secrets.ts';

const dayMs = 86_400_000;

function versionFor(secret: SecretRecord, input: GetSecretValueRequest): SecretVersion {
  const stage = input.VersionStage ?? (input.VersionId === undefined ? 'AWSCURRENT' : undefined);
  const version = secret.versions.find(
    ({ id, stages }) =>
      (input.VersionId === undefined || id === input.VersionId) &&
      (stage === undefined || stages.includes(stage)),
  );
  if (version !== undefined) return version;
  const asked = input.VersionId === undefined ? `staging label: ${stage}` : `VersionId: ${input.VersionId}`;
  throw new AwsError(
    'ResourceNotFoundException',
    `Secrets Manager can't find the specified secret value for ${asked}`,
  );
}

async function getSecretValue(input: GetSecretValueRequest, call: Call): Promise<GetSecretValueResponse> {
  const secret = findLiveSecret(call, input.SecretId);
  const version = versionFor(secret, input);
  const value = await openVersion(call, secret, version);
  const now = call.cloud.now().getTime();
  // AWS keeps the day of the last access, not the time.
  const accessedAt = now - (now % dayMs);
  if (secret.accessedAt !== accessedAt) saveSecret(call, { ...findSecret(call, secret.arn), accessedAt });
  return {
    ARN: secret.arn,
    Name: secret.name,
    VersionId: version.id,
    ...value,
    VersionStages: [...version.stages],
    CreatedDate: new Date(version.createdAt),
  };
}

/** Seals a value and makes it a version of the secret as it is once the value is sealed. */
export async function addVersion(
  call: Call,
  arn: string,
  value: SecretValue,
  version: { readonly id: string; readonly stages: readonly string[] },
): Promise<SecretRecord> {
  const sealed = await sealVersion(call, findLiveSecret(call, arn), value, version);
  const secret = findLiveSecret(call, arn);
  return saveSecret(call, {
    ...secret,
    versions: withVersion(secret.versions, sealed),
    changedAt: call.cloud.now().getTime(),
  });
}

async function putSecretValue(input: PutSecretValueRequest, call: Call): Promise<PutSecretValueResponse> {
  const secret = refuseManaged(findLiveSecret(call, input.SecretId));
  const value = valueIn(input);
  if (value === undefined)
    throw new AwsError('InvalidRequestException', 'You must provide either SecretString or SecretBinary.');
  const id = input.ClientRequestToken ?? randomUUID();
  const stages = input.VersionStages ?? ['AWSCURRENT'];
  if (secret.versions.some((version) => version.id === id)) await refuseOtherValue(call, secret, id, value);
  else await addVersion(call, secret.arn, value, { id, stages });
  return { ARN: secret.arn, Name: secret.name, VersionId: id, VersionStages: [...stages] };
}

async function updateSecret(input: UpdateSecretRequest, call: Call): Promise<UpdateSecretResponse> {
  const secret = refuseManaged(findLiveSecret(call, input.SecretId));
  const value = valueIn(input);
  const id = input.ClientRequestToken ?? randomUUID();
  await changeSecret(call, secret, { description: input.Description, kmsKeyId: input.KmsKeyId });
  if (value !== undefined) await addVersion(call, secret.arn, value, { id, stages: ['AWSCURRENT'] });
  return { ARN: secret.arn, Name: secret.name, ...(value === undefined ? {} : { VersionId: id }) };
}

/** Changes description and key; labelled versions are encrypted again under a new key, with nothing changed if that fails. */
export async function changeSecret(
  call: Call,
  secret: SecretRecord,
  change: { readonly description: string | undefined; readonly kmsKeyId: string | undefined },
): Promise<SecretRecord> {
  const kmsKeyId = change.kmsKeyId ?? secret.kmsKeyId;
  const moved = new Map<string, SecretVersion>();
  if (kmsKeyId !== secret.kmsKeyId) {
    for (const version of secret.versions.filter(({ stages }) => stages.length > 0)) {
      const value = await openVersion(call, secret, version);
      const sealed = await sealVersion(call, { arn: secret.arn, kmsKeyId }, value, version);
      moved.set(version.id, { ...sealed, createdAt: version.createdAt });
    }
  }
  const latest = findLiveSecret(call, secret.arn);
  return saveSecret(call, {
    ...latest,
    kmsKeyId,
    description: change.description ?? latest.description,
    versions: latest.versions.map((version) => moved.get(version.id) ?? version),
    changedAt: call.cloud.now().getTime(),
  });
}

function listSecretVersionIds(input: ListSecretVersionIdsRequest, call: Call): ListSecretVersionIdsResponse {
  const secret = findSecret(call, input.SecretId);
  const versions = secret.versions.filter(
    ({ stages }) => input.IncludeDeprecated === true || stages.length > 0,
  );
  const page = pageOf(
    [...versions].sort((a, b) => (a.id < b.id ? -1 : 1)),
    {
      keyOf: ({ id }) => id,
      marker: input.NextToken,
      limit: input.MaxResults ?? 100,
      invalidMarkerCode: 'InvalidNextTokenException',
    },
  );
  return {
    ARN: secret.arn,
    Name: secret.name,
    Versions: page.items.map(({ id, stages, createdAt }) => ({
      VersionId: id,
      VersionStages: [...stages],
      CreatedDate: new Date(createdAt),
    })),
    ...(page.next === undefined ? {} : { NextToken: page.next }),
  };
}

/** Managed rotation only: RDS changes the password and the secret together. Rotation by a Lambda function is not emulated. */
async function rotateSecret(input: RotateSecretRequest, call: Call): Promise<RotateSecretResponse> {
  const secret = findLiveSecret(call, input.SecretId);
  const instanceArn = secret.tags['aws:rds:primaryDBInstanceArn'];
  if (secret.owningService !== 'rds' || instanceArn === undefined) {
    throw new AwsError(
      'InvalidRequestException',
      'No Lambda rotation function ARN is associated with this secret.',
    );
  }
  const change = {
    DBInstanceIdentifier: instanceArn,
    RotateMasterUserPassword: true,
    ApplyImmediately: true,
  };
  await call.cloud.invoke('rds', 'ModifyDBInstance', change, call);
  const current = versionFor(findLiveSecret(call, secret.arn), { SecretId: secret.arn });
  return { ARN: secret.arn, Name: secret.name, VersionId: current.id };
}

export const valueOperations = {
  GetSecretValue: getSecretValue,
  PutSecretValue: putSecretValue,
  UpdateSecret: updateSecret,
  ListSecretVersionIds: listSecretVersionIds,
  RotateSecret: rotateSecret,
};
