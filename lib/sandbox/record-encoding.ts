import { types } from 'node:util';

const dateTag = '$date';
const bytesTag = '$bytes';

/**
 * How a record lies on disk: JSON, with times and bytes under a tag of their own. LMDB's default encoding knows a `Date` by
 * its constructor, which differs between the contexts that a test runner makes in one process.
 */
export function encodeRecord(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value, tag));
}

export function decodeRecord(bytes: Buffer): unknown {
  const text = bytes.toString('utf8');
  const value: unknown = JSON.parse(text);
  return text.includes(dateTag) || text.includes(bytesTag) ? untagged(value) : value;
}

/** JSON.stringify has already called `toJSON` on `value`; the original is still in its holder. */
function tag(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (types.isDate(original)) return { [dateTag]: original.toISOString() };
  if (types.isUint8Array(original)) return { [bytesTag]: Buffer.from(original).toString('base64') };
  return value;
}

/** In place, by a walk of our own: a reviver makes JSON.parse several times slower, and every read comes through here. */
function untagged(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { [dateTag]: date, [bytesTag]: bytes } = value as Record<string, unknown>;
  if (typeof date === 'string') return new Date(date);
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64');
  const holder = value as Record<string, unknown>;
  for (const key of Object.keys(holder)) {
    const part = holder[key];
    if (typeof part === 'object' && part !== null) holder[key] = untagged(part);
  }
  return value;
}
