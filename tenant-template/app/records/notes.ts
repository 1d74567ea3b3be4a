import { randomUUID } from 'node:crypto';
import type { Asker } from '../audit.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { noSuchClient, PAGE, type Page, type RecordsParts } from './clients.ts';

export interface NewNote {
  readonly text: string;
  /** The note that this one corrects or adds to. */
  readonly amends?: string | undefined;
}

export interface Note {
  readonly id: string;
  /** Its place among the client's notes, from 1, which stays the same: notes are never removed. */
  readonly number: number;
  readonly text: string;
  readonly authorId: string;
  readonly authorName: string;
  readonly amends: string | null;
  readonly amendsNumber: number | null;
  readonly createdAt: Date;
}

type Row = Omit<Note, 'text'> & { readonly text: Buffer };

/** What those who treat a client wrote. A note stays as it was written; a correction is another note that amends it. */
export class Notes {
  readonly #parts: RecordsParts;

  constructor(parts: RecordsParts) {
    this.#parts = parts;
  }

  /**
   * Newest first, one page: each note is a call of KMS, and the notes of years at once would be more than a request may cost.
   *
   * @param before a note's number; the page begins with the one before it.
   * @throws Refusal (not found).
   */
  async list(by: Asker, clientId: string, before?: number): Promise<Page<Note>> {
    const { pool, encryption, audit } = this.#parts;
    const known = await pool.query('SELECT FROM client WHERE id = $1', [clientId]);
    if (known.rowCount === 0) throw noSuchClient();
    const { rows } = await pool.query<Row>(
      `WITH numbered AS (
         SELECT id, row_number() OVER (ORDER BY position)::int AS number FROM note WHERE client_id = $1
       )
       SELECT n.id, numbered.number, n.text, n.author_id AS "authorId", s.name AS "authorName", n.amends,
              amended.number AS "amendsNumber", n.created_at AS "createdAt"
       FROM numbered JOIN note n ON n.id = numbered.id JOIN staff s ON s.id = n.author_id
       LEFT JOIN numbered amended ON amended.id = n.amends
       WHERE $2::int IS NULL OR numbered.number < $2
       ORDER BY numbered.number DESC LIMIT $3`,
      [clientId, before ?? null, PAGE + 1],
    );
    const shown = rows.slice(0, PAGE);
    await audit.record(pool, by, {
      action: 'notes.read',
      record: { type: 'client', id: clientId },
      details: { notes: shown.map(({ id }) => id) },
    });
    const items = await Promise.all(
      shown.map(async (row) => ({
        ...row,
        text: await encryption.decrypt({ table: 'note', column: 'text', row: row.id }, row.text),
      })),
    );
    const last = shown.at(-1);
    return { items, next: rows.length > PAGE && last ? String(last.number) : undefined };
  }

  /** @throws Refusal (not found) for the client, (invalid) for an amended note that is not one of this client. */
  async write(by: Asker, clientId: string, note: NewNote): Promise<string> {
    const { pool, encryption, audit, clock } = this.#parts;
    const id = randomUUID();
    const text = await encryption.encrypt({ table: 'note', column: 'text', row: id }, note.text);
    await inTransaction(pool, async (queries) => {
      const known = await queries.query('SELECT FROM client WHERE id = $1', [clientId]);
      if (known.rowCount === 0) throw noSuchClient();
      if (note.amends !== undefined) {
        const amended = await queries.query('SELECT FROM note WHERE id = $1 AND client_id = $2', [
          note.amends,
          clientId,
        ]);
        if (amended.rowCount === 0) {
          throw new Refusal('invalid', 'The note to amend is not one of this client.');
        }
      }
      await queries.query(
        'INSERT INTO note (id, client_id, author_id, amends, text, created_at) VALUES ($1, $2, $3, $4, $5, $6)',
        [id, clientId, by.actor, note.amends ?? null, text, clock()],
      );
      await audit.record(queries, by, {
        action: note.amends === undefined ? 'note.written' : 'note.amended',
        record: { type: 'note', id },
        details: { client: clientId, ...(note.amends && { amends: note.amends }) },
      });
    });
    return id;
  }
}
