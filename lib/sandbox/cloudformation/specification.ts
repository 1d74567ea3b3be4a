import { loadAwsServiceSpecSync } from '@aws-cdk/aws-service-spec';
import type { Property, PropertyType, Resource, ResourceProperties } from '@aws-cdk/service-spec-types';
import { Unresolved } from './intrinsics.ts';

/**
 * The CloudFormation resource specification: which types exist, what their properties and attributes are, and which
 * changes replace a resource. Loaded at the first question (about half a second, once a process).
 */

type Database = ReturnType<typeof loadAwsServiceSpecSync>;

let loaded: Database | undefined;
const database = (): Database => (loaded ??= loadAwsServiceSpecSync());

const resources = new Map<string, Resource | undefined>();

function resourceOf(type: string): Resource | undefined {
  if (!resources.has(type)) {
    resources.set(type, database().lookup('resource', 'cloudFormationType', 'equals', type)[0]);
  }
  return resources.get(type);
}

function requireResource(type: string): Resource {
  const resource = resourceOf(type);
  if (!resource) throw new Error(`${type} is not in the CloudFormation resource specification.`);
  return resource;
}

export const typeExists = (type: string): boolean => resourceOf(type) !== undefined;

/** Whether `Fn::GetAtt` knows an attribute of a type. Secrets of managed types and the like nest with dots. */
export const hasAttribute = (type: string, attribute: string): boolean =>
  Object.hasOwn(requireResource(type).attributes, attribute);

/** The property that carries a type's tags, when it takes any. */
export const tagProperty = (type: string): string | undefined =>
  requireResource(type).tagInformation?.tagPropertyName;

/** The property by which a type's resources are named, when one property does it: `DBInstanceIdentifier`. */
export function resourceIdentifier(type: string): string | undefined {
  const { primaryIdentifier = [], properties } = requireResource(type);
  const [name] = primaryIdentifier;
  return primaryIdentifier.length === 1 && name !== undefined && Object.hasOwn(properties, name)
    ? name
    : undefined;
}

/** Whether a changed value of a property replaces the resource: `Conditionally` is for the resource's service to say. */
export type Recreation = 'Never' | 'Conditionally' | 'Always';

const recreations: Readonly<Record<string, Recreation>> = {
  yes: 'Always',
  maybe: 'Conditionally',
  no: 'Never',
};
const strength: Readonly<Record<Recreation, number>> = { Never: 0, Conditionally: 1, Always: 2 };

export const stronger = (a: Recreation, b: Recreation): Recreation => (strength[a] >= strength[b] ? a : b);

/** What a change of one top-level property from `before` to `after` does to the resource. */
export function recreationOf(type: string, property: string, before: unknown, after: unknown): Recreation {
  const definition = requireResource(type).properties[property];
  return definition ? recreationOfChange(definition, before, after) : 'Never';
}

function recreationOfChange(definition: Property, before: unknown, after: unknown): Recreation {
  if (isSame(before, after)) return 'Never';
  const own = recreations[definition.causesReplacement ?? 'no'] ?? 'Never';
  const members = definition.type.type === 'ref' ? membersOf(definition.type) : undefined;
  if (!members || !isObject(before) || !isObject(after)) return own;
  // A nested structure may hold both: properties that replace and properties that do not.
  const nested = Object.entries(members).map(([name, member]) =>
    recreationOfChange(member, before[name], after[name]),
  );
  return nested.reduce(stronger, own);
}

export const isSame = (a: unknown, b: unknown): boolean => canonical(a) === canonical(b);

/** JSON with sorted keys: objects that differ only in the order of their keys are the same. */
function canonical(value: unknown): string {
  const sorted = (item: unknown): unknown => {
    if (item instanceof Unresolved) return { unresolved: item.entity };
    if (Array.isArray(item)) return item.map(sorted);
    if (!isObject(item)) return item;
    return Object.fromEntries(
      Object.keys(item)
        .sort()
        .map((key) => [key, sorted(item[key])]),
    );
  };
  return JSON.stringify(sorted(value)) ?? 'undefined';
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Unresolved);

export const isScalar = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

function membersOf(type: Extract<PropertyType, { type: 'ref' }>): ResourceProperties {
  return database().get('typeDefinition', type.reference.$ref).properties;
}

/** Properties as a handler gets them, and what is wrong with them, each as CloudFormation words it. */
export interface Conformed {
  readonly properties: Record<string, unknown>;
  readonly problems: readonly string[];
}

