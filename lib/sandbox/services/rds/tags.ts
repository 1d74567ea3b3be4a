/** Tags of instances, subnet groups and parameter groups, by ARN. */
import type {
  AddTagsToResourceMessage,
  ListTagsForResourceMessage,
  RemoveTagsFromResourceMessage,
  Tag,
  TagListMessage,
} from '@aws-sdk/client-rds';
import { parseArn, recordKey } from '../../identifiers.ts';
import { AwsError, type Call, type Table } from '../../model.ts';
import {
  instanceTable,
  type Owner,
  parameterGroupTable,
  required,
  snapshotTable,
  subnetGroupTable,
} from './records.ts';

type Tags = Readonly<Record<string, string>>;
const tagLimit = 50;

export function tagsOf(list: readonly Tag[] | undefined): Record<string, string> {
  const tags = Object.fromEntries((list ?? []).map(({ Key = '', Value = '' }) => [Key, Value]));
  const reserved = Object.keys(tags).find((name) => /^(aws|rds):/i.test(name));
  if (reserved !== undefined)
    throw new AwsError(
      'InvalidParameterValue',
      `Tag keys that start with aws: or rds: are reserved: ${reserved}`,
    );
  return tags;
}

export function tagList(tags: Tags): Tag[] {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}

interface Tagged {
  readonly tags: Tags;
}

/** The record behind an ARN, and how to write its tags. */
function taggedResource(
  owner: Owner,
  arnText: string | undefined,
): { tags: Tags; write: (tags: Tags) => void } {
  const name = required(arnText, 'ResourceName');
  const arn = parseArn(name);
  // The identifier of a snapshot that AWS Backup made has a colon of its own.
  const [kind = '', ...rest] = arn?.resource.split(':') ?? [];
  const id = rest.join(':');
  const tables: Record<string, { table: Table<Tagged>; code: string; label: string }> = {
    db: {
      table: instanceTable(owner),
      code: 'DBInstanceNotFound',
      label: 'DBInstance',
    },
    snapshot: {
      table: snapshotTable(owner),
      code: 'DBSnapshotNotFound',
      label: 'DBSnapshot',
    },
    subgrp: {
      table: subnetGroupTable(owner),
      code: 'DBSubnetGroupNotFoundFault',
      label: 'DBSubnetGroup',
    },
    pg: {
      table: parameterGroupTable(owner),
      code: 'DBParameterGroupNotFound',
      label: 'DBParameterGroup',
    },
  };
  const place = tables[kind];
  if (
    arn?.service !== 'rds' ||
    arn.accountId !== owner.accountId ||
    arn.region !== owner.region ||
    place === undefined
  ) {
    throw new AwsError(
      'InvalidParameterValue',
      `Unexpected ARN: ${name}. It has to name a db, snapshot, subgrp or pg of this account and Region.`,
    );
  }
  const key = recordKey(owner, id);
  const record = place.table.get(key);
  if (record === undefined) throw new AwsError(place.code, `${place.label} ${id} not found.`, 404);
  return { tags: record.tags, write: (tags) => place.table.put(key, { ...record, tags }) };
}

function addTagsToResource(input: AddTagsToResourceMessage, call: Call): void {
  const resource = taggedResource(call, input.ResourceName);
  const tags = { ...resource.tags, ...tagsOf(input.Tags) };
  if (Object.keys(tags).length > tagLimit)
    throw new AwsError('InvalidParameterValue', `A resource can have at most ${tagLimit} tags.`);
  resource.write(tags);
}

function removeTagsFromResource(input: RemoveTagsFromResourceMessage, call: Call): void {
  const resource = taggedResource(call, input.ResourceName);
  const gone = new Set(input.TagKeys);
  resource.write(Object.fromEntries(Object.entries(resource.tags).filter(([name]) => !gone.has(name))));
}

function listTagsForResource(input: ListTagsForResourceMessage, call: Call): TagListMessage {
  return { TagList: tagList(taggedResource(call, input.ResourceName).tags) };
}

export const tagOperations = {
  AddTagsToResource: addTagsToResource,
  RemoveTagsFromResource: removeTagsFromResource,
  ListTagsForResource: listTagsForResource,
};
