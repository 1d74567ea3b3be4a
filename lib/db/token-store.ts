import { type Insertable, type Selectable, sql } from 'kysely';
import type { Role } from '../domain/access.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { ApiTokenTable } from './schema.ts';

export type TokenRow = Selectable<ApiTokenTable>;

export async function insertToken(
  db: Trx,
  row: Omit<Insertable<ApiTokenTable>, 'roles'> & { readonly roles: readonly Role[] },
): Promise<void> {
  await db
    .insertInto('api_token')
    .values({ ...row, roles: toJson(row.roles) })
    .execute();
}

export function findToken(db: Connection, id: string): Promise<TokenRow | undefined> {
  return db.selectFrom('api_token').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Newest first. */
export function listTokens(db: Connection, page: PageRequest): Promise<Page<TokenRow>> {
  return newestFirst(db.selectFrom('api_token').selectAll(), page, { at: 'created_at', ids: 'text' });
}

/** Lets no other transaction add, change or lock tokens until this one ends: rules over all tokens hold. */
export async function lockTokens(db: Trx): Promise<void> {
  await sql`lock table api_token in share row exclusive mode`.execute(db);
}

/** Ids of the tokens with a role that work at a time. */
export async function liveTokensWith(db: Trx, role: Role, at: Date): Promise<string[]> {
  const rows = await db
    .selectFrom('api_token')
    .select(['id', 'roles'])
    .where('revoked_at', 'is', null)
    .where((eb) => eb.or([eb('expires_at', 'is', null), eb('expires_at', '>', at)]))
    .execute();
  return rows.filter((row) => row.roles.includes(role)).map((row) => row.id);
}

export async function setRevoked(db: Trx, id: string, at: Date): Promise<void> {
  await db.updateTable('api_token').set({ revoked_at: at }).where('id', '=', id).execute();
}

/** Forgets tokens that could do nothing but what pipelines do and expired before `time`. Returns how many. */
export async function forgetCiTokens(db: Connection, time: Date): Promise<number> {
  const { numDeletedRows } = await db
    .deleteFrom('api_token')
    .where('expires_at', '<', time)
    .where(sql<boolean>`roles = ${toJson(['ci'] satisfies Role[])}::jsonb`)
    // An ID token that is still remembered names its newest one.
    .where('id', 'not in', (eb) => eb.selectFrom('ci_exchange').select('token_id'))
    .executeTakeFirstOrThrow();
  return Number(numDeletedRows);
}

export async function setLastUsed(db: Connection, id: string, at: Date): Promise<void> {
  await db.updateTable('api_token').set({ last_used_at: at }).where('id', '=', id).execute();
}
