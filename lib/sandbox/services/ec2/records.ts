/**
 * What all EC2 resources have in common: they are addressed by a generated id, tagged, listed with filters and pages,
 * and one that others refer to cannot be deleted. A `Kind` says how one of them differs.
 */
import type { Filter, Tag, TagSpecification } from '@aws-sdk/client-ec2';
import { recordKey } from '../../identifiers.ts';
import { indexedTable } from '../../indexed-table.ts';
import { AwsError, type Call } from '../../model.ts';
import { pageOf } from '../../paging.ts';

export interface Tagged {
  Tags?: Tag[] | undefined;
}

type FilterValue = string | number | boolean | undefined;

export interface Kind<T extends Tagged> {
  /** As DescribeTags and TagSpecifications name it, for example `internet-gateway`. */
  readonly resourceType: string;
  readonly idPrefix: string;
  readonly notFoundCode: string;
  /** As AWS names it in error messages: `The <noun> ID '…' does not exist`. */
  readonly noun: string;
  readonly idOf: (record: T) => string;
  readonly filters: Readonly<Record<string, (record: T) => FilterValue | readonly FilterValue[]>>;
  /** Ids of what must outlive this record: deleting one of them is a DependencyViolation. */
  readonly needs: (record: T) => ReadonlyArray<string | undefined>;
}

const kinds: Array<Kind<never>> = [];

export function kind<T extends Tagged>(definition: Kind<T>): Kind<T> {
  kinds.push(definition);
  return definition;
}

/** The ids that a record names, beside those that it needs. */
interface Naming {
  readonly VpcId?: string | undefined;
  readonly SubnetId?: string | undefined;
  readonly GroupId?: string | undefined;
  readonly ResourceId?: string | undefined;
  readonly Owner?: string | undefined;
  readonly Associations?: ReadonlyArray<{
    readonly SubnetId?: string | undefined;
    readonly RouteTableAssociationId?: string | undefined;
  }>;
}

function tableOf<T extends Tagged>(of: Kind<T>, call: Call) {
  const { state } = call.cloud;
  const name = `ec2.${of.resourceType}`;
  const termsOf = (record: T) => {
    const { VpcId, SubnetId, GroupId, ResourceId, Owner, Associations = [] } = record as Naming;
    const associated = Associations.flatMap((one) => [one.SubnetId, one.RouteTableAssociationId]);
    return [of.idOf(record), ...of.needs(record), VpcId, SubnetId, GroupId, ResourceId, Owner, ...associated];
  };
  return indexedTable<T>(state, { name, table: state.table(name), termsOf, version: 1 });
}

/** The records that name this id in some way, or have it. */
export function related<T extends Tagged>(of: Kind<T>, id: string | undefined, call: Call): T[] {
  return id === undefined ? [] : tableOf(of, call).withTerm(recordKey(call), id);
}

export function find<T extends Tagged>(of: Kind<T>, id: string | undefined, call: Call): T | undefined {
  return id === undefined ? undefined : tableOf(of, call).get(recordKey(call, id));
}

export function existing<T extends Tagged>(of: Kind<T>, id: string | undefined, call: Call): T {
  if (id === undefined || id === '')
    throw new AwsError('MissingParameter', `The request must contain a ${of.noun} ID`);
  const record = find(of, id, call);
  if (record === undefined) throw new AwsError(of.notFoundCode, `The ${of.noun} ID '${id}' does not exist`);
  return record;
}

export function put<T extends Tagged>(of: Kind<T>, record: T, call: Call): T {
  tableOf(of, call).put(recordKey(call, of.idOf(record)), record);
  return record;
}

export function all<T extends Tagged>(of: Kind<T>, call: Call): T[] {
  return tableOf(of, call).list(recordKey(call));
}

export function erase<T extends Tagged>(of: Kind<T>, id: string, call: Call): void {
  tableOf(of, call).delete(recordKey(call, id));
}

/** Deletes what nothing else needs. */
export function remove<T extends Tagged>(of: Kind<T>, id: string, call: Call): void {
  existing(of, id, call);
  if (isNeeded(id, call)) {
    throw new AwsError(
      'DependencyViolation',
      `The ${of.noun} '${id}' has dependencies and cannot be deleted.`,
    );
  }
  erase(of, id, call);
}

