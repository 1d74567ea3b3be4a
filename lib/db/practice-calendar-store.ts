import type { Connection, Trx } from './database.ts';

/** The address of a practice's calendar feed, by the SHA-256 of its secret. */
export interface PracticeCalendar {
  readonly practiceId: string;
  readonly keySha256: string;
  readonly createdBy: string;
  readonly createdAt: Date;
}

/** Gives a practice's calendar an address, in place of the one before. Answers whether there was one. */
export async function putCalendar(trx: Trx, calendar: PracticeCalendar): Promise<boolean> {
  const replaced = await removeCalendar(trx, calendar.practiceId);
  await trx
    .insertInto('practice_calendar')
    .values({
      practice_id: calendar.practiceId,
      key_sha256: calendar.keySha256,
      created_by: calendar.createdBy,
      created_at: calendar.createdAt,
    })
    .execute();
  return replaced;
}

/** Takes the address of a practice's calendar away. Answers whether there was one. */
export async function removeCalendar(trx: Trx, practiceId: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('practice_calendar')
    .where('practice_id', '=', practiceId)
    .executeTakeFirstOrThrow();
  return numDeletedRows === 1n;
}

/** The practice whose calendar has this address. */
export async function findCalendar(connection: Connection, keySha256: string): Promise<string | undefined> {
  const row = await connection
    .selectFrom('practice_calendar')
    .select('practice_id')
    .where('key_sha256', '=', keySha256)
    .executeTakeFirst();
  return row?.practice_id;
}
