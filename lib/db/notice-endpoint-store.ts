import type { Insertable, Selectable } from 'kysely';
import type { EndpointNoticeKind } from '../domain/notice.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { NoticeEndpointTable } from './notice-tables.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';

export type NoticeEndpoint = Selectable<NoticeEndpointTable>;

export async function insertEndpoint(
  trx: Trx,
  row: Omit<Insertable<NoticeEndpointTable>, 'kinds'> & { readonly kinds: readonly EndpointNoticeKind[] },
): Promise<void> {
  await trx
    .insertInto('notice_endpoint')
    .values({ ...row, kinds: toJson(row.kinds) })
    .execute();
}

/** One that is not removed. */
export function findEndpoint(connection: Connection, id: string): Promise<NoticeEndpoint | undefined> {
  return connection
    .selectFrom('notice_endpoint')
    .selectAll()
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .executeTakeFirst();
}

/** `findEndpoint`, and nobody else changes it until the transaction ends. */
export function lockEndpoint(trx: Trx, id: string): Promise<NoticeEndpoint | undefined> {
  return trx
    .selectFrom('notice_endpoint')
    .selectAll()
    .where('id', '=', id)
    .where('removed_at', 'is', null)
    .forUpdate()
    .executeTakeFirst();
}

/** Those of a practice that are not removed, and nobody else changes them until the transaction ends. */
export function lockEndpointsOf(trx: Trx, practiceId: string): Promise<NoticeEndpoint[]> {
  return trx
    .selectFrom('notice_endpoint')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .where('removed_at', 'is', null)
    .orderBy('id')
    .forUpdate()
    .execute();
}

/** Those that are not removed, newest first; `practice` for those of one practice only. */
export function listEndpoints(
  connection: Connection,
  page: PageRequest & { readonly practice?: string | undefined },
): Promise<Page<NoticeEndpoint>> {
  let query = connection.selectFrom('notice_endpoint').selectAll().where('removed_at', 'is', null);
  if (page.practice !== undefined) query = query.where('practice_id', '=', page.practice);
  return newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
}

/** Puts a sealed secret in the place of the one before, which goes on beside it until `until`. */
export async function replaceSecret(
  trx: Trx,
  endpoint: Pick<NoticeEndpoint, 'id' | 'secret'>,
  secret: string,
  until: Date,
): Promise<void> {
  await trx
    .updateTable('notice_endpoint')
    .set({ secret, previous_secret: endpoint.secret, previous_secret_until: until })
    .where('id', '=', endpoint.id)
    .execute();
}

/** The row stays for the deliveries that name it; its secrets go. */
export async function removeEndpoint(trx: Trx, id: string, by: string, at: Date): Promise<void> {
  await trx
    .updateTable('notice_endpoint')
    .set({
      secret: '',
      previous_secret: null,
      previous_secret_until: null,
      removed_by: by,
      removed_at: at,
    })
    .where('id', '=', id)
    .execute();
}
