/** Pages as AWS's list operations cut them: an opaque marker, and an error for one that was made up. */
import { AwsError } from './model.ts';

export interface Page<T> {
  readonly items: T[];
  /** What to ask for next, absent on the last page. */
  readonly next: string | undefined;
}

/**
 * The page after `marker` of items that are ordered by `keyOf`. The marker names the last item of the page before,
 * so that items which come and go in between neither repeat nor hide others.
 */
export function pageOf<T>(
  items: readonly T[],
  options: {
    readonly keyOf: (item: T) => string;
    readonly marker: string | undefined;
    readonly limit: number;
    /** AWS's error code for a marker that this operation did not give out. */
    readonly invalidMarkerCode: string;
  },
): Page<T> {
  const after =
    options.marker === undefined ? undefined : decodeMarker(options.marker, options.invalidMarkerCode);
  const rest = after === undefined ? [...items] : items.filter((item) => options.keyOf(item) > after);
  const page = rest.slice(0, options.limit);
  const last = page.at(-1);
  const more = rest.length > page.length && last !== undefined;
  return { items: page, next: more ? encodeMarker(options.keyOf(last)) : undefined };
}

/** The page after `marker` of what is read in order, without reading more than a page. */
export function pageFrom<T>(
  read: (after: string | undefined) => Iterable<[place: string, item: T]>,
  options: {
    readonly marker: string | undefined;
    readonly limit: number;
    readonly invalidMarkerCode: string;
  },
): Page<T> {
  const { marker, limit, invalidMarkerCode } = options;
  const items: T[] = [];
  let last: string | undefined;
  for (const [place, item] of read(
    marker === undefined ? undefined : decodeMarker(marker, invalidMarkerCode),
  )) {
    if (items.length === limit && last !== undefined) return { items, next: encodeMarker(last) };
    items.push(item);
    last = place;
  }
  return { items, next: undefined };
}

const markerPrefix = 'after:';

function encodeMarker(key: string): string {
  return Buffer.from(markerPrefix + key).toString('base64url');
}

function decodeMarker(marker: string, invalidMarkerCode: string): string {
  const text = Buffer.from(marker, 'base64url').toString();
  if (!text.startsWith(markerPrefix))
    throw new AwsError(invalidMarkerCode, 'The marker is not one that this operation returned.');
  return text.slice(markerPrefix.length);
}
