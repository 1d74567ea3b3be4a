import type { State, Table } from './model.ts';

/** A table that finds records by what is in them, without reading the others. */
export interface IndexedTable<T> extends Omit<Table<T>, 'scan'> {
  /**
   * The records that have this term, in key order.
   *
   * @param owner what their keys begin with: `<account>/<region>/`.
   */
  withTerm(owner: string, term: string): T[];
  /** The records that have a term of this beginning, in the order of the terms, from behind the place `after`. */
  byTerm(owner: string, beginning: string, after?: string): Iterable<[place: string, record: T]>;
}

const built = new WeakMap<State, Set<string>>();

interface IndexOptions<T> {
  readonly name: string;
  readonly table: Table<T>;
  /** What a record is found by, without spaces. A change of it needs another `version`: the index is then made anew. */
  readonly termsOf: (record: T) => ReadonlyArray<string | undefined>;
  readonly version: number;
}

export function indexedTable<T>(
  state: State,
  { name, table, termsOf, version }: IndexOptions<T>,
): IndexedTable<T> {
  const index = state.table<string>(`${name}.index-${version}`);
  const places = (key: string, record: T | undefined): Set<string> =>
    new Set(
      (record === undefined ? [] : termsOf(record))
        .filter((term) => term !== undefined)
        .map((term) => `${ownerOf(key)}${term} ${key}`),
    );
  buildOnce(state, `${name}.index-${version}`, () => {
    if (index.count() > 0) return;
    for (const [key, record] of table.entries())
      for (const place of places(key, record)) index.put(place, key);
  });

  function* byTerm(owner: string, beginning: string, after?: string): Iterable<[string, T]> {
    for (const [place, key] of index.scan(owner + beginning, after)) {
      const record = table.get(key);
      // The end of the process may have left an entry behind that is not true any more.
      if (record !== undefined && places(key, record).has(place)) yield [place, record];
    }
  }
  return {
    get: (key) => table.get(key),
    list: (prefix) => table.list(prefix),
    entries: (prefix) => table.entries(prefix),
    count: (prefix) => table.count(prefix),
    // A new entry is there before its record, and an old one goes after it: a record is always found.
    put(key, record) {
      const before = places(key, table.get(key));
      const after = places(key, record);
      for (const place of after) if (!before.has(place)) index.put(place, key);
      table.put(key, record);
      for (const place of before) if (!after.has(place)) index.delete(place);
    },
    delete(key) {
      const before = places(key, table.get(key));
      table.delete(key);
      for (const place of before) index.delete(place);
    },
    withTerm: (owner, term) => [...byTerm(owner, `${term} `)].map(([, record]) => record),
    byTerm,
  };
}

/** The account and Region in front of a key. */
const ownerOf = (key: string) => /^[^/]*\/[^/]*\//.exec(key)?.[0] ?? '';

/** State of before there was this index has none. */
function buildOnce(state: State, index: string, build: () => void): void {
  let known = built.get(state);
  if (!known) built.set(state, (known = new Set()));
  if (known.has(index)) return;
  build();
  known.add(index);
}
