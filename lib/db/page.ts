import { type SelectQueryBuilder, sql } from 'kysely';
import { DomainError } from '../domain/errors.ts';
import type { Schema } from './schema.ts';

/** One page of a list is asked for by size and by the cursor that the page before ended with. */
export interface PageRequest {
  /** Rows, 1 or more. */
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** `nextCursor` is null on the last page. */
export interface Page<Row> {
  readonly items: Row[];
  readonly nextCursor: string | null;
}

/** Where a page ended. */
interface Position {
  readonly at: Date;
  readonly id: string;
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const idPatterns = { uuid, text: /^[\w.-]{1,80}$/, integer: /^\d{1,15}$/ } as const;

/**
 * Reads a cursor back.
 * @throws DomainError `invalid_input` for anything that `pageFrom` did not write.
 */
export function positionOf(cursor: string, idKind: keyof typeof idPatterns): Position {
  const [time, id, ...rest] = Buffer.from(cursor, 'base64url').toString('utf8').split(' ');
  const at = new Date(time ?? '');
  const isTime = !Number.isNaN(at.getTime()) && at.toISOString() === time;
  // Years of more digits, before year 1 too, are written otherwise, and the database has not all of them.
  const isOurs = rest.length === 0 && isTime && /^(?!0000)\d{4}-/.test(time);
  if (!isOurs || id === undefined || !idPatterns[idKind].test(id)) {
    throw new DomainError(
      'invalid_input',
      'The cursor is not one of this list: pass nextCursor as it was given.',
      {
        fields: [{ pointer: '/cursor', message: 'must be the nextCursor of the page before' }],
      },
    );
  }
  return { at, id };
}

/**
 * One page of a query's rows, newest first: by the time in column `at` and then by id, so rows added meanwhile move no page.
 * @throws DomainError `invalid_input` for a cursor that is not one of this list.
 */
export async function newestFirst<
  Tables extends keyof Schema,
  At extends string,
  Row extends { readonly id: string } & Readonly<Record<At, Date>>,
>(
  query: SelectQueryBuilder<Schema, Tables, Row>,
  { limit, cursor }: PageRequest,
  { at, ids }: { readonly at: At; readonly ids: 'uuid' | 'text' },
): Promise<Page<Row>> {
  let rest = query;
  if (cursor !== undefined) {
    const end = positionOf(cursor, ids);
    rest = rest.where(sql<boolean>`(${sql.ref(at)}, ${sql.ref('id')}) < (${end.at}, ${end.id})`);
  }
  const rows = await rest
    .orderBy(sql.ref(at), 'desc')
    .orderBy(sql.ref('id'), 'desc')
    .limit(limit + 1)
    .execute();
  return pageFrom(rows, limit, (row) => ({ at: row[at], id: row.id }));
}

/** Makes a page of rows that were read with `limit + 1`, so that the last page is known as such. */
export function pageFrom<Row>(rows: Row[], limit: number, positionOfRow: (row: Row) => Position): Page<Row> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  if (rows.length <= limit || last === undefined) return { items, nextCursor: null };
  const { at, id } = positionOfRow(last);
  return { items, nextCursor: Buffer.from(`${at.toISOString()} ${id}`).toString('base64url') };
}

/** Where a page ended whose rows carry no time of their own: the cursor's time is a constant. */
export const positionById = (id: string): Position => ({ at: new Date(0), id });

/** In the order of their practices' ids by code units, as cursors compare them: a database may sort by the rules of its language. */
export const byPracticeId = <Row extends { readonly practiceId: string }>(one: Row, other: Row): number =>
  one.practiceId < other.practiceId ? -1 : 1;

/**
 * One page of rows that are all there, one a practice, in the order of `byPracticeId`.
 * @throws DomainError `invalid_input` for a cursor that is not one of this list.
 */
export function pageByPractice<Row extends { readonly practiceId: string }>(
  rows: readonly Row[],
  { limit, cursor }: PageRequest,
): Page<Row> {
  const after = cursor === undefined ? '' : positionOf(cursor, 'text').id;
  const rest = rows.filter(({ practiceId }) => practiceId > after);
  return pageFrom(rest, limit, ({ practiceId }) => positionById(practiceId));
}
