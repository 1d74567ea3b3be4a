/**
 * REST-XML and REST-JSON: an operation is a method and a path, and its input and output are spread over path, query,
 * headers and body as the schema's traits say (Smithy, "HTTP bindings").
 */

import type { IncomingHttpHeaders } from 'node:http';
import { parseXmlBody } from '@aws-sdk/core/protocols';
import type { NormalizedSchema } from '@smithy/core/schema';
import { AwsError } from '../model.ts';
import { bodyMembers, fromJson, fromXml, httpMembers, jsonBodyMembers, requireMembers } from './decode.ts';
import { element, headerMembers, isBodyMember, toJson, toXml } from './encode.ts';
import type { OperationModel, ServiceModel } from './service-model.ts';

export type RestProtocol = 'rest-xml' | 'rest-json';

export interface RestRequest {
  readonly method: string;
  /** Without the query, still percent-encoded. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

interface Match {
  readonly operation: string;
  readonly labels: ReadonlyMap<string, string>;
}

/** The operation that a REST request asks for: of those that fit, the one that asks for most. */
export function matchOperation(request: RestRequest, model: ServiceModel): Match | undefined {
  let best: (Match & { readonly closeness: number }) | undefined;
  for (const { name, http, input } of model.operations.values()) {
    if (http?.method !== request.method) continue;
    const [path = '', literal = ''] = http.pattern.split('?');
    const fixed = [...new URLSearchParams(literal)];
    if (!fixed.every(([key, value]) => fitsQuery(request.query, key, value))) continue;
    const needed = requiredParts(input);
    if (!needed.every((part) => part.isIn(request))) continue;
    const labels = matchPath(bucketPath(path, input), request.path);
    if (!labels) continue;
    const asked = fixed.filter(([key]) => request.query.has(key)).length + needed.length;
    // The fewer labels, the closer the pattern: `/hostedzone/count` before `/hostedzone/{Id}`.
    const closeness = asked * 100 - labels.size;
    if (!best || closeness > best.closeness) best = { operation: name, labels, closeness };
  }
  return best;
}

/** `x-id` only repeats the operation's name, and only some SDKs send it. */
function fitsQuery(query: URLSearchParams, key: string, value: string): boolean {
  const given = query.get(key);
  if (given === null) return key === 'x-id';
  return value === '' || given === value;
}

interface RequiredPart {
  isIn(request: RestRequest): boolean;
}

/** What tells `UploadPart` from `PutObject`: members of the query and the headers that an operation cannot do without. */
function requiredParts(schema: NormalizedSchema): RequiredPart[] {
  if (schema.isUnitSchema()) return [];
  const definition = schema.getSchema() as unknown as readonly unknown[];
  const required = (definition[4] as string[]).slice(0, (definition[6] as number | undefined) ?? 0);
  return required.flatMap((name): RequiredPart[] => {
    const { httpQuery, httpHeader } = schema.getMemberSchema(name).getMergedTraits();
    if (httpQuery) return [{ isIn: ({ query }) => query.has(httpQuery) }];
    if (httpHeader) return [{ isIn: ({ headers }) => headers[httpHeader.toLowerCase()] !== undefined }];
    return [];
  });
}

/** S3's patterns begin after the bucket, which may stand in the host name; here it always stands in the path. */
function bucketPath(pattern: string, input: NormalizedSchema): string {
  if (input.isUnitSchema() || pattern.includes('{Bucket}')) return pattern;
  const named = [...input.structIterator()].some(
    ([name, member]) => name === 'Bucket' && member.getMergedTraits().httpLabel,
  );
  return named ? `/{Bucket}${pattern}` : pattern;
}

function matchPath(pattern: string, path: string): Map<string, string> | undefined {
  const parts = pattern.split('/').filter((part) => part !== '');
  const labels = new Map<string, string>();
  let rest = path.replace(/^\//, '');
  for (const part of parts) {
    const [, label, greedy] = /^\{(\w+)(\+?)\}$/.exec(part) ?? [];
    const end = greedy || !rest.includes('/') ? rest.length : rest.indexOf('/');
    const given = decoded(rest.slice(0, end));
    if (given === '' || (label === undefined && given !== part)) return undefined;
    if (label !== undefined) labels.set(label, given);
    rest = rest.slice(end + 1);
  }
  return rest === '' ? labels : undefined;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // The one thing that it throws: a percent sign that encodes nothing.
    throw new AwsError('InvalidURI', "Couldn't parse the specified URI.");
  }
}

/** Reads an operation's input out of all parts of a request. */
export async function readRest(
  protocol: RestProtocol,
  request: RestRequest,
  labels: ReadonlyMap<string, string>,
  schema: NormalizedSchema,
): Promise<object> {
  if (schema.isUnitSchema()) return {};
  const fromHttp = httpMembers(schema, { labels, query: request.query, headers: request.headers });
  const payload = [...schema.structIterator()].find(([, member]) => member.getMergedTraits().httpPayload);
  const fromBody = payload
    ? { [payload[0]]: await readPayload(protocol, payload[1], bodyOf(request)) }
    : await readBody(protocol, schema, request.body);
  return requireMembers(schema, { ...fromBody, ...fromHttp }, '');
}

async function readPayload(protocol: RestProtocol, member: NormalizedSchema, body: Buffer): Promise<unknown> {
  if (member.isBlobSchema()) return body;
  if (body.length === 0) return undefined;
  if (member.isStringSchema()) return body.toString('utf8');
  return protocol === 'rest-json' ? fromJson(member, parseJson(body)) : fromXml(member, await parseXml(body));
}

async function readBody(protocol: RestProtocol, schema: NormalizedSchema, body: Buffer): Promise<object> {
  if (body.length === 0) return {};
  return protocol === 'rest-json'
    ? jsonBodyMembers(schema, parseJson(body))
    : bodyMembers(schema, await parseXml(body));
}

export function parseJson(body: Buffer): unknown {
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch (error) {
    throw new AwsError('SerializationException', `The request body is not JSON: ${(error as Error).message}`);
  }
}

async function parseXml(body: Buffer): Promise<Record<string, unknown>> {
  try {
    return (await parseXmlBody(body, {} as Parameters<typeof parseXmlBody>[1])) as Record<string, unknown>;
  } catch (error) {
    throw new AwsError('MalformedXML', `The request body is not XML: ${(error as Error).message}`);
  }
}

/** The body without the frames of `aws-chunked` ("Signature calculations: transferring payload in multiple chunks"). */
function bodyOf({ headers, body }: RestRequest): Buffer {
  if (headers['content-encoding']?.includes('aws-chunked') !== true) return body;
  const chunks: Buffer[] = [];
  for (let at = 0; at < body.length; ) {
    const lineEnd = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, lineEnd), 16);
    const start = lineEnd + 2;
    if (lineEnd < 0 || Number.isNaN(size) || start + size > body.length)
      throw new AwsError('IncompleteBody', 'The request body terminated unexpectedly');
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(body.subarray(start, start + size));
    at = start + size + 2;
  }
  throw new AwsError('IncompleteBody', 'The request body terminated unexpectedly');
}

