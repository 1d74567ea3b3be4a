import { randomUUID } from 'node:crypto';
import type { Asker } from '../audit.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { noSuchClient, type RecordsParts } from './clients.ts';

export interface NewNote {
  readonly text: string;
  /** The note that this one corrects or adds to. */
  readonly amends?: string | undefined;
}

export interface Note {
  readonly id: string;
  readonly text: string;
  readonly authorId: string;
  readonly authorName: string;
  readonly amends: string | null;
  readonly createdAt: Date;
}

type Row = Omit<Note, 'text'> & { readonly text: Buffer };

/** What those who treat a client wrote. A note stays as it was written; a correction is another note that amends it. */
export class Notes {
  readonly #parts: RecordsParts;

  constructor(parts: RecordsParts) {
    this.#parts = parts;
  }

  /** All notes on a client, oldest first. @throws Refusal (not found). */
  async list(by: Asker, clientId: string): Promise<readonly Note[]> {
    const { pool, encryption, audit } = this.#parts;
    const known = await pool.query('SELECT FROM client WHERE id = $1', [clientId]);
    if (known.rowCount === 0) throw noSuchClient();
    const { rows } = await pool.query<Row>(
      `SELECT n.id, n.text, n.author_id AS "authorId", s.name AS "authorName", n.amends,
              n.created_at AS "createdAt"
       FROM note n JOIN staff s ON s.id = n.author_id
       WHERE n.client_id = $1 ORDER BY n.position`,
      [clientId],
    );
    await audit.record(pool, by, {
      action: 'notes.read',
      record: { type: 'client', id: clientId },
      details: { notes: rows.map(({ id }) => id) },
    });
    return Promise.all(
      rows.map(async (row) => ({
        ...row,
        text: await encryption.decrypt({ table: 'note', column: 'text', row: row.id }, row.text),
      })),
    );
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
