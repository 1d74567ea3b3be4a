import type { NormalizedSchema } from '@smithy/core/schema';
import { MalformedRequest } from './malformed.ts';

/**
 * Turns a request's body into an operation's input by walking the input's schema. The walk is strict: a member that the
 * schema lacks, a value of another type and an absent required member are each refused, where a lenient reader would
 * drop a misspelt parameter and report success.
 */

type Input = Record<string, unknown>;

const at = (path: string, name: string | number) => (path === '' ? String(name) : `${path}.${name}`);

/** Static structure schemas: index 4 holds the member names, index 6 how many of them, from the first, are required. */
function requiredMembers(schema: NormalizedSchema): readonly string[] {
  const definition = schema.getSchema() as unknown as readonly unknown[];
  return (definition[4] as string[]).slice(0, (definition[6] as number | undefined) ?? 0);
}

function requireMembers(schema: NormalizedSchema, value: Input, path: string): Input {
  for (const name of requiredMembers(schema)) {
    if (value[name] === undefined && !schema.getMemberSchema(name).isIdempotencyToken()) {
      throw new MalformedRequest(at(path, name), { kind: 'missing' });
    }
  }
  return value;
}

const kindOf = (value: unknown) =>
  value === null
    ? 'NULL_VALUE'
    : Array.isArray(value)
      ? 'LIST_VALUE'
      : `${(typeof value).toUpperCase()}_VALUE`;

const wrongType = (path: string, expected: string, found: unknown) =>
  new MalformedRequest(path, { kind: 'type', expected, found: kindOf(found) });

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

// --- JSON (AWS JSON 1.0 and 1.1 protocols) ---

/** @param value the parsed JSON body. */
export function fromJson(schema: NormalizedSchema, value: unknown, path = ''): unknown {
  if (schema.isUnitSchema()) return {};
  if (schema.isDocumentSchema()) return value;
  if (schema.isStructSchema()) {
    if (!isObject(value)) throw wrongType(path, 'a Structure', value);
    const known = new Set<string>();
    const input: Input = {};
    for (const [name, member] of schema.structIterator()) {
      known.add(name);
      const given = value[name];
      if (given !== undefined && given !== null) input[name] = fromJson(member, given, at(path, name));
    }
    const stranger = Object.keys(value).find((name) => !known.has(name));
    if (stranger !== undefined) throw new MalformedRequest(at(path, stranger), { kind: 'unknown' });
    return requireMembers(schema, input, path);
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw wrongType(path, 'a List', value);
    return value.map((item, index) => fromJson(schema.getValueSchema(), item, at(path, index + 1)));
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) throw wrongType(path, 'a Map', value);
    const entries = Object.entries(value).filter(([, item]) => item !== null);
    return Object.fromEntries(
      entries.map(([key, item]) => [key, fromJson(schema.getValueSchema(), item, at(path, key))]),
    );
  }
  return jsonScalar(schema, value, path);
}

function jsonScalar(schema: NormalizedSchema, value: unknown, path: string): unknown {
  if (schema.isBooleanSchema()) {
    if (typeof value !== 'boolean') throw wrongType(path, 'a Boolean', value);
    return value;
  }
  if (schema.isNumericSchema()) {
    if (typeof value !== 'number') throw wrongType(path, 'a Number', value);
    return value;
  }
  if (schema.isTimestampSchema()) {
    if (typeof value === 'number') return new Date(Math.round(value * 1000));
    return timestamp(value, path);
  }
  if (typeof value !== 'string') throw wrongType(path, schema.isBlobSchema() ? 'a Blob' : 'a String', value);
  return schema.isBlobSchema() ? blob(value, path) : value;
}

function timestamp(value: unknown, path: string): Date {
  const date = typeof value === 'string' ? new Date(value) : new Date(Number.NaN);
  if (Number.isNaN(date.getTime())) throw wrongType(path, 'a Timestamp', value);
  return date;
}

function blob(text: string, path: string): Uint8Array {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw wrongType(path, 'a Blob', text);
  return Buffer.from(text, 'base64');
}

/** A scalar that travels as text: in a query, in XML, in a path. */
function fromText(schema: NormalizedSchema, text: string, path: string): unknown {
  if (schema.isBooleanSchema()) {
    if (!/^(true|false)$/i.test(text)) throw wrongType(path, 'a Boolean', text);
    return text.toLowerCase() === 'true';
  }
  if (schema.isNumericSchema()) {
    if (text.trim() === '' || Number.isNaN(Number(text))) throw wrongType(path, 'a Number', text);
    return Number(text);
  }
  if (schema.isTimestampSchema()) return timestamp(text, path);
  return schema.isBlobSchema() ? blob(text, path) : text;
}