export interface RestAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
}

/** Spreads an operation's output over status, headers and body. */
export function writeRest(
  protocol: RestProtocol,
  model: ServiceModel,
  { http, name, output: schema }: OperationModel,
  output: object,
): RestAnswer {
  const status = http?.status ?? 200;
  const type = protocol === 'rest-json' ? 'application/json' : 'text/xml';
  if (schema.isUnitSchema()) return { status, headers: {}, body: protocol === 'rest-json' ? '{}' : '' };
  const value = output as Record<string, unknown>;
  const headers = headerMembers(schema, value);
  const members = [...schema.structIterator()];
  const payload = members.find(([, member]) => member.getMergedTraits().httpPayload);
  if (payload) return { status, ...payloadAnswer(protocol, model, payload, value, headers) };
  // An output that is all headers has no body: `PutObject`.
  if (members.length > 0 && !members.some(([, member]) => isBodyMember(member)))
    return { status, headers, body: '' };
  const body =
    protocol === 'rest-json'
      ? JSON.stringify(toJson(schema, value))
      : document(
          model,
          schema.getMergedTraits().xmlName ?? schema.getName() ?? `${name}Response`,
          schema,
          value,
        );
  return { status, headers: { 'content-type': type, ...headers }, body };
}

function payloadAnswer(
  protocol: RestProtocol,
  model: ServiceModel,
  [name, member]: readonly [string, NormalizedSchema],
  output: Readonly<Record<string, unknown>>,
  headers: Readonly<Record<string, string>>,
): Omit<RestAnswer, 'status'> {
  const value = output[name];
  if (value === undefined) return { headers, body: '' };
  if (member.isBlobSchema()) {
    const body = Buffer.from(value as Uint8Array);
    return { headers: { 'content-type': 'application/octet-stream', ...headers }, body };
  }
  if (member.isStringSchema()) {
    return { headers: { 'content-type': 'application/json', ...headers }, body: value as string };
  }
  if (protocol === 'rest-json') {
    return {
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(toJson(member, value)),
    };
  }
  const root =
    member.getMemberTraits().xmlName ?? member.getMergedTraits().xmlName ?? member.getName() ?? name;
  return { headers: { 'content-type': 'text/xml', ...headers }, body: document(model, root, member, value) };
}

function document(model: ServiceModel, root: string, schema: NormalizedSchema, value: unknown): string {
  const xmlns = ` xmlns="${model.xmlNamespace}"`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${element(root, toXml(schema, value), xmlns)}`;
}
