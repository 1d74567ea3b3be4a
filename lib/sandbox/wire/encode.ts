import type { NormalizedSchema } from '@smithy/core/schema';

/**
 * Renders an operation's output by walking its schema. Members that the schema lacks are left out, so that a service
 * may answer with its stored record; a value of another type than the schema's is a defect of the service and throws.
 */

const mismatch = (schema: NormalizedSchema, value: unknown) =>
  new TypeError(
    `A service answered ${schema.isMemberSchema() ? schema.getMemberName() : schema.getName()} with ${Array.isArray(value) ? 'a list' : typeof value}, which its schema does not allow.`,
  );

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);

const present = (value: unknown) => value !== undefined && value !== null;

/** The JSON value of an output: timestamps in seconds since the epoch, blobs in base64. */
export function toJson(schema: NormalizedSchema, value: unknown): unknown {
  if (schema.isUnitSchema()) return {};
  if (schema.isDocumentSchema()) return value;
  if (schema.isStructSchema()) {
    if (!isObject(value)) throw mismatch(schema, value);
    const result: Record<string, unknown> = {};
    for (const [name, member] of schema.structIterator()) {
      if (present(value[name]) && isBodyMember(member)) result[name] = toJson(member, value[name]);
    }
    return result;
  }
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw mismatch(schema, value);
    return value.map((item) => toJson(schema.getValueSchema(), item));
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) throw mismatch(schema, value);
    const entries = Object.entries(value).filter(([, item]) => present(item));
    return Object.fromEntries(entries.map(([key, item]) => [key, toJson(schema.getValueSchema(), item)]));
  }
  if (schema.isTimestampSchema()) {
    if (!(value instanceof Date)) throw mismatch(schema, value);
    return value.getTime() / 1000;
  }
  if (schema.isBlobSchema()) return Buffer.from(bytesOf(schema, value)).toString('base64');
  if (
    schema.isBooleanSchema()
      ? typeof value !== 'boolean'
      : schema.isNumericSchema() && typeof value !== 'number'
  ) {
    throw mismatch(schema, value);
  }
  if (schema.isStringSchema() && typeof value !== 'string') throw mismatch(schema, value);
  return value;
}

function bytesOf(schema: NormalizedSchema, value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  throw mismatch(schema, value);
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  '\r': '&#xD;',
};

// oxlint-disable-next-line no-control-regex -- XML 1.0 cannot carry these characters, so they are what must be found
const unwritable = /[\0-\x08\x0B\x0C\x0E-\x1F]/g;

export const escapeXml = (text: string): string =>
  text.replace(/[&<>"\r]/g, (character) => escapes[character] ?? '').replace(unwritable, '\uFFFD');

export const element = (name: string, content: string, attributes = ''): string =>
  `<${name}${attributes}>${content}</${name}>`;

/** Whether a member travels in the body, and not in a header or as the body itself. */
export function isBodyMember(member: NormalizedSchema): boolean {
  const { httpHeader, httpPrefixHeaders, httpPayload } = member.getMergedTraits();
  return !(httpHeader || httpPrefixHeaders || httpPayload);
}

/** The headers of a REST answer. */
export function headerMembers(
  schema: NormalizedSchema,
  value: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [name, member] of schema.structIterator()) {
    const { httpHeader, httpPrefixHeaders } = member.getMergedTraits();
    const item = value[name];
    if (!present(item)) continue;
    if (httpHeader) headers[httpHeader.toLowerCase()] = headerText(item);
    if (httpPrefixHeaders && isObject(item))
      for (const [key, text] of Object.entries(item)) headers[`${httpPrefixHeaders}${key}`] = String(text);
  }
  return headers;
}

/** Times in headers are HTTP dates (RFC 9110, section 5.6.7). */
function headerText(value: unknown): string {
  return value instanceof Date ? value.toUTCString() : String(value);
}

/** The children of an output's element, without the element itself. */
export function toXml(schema: NormalizedSchema, value: unknown): string {
  if (schema.isUnitSchema()) return '';
  if (!isObject(value)) throw mismatch(schema, value);
  let xml = '';
  for (const [name, member] of schema.structIterator()) {
    if (present(value[name]) && isBodyMember(member)) xml += xmlMember(name, member, value[name]);
  }
  return xml;
}

function xmlMember(memberName: string, schema: NormalizedSchema, value: unknown): string {
  const name = schema.getMemberTraits().xmlName ?? memberName;
  const flat = schema.getMergedTraits().xmlFlattened;
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw mismatch(schema, value);
    const item = schema.getValueSchema();
    const itemName = flat ? name : (item.getMergedTraits().xmlName ?? 'member');
    const items = value.map((entry) => element(itemName, xmlContent(item, entry))).join('');
    return flat ? items : element(name, items);
  }
  if (schema.isMapSchema()) {
    if (!isObject(value)) throw mismatch(schema, value);
    const keyName = schema.getKeySchema().getMergedTraits().xmlName ?? 'key';
    const valueName = schema.getValueSchema().getMergedTraits().xmlName ?? 'value';
    const entries = Object.entries(value).map(([key, entry]) => {
      const pair =
        element(keyName, escapeXml(key)) + element(valueName, xmlContent(schema.getValueSchema(), entry));
      return element(flat ? name : 'entry', pair);
    });
    return flat ? entries.join('') : element(name, entries.join(''));
  }
  return element(name, xmlContent(schema, value));
}

function xmlContent(schema: NormalizedSchema, value: unknown): string {
  if (schema.isStructSchema()) return toXml(schema, value);
  if (schema.isListSchema()) {
    if (!Array.isArray(value)) throw mismatch(schema, value);
    const item = schema.getValueSchema();
    const name = item.getMergedTraits().xmlName ?? 'member';
    return value.map((entry) => element(name, xmlContent(item, entry))).join('');
  }
  if (schema.isTimestampSchema()) {
    if (!(value instanceof Date)) throw mismatch(schema, value);
    return value.toISOString();
  }
  if (schema.isBlobSchema()) return Buffer.from(bytesOf(schema, value)).toString('base64');
  const expected = schema.isBooleanSchema() ? 'boolean' : schema.isNumericSchema() ? 'number' : 'string';
  if (typeof value !== expected) throw mismatch(schema, value);
  return escapeXml(String(value));
}
