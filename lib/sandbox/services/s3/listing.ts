/** Lists of objects and of their versions. */
import type * as sdk from '@aws-sdk/client-s3';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';
import { existingBucket, type VersionRecord, versionsUnder } from './records.ts';

/** Keys in lists may be asked for URL-encoded, because XML cannot carry every character. */
const keyWriter = (encodingType: string | undefined) => (key: string) =>
  encodingType === 'url' ? encodeURIComponent(key).replaceAll('%2F', '/') : key;

interface Entry {
  /** The key, or the common prefix that stands for all keys below it. */
  readonly name: string;
  readonly version?: VersionRecord;
}

function listObjectsV2(input: sdk.ListObjectsV2Request, call: Call): sdk.ListObjectsV2Output {
  const { name } = existingBucket(input.Bucket, call);
  const prefix = input.Prefix ?? '';
  const current = new Map(versionsUnder(name, prefix, call).map((version) => [version.key, version]));
  const there = [...current.values()].filter(({ content }) => content !== undefined);
  const { StartAfter = '', Delimiter } = input;
  const entries = grouped(there, prefix, Delimiter).filter((entry) => entry.name > StartAfter);
  const limit = checkedLimit(input.MaxKeys);
  const page = pageOf(entries, {
    keyOf: (entry) => entry.name,
    marker: input.ContinuationToken,
    limit,
    invalidMarkerCode: 'InvalidArgument',
  });
  const written = keyWriter(input.EncodingType);
  return {
    Name: name,
    Prefix: written(prefix),
    MaxKeys: limit,
    KeyCount: page.items.length,
    IsTruncated: page.next !== undefined,
    NextContinuationToken: page.next,
    ...(Delimiter !== undefined && { Delimiter }),
    ...(input.ContinuationToken !== undefined && { ContinuationToken: input.ContinuationToken }),
    ...(input.StartAfter !== undefined && { StartAfter: input.StartAfter }),
    ...(input.EncodingType !== undefined && { EncodingType: input.EncodingType }),
    Contents: page.items.flatMap(({ version }) =>
      version?.content === undefined
        ? []
        : [
            {
              Key: written(version.key),
              LastModified: version.at,
              ETag: version.content.etag,
              Size: version.content.size,
              StorageClass: 'STANDARD' as const,
            },
          ],
    ),
    CommonPrefixes: page.items.flatMap((entry) =>
      entry.version === undefined ? [{ Prefix: written(entry.name) }] : [],
    ),
  };
}

function checkedLimit(maxKeys: number | undefined): number {
  const limit = maxKeys ?? 1000;
  if (!Number.isInteger(limit) || limit < 0)
    throw new AwsError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647');
  return Math.min(limit, 1000);
}

function grouped(versions: readonly VersionRecord[], prefix: string, delimiter: string | undefined): Entry[] {
  const entries = new Map<string, Entry>();
  for (const version of versions) {
    const end = delimiter ? version.key.indexOf(delimiter, prefix.length) : -1;
    if (delimiter === undefined || end < 0) entries.set(version.key, { name: version.key, version });
    else {
      const name = version.key.slice(0, end + delimiter.length);
      entries.set(name, { name });
    }
  }
  return [...entries.values()];
}

/** One page of everything: what a bucket has to be rid of before it can be deleted. */
function listObjectVersions(input: sdk.ListObjectVersionsRequest, call: Call): sdk.ListObjectVersionsOutput {
  const { name } = existingBucket(input.Bucket, call);
  if (input.Delimiter !== undefined || input.KeyMarker !== undefined)
    throw new AwsError('NotImplemented', 'The sandbox lists all versions at once.', 501);
  const versions = versionsUnder(name, input.Prefix ?? '', call);
  const latest = new Map(versions.map((version) => [version.key, version.versionId]));
  const written = keyWriter(input.EncodingType);
  const shown = versions.map((version) => ({
    Key: written(version.key),
    VersionId: version.versionId,
    IsLatest: latest.get(version.key) === version.versionId,
    LastModified: version.at,
    content: version.content,
  }));
  return {
    Name: name,
    Prefix: written(input.Prefix ?? ''),
    IsTruncated: false,
    MaxKeys: versions.length,
    ...(input.EncodingType !== undefined && { EncodingType: input.EncodingType }),
    Versions: shown.flatMap(({ content, ...version }) =>
      content === undefined
        ? []
        : [{ ...version, ETag: content.etag, Size: content.size, StorageClass: 'STANDARD' as const }],
    ),
    DeleteMarkers: shown.flatMap(({ content, ...version }) => (content === undefined ? [version] : [])),
  };
}

export const listOperations = {
  ListObjectsV2: listObjectsV2,
  ListObjectVersions: listObjectVersions,
};
