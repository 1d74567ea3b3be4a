import type { Pool } from 'pg';
import type { Role } from '../access.ts';
import type { Queries } from '../audit.ts';
import { hashOf, newToken } from './one-time-token.ts';
import { networkOf } from './sign-in-limits.ts';

/** However busy, a session ends after a working day. */
const LONGEST_SESSION_MS = 12 * 60 * 60_000;

/** A member of staff who is signed in. */
export interface Member {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly role: Role;
}

/** Sessions live in the database, so that one that is ended is ended for every task of the app. */
export class Sessions {
  readonly #pool: Pool;
  readonly #idleMs: number;
  readonly #clock: () => Date;

  constructor(pool: Pool, idleMinutes: number, clock: () => Date) {
    this.#pool = pool;
    this.#idleMs = idleMinutes * 60_000;
    this.#clock = clock;
  }

  /** @returns the token for the cookie; only its hash is kept. */
  async start(queries: Queries, staffId: string, address: string): Promise<string> {
    const { token, hash } = newToken();
    await queries.query(
      'INSERT INTO session (id_hash, staff_id, address, created_at, last_seen_at) VALUES ($1, $2, $3, $4, $4)',
      [hash, staffId, networkOf(address), this.#clock()],
    );
    return token;
  }

  /** The member, and the idle time begins anew; nobody when the session is over or the member may not work here now. */
  async resume(token: string): Promise<Member | undefined> {
    const now = this.#clock();
    const { rows } = await this.#pool.query<Member>(
      `UPDATE session SET last_seen_at = $2
       FROM staff
       WHERE session.id_hash = $1 AND session.ended_at IS NULL
         AND session.last_seen_at > $3 AND session.created_at > $4
         AND staff.id = session.staff_id AND staff.status = 'active'
       RETURNING staff.id, staff.email, staff.name, staff.role`,
      [
        hashOf(token),
        now,
        new Date(now.getTime() - this.#idleMs),
        new Date(now.getTime() - LONGEST_SESSION_MS),
      ],
    );
    return rows[0];
  }

  async end(queries: Queries, token: string): Promise<void> {
    await queries.query('UPDATE session SET ended_at = $2 WHERE id_hash = $1 AND ended_at IS NULL', [
      hashOf(token),
      this.#clock(),
    ]);
  }

  /**
   * Also the sign-ins under way: whoever began one with a password that is void by now must not finish it.
   *
   * @param but the token of a session that goes on.
   */
  async endAllOf(queries: Queries, staffId: string, but = ''): Promise<void> {
    await queries.query(
      'UPDATE session SET ended_at = $2 WHERE staff_id = $1 AND ended_at IS NULL AND id_hash <> $3',
      [staffId, this.#clock(), hashOf(but)],
    );
    await queries.query('DELETE FROM pending_sign_in WHERE staff_id = $1', [staffId]);
  }
}
