import type { Pool, PoolClient } from 'pg';

/** A connection, or the pool when no transaction is needed. */
export type Queries = Pick<Pool | PoolClient, 'query'>;

/** Who asked, and from where. */
export interface Asker {
  /** The member of staff's id; `nobody` before the sign-in is complete. */
  readonly actor: string;
  readonly address: string;
}

export interface AuditEvent {
  /** In the past tense: `client.read`, `staff.disabled`. */
  readonly action: string;
  readonly record?: { readonly type: 'client' | 'note' | 'staff'; readonly id: string };
  /** Ids, roles, counts. Never what a record says. */
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface RecordedEvent {
  readonly id: string;
  readonly occurredAt: Date;
  readonly actor: string;
  /** The actor's name today, when the actor is a member of staff. */
  readonly actorName: string | null;
  readonly action: string;
  readonly recordType: string | null;
  readonly recordId: string | null;
  readonly address: string | null;
  readonly releaseId: string;
  readonly details: Record<string, unknown>;
}

const PAGE = 50;

/** The trail of reads and changes (45 CFR 164.312(b)). The database refuses to change or remove what is in it. */
export class AuditTrail {
  readonly #releaseId: string;

  constructor(releaseId: string) {
    this.#releaseId = releaseId;
  }

  /** In the caller's transaction for a change; before the answer for a read. */
  async record(queries: Queries, asker: Asker, event: AuditEvent): Promise<void> {
    await queries.query(
      `INSERT INTO audit_event (actor, action, release_id, record_type, record_id, address, details)
       VALUES ($1, $2, $3, $4, $5, $6, $7)`,
      [
        asker.actor,
        event.action,
        this.#releaseId,
        event.record?.type ?? null,
        event.record?.id ?? null,
        asker.address,
        JSON.stringify(event.details ?? {}),
      ],
    );
  }

  /** Newest first, one page. To read the trail is an event of its own. */
  async read(
    queries: Queries,
    asker: Asker,
    before?: string,
  ): Promise<{ readonly events: readonly RecordedEvent[]; readonly next: string | undefined }> {
    await this.record(queries, asker, { action: 'audit.read', ...(before && { details: { before } }) });
    const { rows } = await queries.query<RecordedEvent>(
      `SELECT e.id::text, e.occurred_at AS "occurredAt", e.actor, s.name AS "actorName", e.action,
              e.record_type AS "recordType", e.record_id AS "recordId", e.address,
              e.release_id AS "releaseId", e.details
       FROM audit_event e LEFT JOIN staff s ON s.id::text = e.actor
       WHERE $1::bigint IS NULL OR e.id < $1::bigint
       ORDER BY e.id DESC LIMIT $2`,
      [before ?? null, PAGE],
    );
    return { events: rows, next: rows.length === PAGE ? rows.at(-1)?.id : undefined };
  }
}
