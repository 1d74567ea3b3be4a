/** Aliases: names for keys, unique in an account and Region. */
import type {
  AliasListEntry,
  CreateAliasRequest,
  DeleteAliasRequest,
  ListAliasesRequest,
  ListAliasesResponse,
  UpdateAliasRequest,
} from '@aws-sdk/client-kms';
import { recordKey, regionalArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { changeableKey } from './keys.ts';
import { type AliasRecord, aliasTable, findKey, refusePendingDeletion } from './records.ts';

function checkedName(name: string | undefined): string {
  if (name === undefined || !/^alias\/[a-zA-Z0-9/_-]{1,250}$/.test(name)) {
    throw new AwsError(
      'ValidationException',
      `Invalid identifier: ${name ?? ''}. An alias is 'alias/' and letters, digits, '/', '_' and '-'.`,
    );
  }
  if (name.startsWith('alias/aws/'))
    throw new AwsError(
      'InvalidAliasNameException',
      'Alias names that start with alias/aws/ are reserved for AWS.',
    );
  return name;
}

function existingAlias(call: Call, name: string): AliasRecord {
  const alias = aliasTable(call).get(recordKey(call, name));
  if (alias === undefined)
    throw new AwsError('NotFoundException', `Alias ${regionalArn('kms', call, name)} is not found.`);
  return alias;
}

/** @param madeBy the token of the CloudFormation creation that asks, kept so that a repeated one finds its own alias. */
export function createAlias(input: CreateAliasRequest, call: Call, madeBy?: string): void {
  const name = checkedName(input.AliasName);
  if (aliasTable(call).get(recordKey(call, name)) !== undefined) {
    throw new AwsError(
      'AlreadyExistsException',
      `An alias with the name ${regionalArn('kms', call, name)} already exists`,
    );
  }
  const key = changeableKey(call, input.TargetKeyId, 'kms:CreateAlias');
  refusePendingDeletion(key);
  const now = call.cloud.now().getTime();
  aliasTable(call).put(recordKey(call, name), {
    name,
    keyId: key.id,
    createdAt: now,
    updatedAt: now,
    ...(madeBy === undefined ? {} : { madeBy }),
  });
}

export function updateAlias(input: UpdateAliasRequest, call: Call): void {
  const alias = existingAlias(call, checkedName(input.AliasName));
  const key = changeableKey(call, input.TargetKeyId, 'kms:UpdateAlias');
  refusePendingDeletion(key);
  aliasTable(call).put(recordKey(call, alias.name), {
    ...alias,
    keyId: key.id,
    updatedAt: call.cloud.now().getTime(),
  });
}

export function deleteAlias(input: DeleteAliasRequest, call: Call): void {
  const alias = existingAlias(call, checkedName(input.AliasName));
  aliasTable(call).delete(recordKey(call, alias.name));
}

function listAliases(input: ListAliasesRequest, call: Call): ListAliasesResponse {
  const keyId = input.KeyId === undefined ? undefined : findKey(call, input.KeyId, 'keys').id;
  const aliases = aliasTable(call)
    .list(recordKey(call))
    .filter((alias) => keyId === undefined || alias.keyId === keyId);
  const page = pageOf(aliases, {
    keyOf: (alias) => alias.name,
    marker: input.Marker,
    limit: input.Limit ?? 50,
    invalidMarkerCode: 'InvalidMarkerException',
  });
  const entry = (alias: AliasRecord): AliasListEntry => ({
    AliasName: alias.name,
    AliasArn: regionalArn('kms', call, alias.name),
    TargetKeyId: alias.keyId,
    CreationDate: new Date(alias.createdAt),
    LastUpdatedDate: new Date(alias.updatedAt),
  });
  return {
    Aliases: page.items.map(entry),
    Truncated: page.next !== undefined,
    ...(page.next === undefined ? {} : { NextMarker: page.next }),
  };
}

export const aliasOperations = {
  CreateAlias: createAlias,
  UpdateAlias: updateAlias,
  DeleteAlias: deleteAlias,
  ListAliases: listAliases,
};