// --- Query (AWS query and EC2 query protocols) ---

/** A query parameter's dotted name, taken apart: `Tags.member.1.Key=x` is `Tags → member → 1 → Key`. */
interface QueryNode {
  text?: string;
  readonly children: Map<string, QueryNode>;
}

/** @param parameters the form body, without `Action` and `Version`. */
export function fromQuery(
  schema: NormalizedSchema,
  parameters: Iterable<readonly [string, string]>,
  dialect: 'query' | 'ec2',
): Input {
  const root: QueryNode = { children: new Map() };
  for (const [name, text] of parameters) {
    let node = root;
    for (const part of name.split('.')) {
      let child = node.children.get(part);
      if (!child) node.children.set(part, (child = { children: new Map() }));
      node = child;
    }
    node.text = text;
  }
  return schema.isUnitSchema() ? {} : (queryValue(schema, root, '', dialect) as Input);
}

function queryValue(
  schema: NormalizedSchema,
  node: QueryNode,
  path: string,
  dialect: 'query' | 'ec2',
): unknown {
  if (schema.isStructSchema()) return queryStructure(schema, node, path, dialect);
  if (schema.isListSchema()) return queryList(schema, node, path, dialect);
  if (schema.isMapSchema()) return queryMap(schema, node, path, dialect);
  const stranger = node.children.keys().next();
  if (!stranger.done) throw new MalformedRequest(at(path, stranger.value), { kind: 'unknown' });
  return fromText(schema, node.text ?? '', path);
}

function queryStructure(
  schema: NormalizedSchema,
  node: QueryNode,
  path: string,
  dialect: 'query' | 'ec2',
): Input {
  const names = new Map<string, [string, NormalizedSchema]>();
  for (const [name, member] of schema.structIterator())
    names.set(queryName(name, member, dialect), [name, member]);
  const input: Input = {};
  for (const [key, child] of node.children) {
    const found = names.get(key);
    if (!found) throw new MalformedRequest(at(path, key), { kind: 'unknown' });
    const [name, member] = found;
    input[name] = queryValue(member, child, at(path, key), dialect);
  }
  return requireMembers(schema, input, path);
}

/** Smithy, "AWS query protocol" and "Amazon EC2 query protocol": how a member is called in a query. */
function queryName(name: string, member: NormalizedSchema, dialect: 'query' | 'ec2'): string {
  const { xmlName, ...traits } = member.getMemberTraits();
  if (dialect === 'query') return xmlName ?? name;
  const key = (traits['ec2QueryName'] as string | undefined) ?? xmlName ?? name;
  return key.charAt(0).toUpperCase() + key.slice(1);
}

function queryList(
  schema: NormalizedSchema,
  node: QueryNode,
  path: string,
  dialect: 'query' | 'ec2',
): unknown[] {
  const item = schema.getValueSchema();
  const flat = dialect === 'ec2' || schema.getMergedTraits().xmlFlattened;
  const wrapper = item.getMergedTraits().xmlName ?? 'member';
  // `Tags=` alone is an empty list.
  const items = flat ? node : (node.children.get(wrapper) ?? node.children.get('member') ?? node);
  return numbered(items, path).map(([index, child]) => queryValue(item, child, at(path, index), dialect));
}

function queryMap(schema: NormalizedSchema, node: QueryNode, path: string, dialect: 'query' | 'ec2'): Input {
  const entries = schema.getMergedTraits().xmlFlattened ? node : (node.children.get('entry') ?? node);
  const keyName = schema.getKeySchema().getMergedTraits().xmlName ?? 'key';
  const valueName = schema.getValueSchema().getMergedTraits().xmlName ?? 'value';
  const map: Input = {};
  for (const [index, entry] of numbered(entries, path)) {
    const key = entry.children.get(keyName)?.text;
    const value = entry.children.get(valueName);
    if (key === undefined || !value) throw new MalformedRequest(at(path, index), { kind: 'missing' });
    map[key] = queryValue(schema.getValueSchema(), value, at(path, key), dialect);
  }
  return map;
}

