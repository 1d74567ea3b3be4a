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
  return JSON.parse(bytes.toString('utf8'), untag);
}

/** JSON.stringify has already called `toJSON` on `value`; the original is still in its holder. */
function tag(this: unknown, key: string, value: unknown): unknown {
  const original = (this as Record<string, unknown>)[key];
  if (types.isDate(original)) return { [dateTag]: original.toISOString() };
  if (types.isUint8Array(original)) return { [bytesTag]: Buffer.from(original).toString('base64') };
  return value;
}

function untag(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const { [dateTag]: date, [bytesTag]: bytes } = value as Record<string, unknown>;
  if (typeof date === 'string') return new Date(date);
  if (typeof bytes === 'string') return Buffer.from(bytes, 'base64');
  return value;
}
