import { sql } from 'kysely';
import { practiceNoticeKinds } from '../domain/notice.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { PracticeContact } from './notice-tables.ts';

export type { PracticeContact };

/** `revision` is 0 until somebody has chosen contacts. */
export interface PracticeContacts {
  readonly contacts: readonly PracticeContact[];
  readonly revision: number;
}

/** Who of a practice is told what: as chosen, or the sign-up's contact everything. Undefined when there is no such practice. */
export async function readContacts(
  connection: Connection,
  practiceId: string,
): Promise<PracticeContacts | undefined> {
  const row = await connection
    .selectFrom('practice')
    .innerJoin('sign_up', 'sign_up.id', 'practice.sign_up_id')
    .leftJoin('practice_contact as chosen', 'chosen.practice_id', 'practice.id')
    .select(['sign_up.contact', 'chosen.contacts', 'chosen.revision'])
    .where('practice.id', '=', practiceId)
    .executeTakeFirst();
  if (row === undefined) return undefined;
  const { contact, contacts, revision } = row;
  if (contacts !== null && revision !== null) return { contacts, revision };
  const { name, email } = contact;
  return { contacts: [{ name, email, notices: practiceNoticeKinds }], revision: 0 };
}

/** Every address at which a practice may be told anything: those of its contacts, and of its sign-up's. */
export async function addressesOf(connection: Connection, practiceId: string): Promise<string[]> {
  const { rows } = await sql<{ address: string }>`
    select sign_up.contact->>'email' as address from practice
      join sign_up on sign_up.id = practice.sign_up_id where practice.id = ${practiceId}
    union
    select person->>'email' from practice_contact
      cross join jsonb_array_elements(contacts) listed (person) where practice_id = ${practiceId}`.execute(
    connection,
  );
  return rows.map(({ address }) => address);
}

export async function putContacts(
  trx: Trx,
  practiceId: string,
  { contacts, revision }: PracticeContacts,
  at: Date,
): Promise<void> {
  const values = { contacts: toJson(contacts), revision, updated_at: at };
  await trx
    .insertInto('practice_contact')
    .values({ practice_id: practiceId, ...values })
    .onConflict((conflict) => conflict.column('practice_id').doUpdateSet(values))
    .execute();
}