/**
 * Checks properties against the specification and gives scalars the type that it names: text from parameters becomes
 * numbers and booleans, numbers in a template become text, as CloudFormation does.
 * Unresolved values pass: their turn comes when they are known.
 */
export function conform(type: string, properties: Readonly<Record<string, unknown>>): Conformed {
  const problems: string[] = [];
  const conformed = conformMembers(requireResource(type).properties, properties, '#', problems);
  return { properties: conformed, problems };
}

/** One problem's place and words, as the JSON schema validator of CloudFormation's registry prints them. */
const problem = (path: string, words: string) => `${path}: ${words}`;

function conformMembers(
  members: ResourceProperties,
  value: Readonly<Record<string, unknown>>,
  path: string,
  problems: string[],
): Record<string, unknown> {
  const result: Record<string, unknown> = {};
  for (const [name, item] of Object.entries(value)) {
    const member = members[name];
    if (member) result[name] = conformValue(member, item, `${path}/${name}`, problems);
    else problems.push(problem(path, `extraneous key [${name}] is not permitted`));
  }
  for (const [name, member] of Object.entries(members)) {
    if (member.required && value[name] === undefined)
      problems.push(problem(path, `required key [${name}] not found`));
  }
  return result;
}

function conformValue(member: Property, value: unknown, path: string, problems: string[]): unknown {
  // A property that changed its type over the years accepts each of its types.
  return conformAny([member.type, ...(member.previousTypes ?? [])], value, path, problems);
}

/** The first type that fits; if none does, the problems with the first. */
function conformAny(
  types: readonly PropertyType[],
  value: unknown,
  path: string,
  problems: string[],
): unknown {
  let first: string[] | undefined;
  for (const type of types) {
    const found: string[] = [];
    const result = conformType(type, value, path, found);
    if (found.length === 0) return result;
    first ??= found;
  }
  problems.push(...(first ?? []));
  return value;
}

function conformType(type: PropertyType, value: unknown, path: string, problems: string[]): unknown {
  if (value instanceof Unresolved) return value;
  const mismatch = (expected: string) => {
    problems.push(problem(path, `expected type: ${expected}, found: ${jsonType(value)}`));
    return value;
  };
  switch (type.type) {
    case 'string':
      if (!isScalar(value)) return mismatch('String');
      return oneOf(type.allowedValues, String(value), path, problems);
    case 'integer':
    case 'number': {
      const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
      const expected = type.type === 'integer' ? 'Integer' : 'Number';
      if (typeof number !== 'number' || Number.isNaN(number)) return mismatch(expected);
      if (type.type === 'number') return number;
      return Number.isInteger(number)
        ? oneOf(type.allowedValues, number, path, problems)
        : mismatch(expected);
    }
    case 'boolean':
      if (typeof value === 'boolean') return value;
      return value === 'true' || value === 'false' ? value === 'true' : mismatch('Boolean');
    case 'date-time':
      return typeof value === 'string' ? value : mismatch('String');
    case 'null':
      return mismatch('Null');
    case 'json':
      return value;
    case 'tag':
      return isObject(value) ? conformMembers(tagMembers, value, path, problems) : mismatch('JSONObject');
    case 'array':
      if (!Array.isArray(value)) return mismatch('JSONArray');
      return value.map((item, index) => conformType(type.element, item, `${path}/${index}`, problems));
    case 'map':
      if (!isObject(value)) return mismatch('JSONObject');
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [
          key,
          conformType(type.element, item, `${path}/${key}`, problems),
        ]),
      );
    case 'ref':
      if (!isObject(value)) return mismatch('JSONObject');
      return conformMembers(membersOf(type), value, path, problems);
    case 'union':
      return conformAny(type.types, value, path, problems);
  }
}

const tagMembers: ResourceProperties = {
  Key: { type: { type: 'string' }, required: true },
  Value: { type: { type: 'string' }, required: true },
};

function oneOf<T>(allowed: readonly T[] | undefined, value: T, path: string, problems: string[]): T {
  if (allowed && !allowed.includes(value))
    problems.push(problem(path, `${String(value)} is not a valid enum value`));
  return value;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return 'JSONArray';
  if (value === null) return 'Null';
  return { object: 'JSONObject', number: 'Number', boolean: 'Boolean' }[typeof value as string] ?? 'String';
}
