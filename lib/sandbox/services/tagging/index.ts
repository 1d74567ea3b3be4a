/** Resource Groups Tagging API: what is tagged in an account and Region, whatever service it belongs to. */
import * as sdk from '@aws-sdk/client-resource-groups-tagging-api';
import { parseArn } from '../../identifiers.ts';
import { AwsError, type Call, type ServiceEmulation } from '../../model.ts';
import { type KeptTags, type Source, sources } from './sources.ts';

interface Found {
  readonly arn: string;
  readonly tags: ReadonlyMap<string, string>;
}

const invalid = (message: string) => new AwsError('InvalidParameterException', message);

/** A page begins behind the last record of the one before: the number of its table, and its key. */
interface Position {
  readonly source: number;
  readonly after: string | undefined;
}

function positionOf(token: string | undefined): Position {
  if (token === undefined || token === '') return { source: 0, after: undefined };
  const [, source, after] = /^(\d+):(.+)$/s.exec(Buffer.from(token, 'base64url').toString()) ?? [];
  if (source === undefined)
    throw new AwsError('PaginationTokenExpiredException', 'The pagination token is not valid.');
  return { source: Number(source), after };
}

const tokenOf = (source: number, after: string) => Buffer.from(`${source}:${after}`).toString('base64url');

function tagsOf(kept: KeptTags): ReadonlyMap<string, string> {
  if (kept === undefined) return new Map();
  if (!Array.isArray(kept)) return new Map(Object.entries(kept as Readonly<Record<string, string>>));
  return new Map(
    (kept as Array<Readonly<Record<string, string | undefined>>>).map((tag) => [
      tag['Key'] ?? tag['key'] ?? '',
      tag['Value'] ?? tag['value'] ?? '',
    ]),
  );
}

/** What the request asks for: every filter has to hold, and of one filter's values any. */
function wantedBy(input: sdk.GetResourcesInput): (found: Found) => boolean {
  const { ResourceARNList: arns = [], ResourceTypeFilters: types = [], TagFilters: filters = [] } = input;
  if (arns.length > 0 && (types.length > 0 || filters.length > 0))
    throw invalid('ResourceARNList cannot be combined with ResourceTypeFilters or TagFilters.');
  if (arns.length > 100 || types.length > 100)
    throw invalid('A list of ARNs or of types has at most 100 items.');
  if (filters.length > 50 || filters.some(({ Values }) => (Values?.length ?? 0) > 20))
    throw invalid('TagFilters has at most 50 keys, and each of them at most 20 values.');
  const named = new Set(arns);
  return ({ arn, tags }) =>
    (named.size === 0 || named.has(arn)) &&
    (types.length === 0 || types.some((type) => isOfType(arn, type))) &&
    filters.every(({ Key = '', Values = [] }) => {
      const value = tags.get(Key);
      return value !== undefined && (Values.length === 0 || Values.includes(value));
    });
}

/** `ec2` means all of the service's, `ec2:vpc` one type: the first part of the ARN's resource. */
function isOfType(arn: string, wanted: string): boolean {
  const { service, resource } = parseArn(arn) ?? {};
  return wanted === service || wanted === `${service}:${resource?.split(/[/:]/)[0]}`;
}

function readFrom(source: Source, call: Call, after: string | undefined): Iterable<[string, never]> {
  return call.cloud.state.table<never>(source.table).scan(source.prefix(call), after);
}

function getResources(input: sdk.GetResourcesInput, call: Call): sdk.GetResourcesOutput {
  const { ResourcesPerPage: limit = 50 } = input;
  if (limit < 1 || limit > 100) throw invalid('ResourcesPerPage must be from 1 to 100.');
  for (const member of ['TagsPerPage', 'IncludeComplianceDetails', 'ExcludeCompliantResources'] as const)
    if (input[member]) throw invalid(`The sandbox does not support ${member}.`);
  const isWanted = wantedBy(input);
  const start = positionOf(input.PaginationToken);
  const page: Found[] = [];
  for (const [at, source] of sources.entries()) {
    if (at < start.source) continue;
    for (const [key, record] of readFrom(source, call, at === start.source ? start.after : undefined)) {
      const { arn, tags: kept } = source.read(record, call, key) ?? {};
      const tags = tagsOf(kept);
      if (arn === undefined || tags.size === 0 || !isWanted({ arn, tags })) continue;
      page.push({ arn, tags });
      if (page.length === limit)
        return { ResourceTagMappingList: shown(page), PaginationToken: tokenOf(at, key) };
    }
  }
  return { ResourceTagMappingList: shown(page), PaginationToken: '' };
}

const shown = (page: readonly Found[]): sdk.ResourceTagMapping[] =>
  page.map(({ arn, tags }) => ({
    ResourceARN: arn,
    Tags: [...tags].map(([Key, Value]) => ({ Key, Value })),
  }));

export const service: ServiceEmulation = {
  signingName: 'tagging',
  sdk,
  operations: { GetResources: getResources },
};
