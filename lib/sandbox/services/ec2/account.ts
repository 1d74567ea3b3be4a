/** Tags, zones, Regions, and the reads of what the sandbox does not have. */
import type {
  CreateTagsRequest,
  DeleteTagsRequest,
  DescribeAvailabilityZonesRequest,
  DescribeRegionsRequest,
  DescribeTagsRequest,
  Tag,
  TagDescription,
} from '@aws-sdk/client-ec2';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { all, allKinds, existing, kindOfId, put } from './records.ts';
import { availabilityZonesOf, regionNames, zoneIdOf } from './zones.ts';

function changeTags(ids: readonly string[], change: (tags: Tag[]) => Tag[], call: Call): void {
  call.cloud.state.transaction(() => {
    for (const id of ids) {
      const of = kindOfId(id);
      if (of === undefined) throw new AwsError('InvalidID', `The ID '${id}' is not valid`);
      const record = existing(of, id, call);
      put(of, { ...record, Tags: change(record.Tags ?? []) }, call);
    }
  });
}

export function createTags({ Resources = [], Tags = [] }: CreateTagsRequest, call: Call): void {
  const reserved = Tags.find((tag) => tag.Key?.startsWith('aws:'));
  if (reserved !== undefined)
    throw new AwsError(
      'InvalidParameterValue',
      `Tag keys starting with 'aws:' are reserved for internal use`,
    );
  const named = new Set(Tags.map((tag) => tag.Key));
  changeTags(Resources, (before) => [...before.filter((tag) => !named.has(tag.Key)), ...Tags], call);
}

export function deleteTags({ Resources = [], Tags }: DeleteTagsRequest, call: Call): void {
  const dropped = (tag: Tag) =>
    Tags === undefined || Tags.some((one) => one.Key === tag.Key && (one.Value ?? tag.Value) === tag.Value);
  changeTags(Resources, (before) => before.filter((tag) => !dropped(tag)), call);
}

/** All tags of a resource anew, `aws:` ones included: what CloudFormation does on an update. */
export function replaceTags(id: string, tags: Tag[], call: Call): void {
  changeTags([id], () => tags, call);
}

const tagFilters: Readonly<Record<string, (tag: TagDescription) => string | undefined>> = {
  key: (tag) => tag.Key,
  value: (tag) => tag.Value,
  'resource-id': (tag) => tag.ResourceId,
  'resource-type': (tag) => tag.ResourceType,
};

export function describeTags(input: DescribeTagsRequest, call: Call) {
  const tags = allKinds().flatMap((of) =>
    all(of, call).flatMap((record) =>
      (record.Tags ?? []).map((tag) => ({
        ...tag,
        ResourceId: of.idOf(record),
        ResourceType: of.resourceType as NonNullable<TagDescription['ResourceType']>,
      })),
    ),
  );
  const wanted = tags.filter((tag) =>
    (input.Filters ?? []).every((filter) => {
      const read = tagFilters[filter.Name ?? ''];
      if (read === undefined)
        throw new AwsError('InvalidParameterValue', `The filter '${filter.Name}' is invalid`);
      return filter.Values?.includes(read(tag) ?? '') ?? false;
    }),
  );
  const keyOf = (tag: TagDescription) => `${tag.ResourceId} ${tag.Key}`;
  const { items, next } = pageOf(
    wanted.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1)),
    {
      keyOf,
      marker: input.NextToken,
      limit: input.MaxResults ?? 1000,
      invalidMarkerCode: 'InvalidNextToken',
    },
  );
  return { Tags: items, NextToken: next };
}

export function describeAvailabilityZones(input: DescribeAvailabilityZonesRequest, call: Call) {
  const known = availabilityZonesOf(call.region);
  const unknown = input.ZoneNames?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new AwsError('InvalidParameterValue', `Invalid availability zone: [${unknown}]`);
  if ((input.Filters ?? []).length > 0)
    throw new AwsError(
      'InvalidParameterValue',
      'The sandbox filters no availability zones; ask for ZoneNames.',
    );
  const AvailabilityZones = known
    .filter((name) => input.ZoneNames?.includes(name) ?? true)
    .filter((name) => input.ZoneIds?.includes(zoneIdOf(name)) ?? true)
    .map((ZoneName) => ({
      ZoneName,
      ZoneId: zoneIdOf(ZoneName),
      RegionName: call.region,
      GroupName: call.region,
      NetworkBorderGroup: call.region,
      OptInStatus: 'opt-in-not-required' as const,
      State: 'available' as const,
      ZoneType: 'availability-zone',
      Messages: [],
    }));
  return { AvailabilityZones };
}

export function describeRegions(input: DescribeRegionsRequest) {
  const unknown = input.RegionNames?.find((name) => !regionNames.includes(name));
  if (unknown !== undefined)
    throw new AwsError('InvalidParameterValue', `Invalid region provided: ${unknown}`);
  const Regions = regionNames
    .filter((name) => input.RegionNames?.includes(name) ?? true)
    .map((RegionName) => ({
      RegionName,
      Endpoint: `ec2.${RegionName}.amazonaws.com`,
      OptInStatus: 'opt-in-not-required',
    }));
  return { Regions };
}

export function describeAccountAttributes() {
  const attribute = (AttributeName: string, AttributeValue: string) => ({
    AttributeName,
    AttributeValues: [{ AttributeValue }],
  });
  return {
    AccountAttributes: [attribute('supported-platforms', 'VPC'), attribute('default-vpc', 'none')],
  };
}
