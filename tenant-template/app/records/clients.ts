import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Asker, AuditTrail } from '../audit.ts';
import { inTransaction } from '../database.ts';
import type { FieldEncryption } from '../field-encryption.ts';
import { Refusal } from '../refusal.ts';

export interface RecordsParts {
  readonly pool: Pool;
  readonly encryption: FieldEncryption;
  readonly audit: AuditTrail;
  readonly clock: () => Date;
}

export interface NewClient {
  readonly name: string;
  /** ISO 8601 date, `2019-04-30`. */
  readonly dateOfBirth: string;
}

export interface Client extends NewClient {
  readonly id: string;
  readonly createdAt: Date;
}

/** The list shows names alone: what is not needed to find a client is not decrypted. */
export type ListedClient = Omit<Client, 'dateOfBirth'>;

export interface Page<T> {
  readonly items: readonly T[];
  /** Asks for the page after this one; none after the last. */
  readonly next: string | undefined;
}

interface Row {
  readonly id: string;
  readonly name: Buffer;
  readonly date_of_birth: Buffer;
  readonly created_at: Date;
}

/** Items of a page. Each is a call of KMS or more. */
export const PAGE = 25;

/** The people whom the practice treats. */
export class Clients {
  readonly #parts: RecordsParts;

  constructor(parts: RecordsParts) {
    this.#parts = parts;
  }

  /** Newest first, one page. */
  async list(by: Asker, after: string | undefined): Promise<Page<ListedClient>> {
    const { pool, encryption, audit } = this.#parts;
    const [time, id] = after === undefined ? [null, null] : parseCursor(after);
    const { rows } = await pool.query<Row>(
      `SELECT id, name, created_at FROM client
       WHERE $1::timestamptz IS NULL OR (created_at, id) < ($1::timestamptz, $2::uuid)
       ORDER BY created_at DESC, id DESC LIMIT $3`,
      [time, id, PAGE + 1],
    );
    const shown = rows.slice(0, PAGE);
    await audit.record(pool, by, {
      action: 'client.listed',
      details: { clients: shown.map((row) => row.id) },
    });
    const items = await Promise.all(
      shown.map(async (row) => ({
        id: row.id,
        name: await encryption.decrypt({ table: 'client', column: 'name', row: row.id }, row.name),
        createdAt: row.created_at,
      })),
    );
    const last = shown.at(-1);
    return { items, next: rows.length > PAGE && last ? cursorOf(last) : undefined };
  }

  async create(by: Asker, client: NewClient): Promise<string> {
    const { pool, audit, clock } = this.#parts;
    const id = randomUUID();
    const { name, dateOfBirth } = await this.#encrypted(id, client);
    await inTransaction(pool, async (queries) => {
      await queries.query(
        'INSERT INTO client (id, name, date_of_birth, created_at, created_by) VALUES ($1, $2, $3, $4, $5)',
        [id, name, dateOfBirth, clock(), by.actor],
      );
      await audit.record(queries, by, { action: 'client.created', record: { type: 'client', id } });
    });
    return id;
  }

  /** For what was misspelt. What was there before is not kept; the trail says who corrected it. @throws Refusal (not found). */
  async correct(by: Asker, id: string, client: NewClient): Promise<void> {
    const { pool, audit } = this.#parts;
    const { name, dateOfBirth } = await this.#encrypted(id, client);
    await inTransaction(pool, async (queries) => {
      const corrected = await queries.query('UPDATE client SET name = $2, date_of_birth = $3 WHERE id = $1', [
        id,
        name,
        dateOfBirth,
      ]);
      if (corrected.rowCount !== 1) throw noSuchClient();
      await audit.record(queries, by, { action: 'client.corrected', record: { type: 'client', id } });
    });
  }

  /** @throws Refusal (not found). */
  async read(by: Asker, id: string): Promise<Client> {
    const { pool, encryption, audit } = this.#parts;
    const { rows } = await pool.query<Row>(
      'SELECT id, name, date_of_birth, created_at FROM client WHERE id = $1',
      [id],
    );
    const [row] = rows;
    if (row === undefined) throw noSuchClient();
    await audit.record(pool, by, { action: 'client.read', record: { type: 'client', id } });
    const [name, dateOfBirth] = await Promise.all([
      encryption.decrypt({ table: 'client', column: 'name', row: id }, row.name),
      encryption.decrypt({ table: 'client', column: 'date_of_birth', row: id }, row.date_of_birth),
    ]);
    return { id, name, dateOfBirth, createdAt: row.created_at };
  }

  /** Before any transaction: no connection waits for a call over the network. */
  async #encrypted(id: string, client: NewClient): Promise<Record<keyof NewClient, Buffer>> {
    const { encryption, clock } = this.#parts;
    refuseUnborn(client.dateOfBirth, clock());
    const [name, dateOfBirth] = await Promise.all([
      encryption.encrypt({ table: 'client', column: 'name', row: id }, client.name),
      encryption.encrypt({ table: 'client', column: 'date_of_birth', row: id }, client.dateOfBirth),
    ]);
    return { name, dateOfBirth };
  }
}

/** It is tomorrow already somewhere. */
function refuseUnborn(dateOfBirth: string, now: Date): void {
  const tomorrow = new Date(now.getTime() + 24 * 60 * 60_000).toISOString().slice(0, 10);
  if (dateOfBirth > tomorrow) throw new Refusal('invalid', 'The date of birth lies in the future.');
}

export function noSuchClient(): Refusal {
  return new Refusal('not-found', 'There is no such client.');
}

function cursorOf(row: Pick<Row, 'created_at' | 'id'>): string {
  return `${row.created_at.getTime()}.${row.id}`;
}

function parseCursor(cursor: string): [Date, string] {
  const [, time, id] = /^(\d{1,15})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(cursor) ?? [];
  if (time === undefined || id === undefined) {
    throw new Refusal('invalid', 'The cursor is not one that this list gave. Start from the first page.');
  }
  return [new Date(Number(time)), id];
}