function numbered(node: QueryNode, path: string): Array<[number, QueryNode]> {
  const items = [...node.children].map(([key, child]): [number, QueryNode] => {
    if (!/^[1-9]\d*$/.test(key)) throw new MalformedRequest(at(path, key), { kind: 'unknown' });
    return [Number(key), child];
  });
  return items.sort(([a], [b]) => a - b);
}

// --- REST: XML bodies, and the members that path, query and headers carry ---

/** @param value the parsed element: text, an object of its children by name, or a list where a name repeats. */
export function fromXml(schema: NormalizedSchema, value: unknown, path = ''): unknown {
  if (schema.isStructSchema()) {
    const children = value === '' ? {} : value;
    if (!isObject(children)) throw wrongType(path, 'a Structure', value);
    const names = new Map<string, [string, NormalizedSchema]>();
    for (const [name, member] of schema.structIterator()) {
      names.set(member.getMemberTraits().xmlName ?? name, [name, member]);
    }
    const input: Input = {};
    for (const [key, child] of Object.entries(children)) {
      if (key === 'xmlns' || key.startsWith('xmlns:')) continue;
      const found = names.get(key);
      if (!found) throw new MalformedRequest(at(path, key), { kind: 'unknown' });
      input[found[0]] = fromXml(found[1], child, at(path, key));
    }
    return requireMembers(schema, input, path);
  }
  if (schema.isListSchema()) return xmlList(schema, value, path);
  if (typeof value !== 'string') throw wrongType(path, 'a String', value);
  return fromText(schema, value, path);
}

function xmlList(schema: NormalizedSchema, value: unknown, path: string): unknown[] {
  const item = schema.getValueSchema();
  const name = item.getMergedTraits().xmlName ?? 'member';
  const items = schema.getMergedTraits().xmlFlattened ? value : isObject(value) ? (value[name] ?? []) : [];
  return (Array.isArray(items) ? items : [items]).map((child, index) =>
    fromXml(item, child, at(path, index + 1)),
  );
}

/** Fills in the members that a REST request carries in its path, its query and its headers. */
export function httpMembers(
  schema: NormalizedSchema,
  parts: {
    readonly labels: ReadonlyMap<string, string>;
    query: URLSearchParams;
    headers: NodeJS.Dict<string | string[]>;
  },
): Input {
  const input: Input = {};
  for (const [name, member] of schema.structIterator()) {
    const { httpLabel, httpQuery, httpHeader, httpPrefixHeaders } = member.getMergedTraits();
    if (httpPrefixHeaders) {
      const named = prefixedHeaders(parts.headers, httpPrefixHeaders);
      if (Object.keys(named).length > 0) input[name] = named;
    }
    const text = httpLabel
      ? parts.labels.get(name)
      : httpQuery
        ? (parts.query.get(httpQuery) ?? undefined)
        : httpHeader
          ? parts.headers[httpHeader.toLowerCase()]
          : undefined;
    if (typeof text === 'string') input[name] = fromText(member, text, name);
  }
  return input;
}

function prefixedHeaders(headers: NodeJS.Dict<string | string[]>, prefix: string): Record<string, string> {
  const entries = Object.entries(headers).filter(([name]) => name.startsWith(prefix.toLowerCase()));
  return Object.fromEntries(entries.map(([name, value]) => [name.slice(prefix.length), String(value)]));
}

/** The members of a REST request's JSON body. */
export function jsonBodyMembers(schema: NormalizedSchema, body: unknown): Input {
  if (!isObject(body)) throw wrongType('', 'a Structure', body);
  const input: Input = {};
  for (const [key, value] of Object.entries(body)) {
    const member = [...schema.structIterator()].find(([name]) => name === key)?.[1];
    if (!member) throw new MalformedRequest(key, { kind: 'unknown' });
    if (value !== null) input[key] = fromJson(member, value, key);
  }
  return input;
}

/** The members of a REST request's XML body: those that its path, query and headers do not carry. */
export function bodyMembers(schema: NormalizedSchema, body: Input): Input {
  const input: Input = {};
  const names = new Map(
    [...schema.structIterator()].map(([name, member]) => [member.getMemberTraits().xmlName ?? name, name]),
  );
  for (const [key, value] of Object.entries(body)) {
    if (key === 'xmlns') continue;
    const name = names.get(key);
    if (name === undefined) throw new MalformedRequest(key, { kind: 'unknown' });
    input[name] = fromXml(schema.getMemberSchema(name), value, key);
  }
  return input;
}

export { requireMembers };