export function isNeeded(id: string, call: Call): boolean {
  return kinds.some((of) =>
    related(of as Kind<Tagged>, id, call).some((record) => of.needs(record as never).includes(id)),
  );
}

interface Query {
  readonly ids?: readonly string[] | undefined;
  readonly Filters?: readonly Filter[] | undefined;
  readonly MaxResults?: number | undefined;
  readonly NextToken?: string | undefined;
}

/** The records that a Describe operation asks for: by id (each must exist), by filters, or a page of all. */
export function describe<T extends Tagged>(
  of: Kind<T>,
  query: Query,
  call: Call,
): { readonly items: T[]; readonly next: string | undefined } {
  const { ids = [], Filters = [], MaxResults, NextToken } = query;
  if (ids.length > 0 && MaxResults !== undefined) {
    throw new AwsError(
      'InvalidParameterCombination',
      `The parameter ${of.noun}Ids cannot be used with the parameter maxResults`,
    );
  }
  const records = ids.length > 0 ? ids.map((id) => existing(of, id, call)) : candidates(of, Filters, call);
  const wanted = records.filter((record) => Filters.every((filter) => passes(of, record, filter)));
  return pageOf(wanted, {
    keyOf: of.idOf,
    marker: NextToken,
    limit: MaxResults ?? 1000,
    invalidMarkerCode: 'InvalidNextToken',
  });
}

/** Filters on what a record is found by. */
const byId = new Set(['vpc-id', 'subnet-id', 'group-id', 'resource-id', 'attachment.vpc-id']);

/** All records that can pass, in the order of their ids; the filters are still to be asked. */
function candidates<T extends Tagged>(of: Kind<T>, filters: readonly Filter[], call: Call): T[] {
  const exact = filters.find(
    ({ Name = '', Values = [] }) => byId.has(Name) && Values.every((value) => !/[*?]/.test(value)),
  );
  if (exact === undefined) return all(of, call);
  const found = (exact.Values ?? []).flatMap((id) => related(of, id, call));
  return [...new Map(found.map((record) => [of.idOf(record), record]))]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([, record]) => record);
}

function passes<T extends Tagged>(of: Kind<T>, record: T, filter: Filter): boolean {
  const name = filter.Name ?? '';
  const accepted = (filter.Values ?? []).map(wildcard);
  const values = filterValues(of, record, name);
  return values.some(
    (value) => value !== undefined && accepted.some((pattern) => pattern.test(String(value))),
  );
}

function filterValues<T extends Tagged>(of: Kind<T>, record: T, name: string): readonly FilterValue[] {
  if (name.startsWith('tag:')) return [record.Tags?.find((tag) => tag.Key === name.slice(4))?.Value];
  if (name === 'tag-key') return (record.Tags ?? []).map((tag) => tag.Key);
  const read = of.filters[name];
  if (read === undefined) throw new AwsError('InvalidParameterValue', `The filter '${name}' is invalid`);
  const value = read(record);
  return Array.isArray(value) ? value : [value as FilterValue];
}

/** EC2's filters know `*` and `?` ("List and filter using the CLI and API"). */
function wildcard(value: string): RegExp {
  const escaped = value.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's');
}

/** The tags that a create call carries for this type of resource. */
export function specifiedTags(specifications: TagSpecification[] | undefined, resourceType: string): Tag[] {
  const all = specifications ?? [];
  const other = all.find((specification) => specification.ResourceType !== resourceType);
  if (other !== undefined) {
    throw new AwsError(
      'InvalidParameterValue',
      `'${String(other.ResourceType)}' is not a valid taggable resource type for this operation.`,
    );
  }
  return all.flatMap((specification) => specification.Tags ?? []);
}

/** Any EC2 record by its id, whatever its kind: tags are put on ids. */
export function kindOfId(id: string): Kind<Tagged> | undefined {
  return kinds.find((of) => id.startsWith(of.idPrefix)) as Kind<Tagged> | undefined;
}

export function allKinds(): ReadonlyArray<Kind<Tagged>> {
  return kinds as unknown as ReadonlyArray<Kind<Tagged>>;
}
