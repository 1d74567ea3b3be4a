import type { Insertable, Selectable } from 'kysely';
import type { Agreement, PracticeOwner, SignUpState } from '../domain/sign-up.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import { newestFirst, type Page, type PageRequest } from './page.ts';
import type { SignUpTable } from './practice-tables.ts';
import { violates } from './violations.ts';

export type SignUpRow = Selectable<SignUpTable>;

/** Adds a sign-up. Answers `npi_in_use` when another one holds its NPI; the transaction is then of no further use. */
export async function insertSignUp(db: Trx, row: Insertable<SignUpTable>): Promise<SignUpRow | 'npi_in_use'> {
  try {
    return await db.insertInto('sign_up').values(row).returningAll().executeTakeFirstOrThrow();
  } catch (error) {
    if (violates(error, 'sign_up_npi_in_use')) return 'npi_in_use';
    throw error;
  }
}

export function findSignUp(db: Connection, id: string): Promise<SignUpRow | undefined> {
  return db.selectFrom('sign_up').selectAll().where('id', '=', id).executeTakeFirst();
}

/** Reads a sign-up and keeps others from changing it until the transaction ends. */
export function lockSignUp(db: Trx, id: string): Promise<SignUpRow | undefined> {
  return db.selectFrom('sign_up').selectAll().where('id', '=', id).forUpdate().executeTakeFirst();
}

/** Newest first. */
export async function listSignUps(
  db: Connection,
  page: PageRequest & { readonly state?: SignUpState | undefined },
): Promise<Page<SignUpRow>> {
  let query = db.selectFrom('sign_up').selectAll();
  if (page.state !== undefined) query = query.where('state', '=', page.state);
  return newestFirst(query, page, { at: 'created_at', ids: 'uuid' });
}

export function setAgreement(db: Trx, id: string, agreement: Agreement, at: Date): Promise<SignUpRow> {
  return db
    .updateTable('sign_up')
    .set((eb) => ({ agreement: toJson(agreement), revision: eb('revision', '+', 1), updated_at: at }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** A practice's new owner. Answers `npi_in_use` when another sign-up holds its NPI; the transaction is then of no further use. */
export async function setOwner(
  db: Trx,
  id: string,
  { legalName, npi, contact, agreement }: PracticeOwner,
  at: Date,
): Promise<'changed' | 'npi_in_use'> {
  try {
    await db
      .updateTable('sign_up')
      .set((eb) => ({
        legal_name: legalName,
        npi,
        contact: toJson(contact),
        agreement: toJson(agreement),
        revision: eb('revision', '+', 1),
        updated_at: at,
      }))
      .where('id', '=', id)
      .execute();
    return 'changed';
  } catch (error) {
    if (violates(error, 'sign_up_npi_in_use')) return 'npi_in_use';
    throw error;
  }
}

export interface SignUpDecision {
  readonly state: 'approved' | 'rejected';
  readonly practiceId: string | null;
  readonly by: string;
  readonly reason: string;
  readonly at: Date;
}

export function decideSignUp(db: Trx, id: string, decision: SignUpDecision): Promise<SignUpRow> {
  return db
    .updateTable('sign_up')
    .set((eb) => ({
      state: decision.state,
      practice_id: decision.practiceId,
      decided_by: decision.by,
      decided_at: decision.at,
      decision_reason: decision.reason,
      revision: eb('revision', '+', 1),
      updated_at: decision.at,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}
