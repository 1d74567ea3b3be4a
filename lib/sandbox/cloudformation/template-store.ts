import { createHash } from 'node:crypto';
import type { State, Table } from '../model.ts';

/**
 * Templates are kept once, by their hash: all practices of a release have the same ones, and a stack's record is read
 * and written at each step of its operation.
 */
interface Cache {
  readonly bodies: Map<string, string>;
  readonly names: Map<string, string>;
}
const caches = new WeakMap<State, Cache>();
/** Templates that a cache holds: more than a few releases have at a time. */
const cacheSize = 100;
const mark = /^sha256:[0-9a-f]{64}$/;

/** A table whose records name their templates on disk, and have them in memory. */
export function withTemplates<T extends object>(state: State, table: Table<T>): Table<T> {
  const open = (record: T) => mapBodies(record, (body) => (mark.test(body) ? bodyOf(state, body) : body));
  const fold = (record: T) => mapBodies(record, (body) => (body === '' ? body : keep(state, body)));
  return {
    get(key) {
      const record = table.get(key);
      return record === undefined ? undefined : open(record);
    },
    put: (key, record) => table.put(key, fold(record)),
    delete: (key) => table.delete(key),
    list: (prefix) => table.list(prefix).map(open),
    entries: (prefix) => table.entries(prefix).map(([key, record]) => [key, open(record)]),
    *scan(prefix, after) {
      for (const [key, record] of table.scan(prefix, after)) yield [key, open(record)];
    },
    count: (prefix) => table.count(prefix),
  };
}

/** Replaces each `templateBody` of a record, which lie at most two objects deep. */
function mapBodies<T extends object>(record: T, map: (body: string) => string, depth = 2): T {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]: [string, unknown]) => {
      if (name === 'templateBody' && typeof value === 'string') return [name, map(value)];
      const isHolder =
        depth > 0 && ['operation', 'target', 'previous', 'content'].includes(name) && value !== undefined;
      return [name, isHolder ? mapBodies(value as object, map, depth - 1) : value];
    }),
  ) as T;
}

function cacheOf(state: State): Cache {
  let cache = caches.get(state);
  if (!cache || cache.bodies.size > cacheSize || cache.names.size > cacheSize)
    caches.set(state, (cache = { bodies: new Map(), names: new Map() }));
  return cache;
}

const storeOf = (state: State) => state.table<string>('cloudformation.templates');

function keep(state: State, body: string): string {
  const { names } = cacheOf(state);
  const known = names.get(body);
  // A transaction that was undone took the template with it.
  if (known !== undefined && storeOf(state).count(known) > 0) return known;
  const name = `sha256:${createHash('sha256').update(body).digest('hex')}`;
  storeOf(state).put(name, body);
  names.set(body, name);
  return name;
}

function bodyOf(state: State, name: string): string {
  const { bodies } = cacheOf(state);
  const known = bodies.get(name);
  if (known !== undefined) return known;
  const body = storeOf(state).get(name);
  if (body === undefined) throw new Error(`There is no record of the template ${name}.`);
  bodies.set(name, body);
  return body;
}
