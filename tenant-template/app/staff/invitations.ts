import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { PoolClient } from 'pg';
import { type Asker, type AuditTrail, type Queries } from '../audit.ts';
import type { OwnerInvitation } from '../config.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { hashOf } from './one-time-token.ts';
import { checkPassword } from './passwords.ts';
import { beginSignIn } from './pending-sign-ins.ts';
import type { SignInParts } from './sign-in.ts';

/** Any number, the app's own: whoever changes who owns the practice waits for who did so before. */
const OWNERS_LOCK = 6_672_930_114;

export interface Acceptance {
  readonly token: string;
  readonly name: string;
  readonly password: string;
}

interface Link {
  readonly staffId: string;
  readonly email: string;
}

/**
 * One-time links: the one of the practice's first owner, which the task definition carries as a hash, and those that
 * members of staff make for others. Whoever takes one chooses a password and goes on to set up an authenticator.
 */
export class Invitations {
  readonly #parts: SignInParts;
  readonly #ownerInvitation: OwnerInvitation | undefined;

  constructor(parts: SignInParts, ownerInvitation: OwnerInvitation | undefined) {
    this.#parts = parts;
    this.#ownerInvitation = ownerInvitation;
  }

  /**
   * @returns the token of the pending sign-in that the invited goes on with.
   * @throws Refusal when the link was used, has expired or never was, the same for all three; or for the password.
   */
  async accept({ token, name, password }: Acceptance, address: string): Promise<string> {
    const { pool, audit, passwords, clock } = this.#parts;
    const hash = hashOf(token.trim());
    const owner = this.#ownerInvitation;
    const asOwner = owner !== undefined && timingSafeEqual(hash, owner.tokenHash) ? owner : undefined;
    const link = asOwner === undefined ? await this.#findLink(pool, hash) : undefined;
    const email = asOwner?.email ?? link?.email;
    // Without a limit: 32 random bytes cannot be guessed, and nothing costly follows a wrong guess.
    if (email === undefined) throw invalidLink();
    if (asOwner !== undefined) await this.#checkOwner(pool, asOwner);
    checkPassword(password, email);
    const passwordHash = await passwords.hash(password);
    return inTransaction(pool, async (client) => {
      const staffId =
        asOwner === undefined
          ? await this.#takeLink(client, hash, name, passwordHash)
          : await this.#claim(client, asOwner, name, passwordHash);
      await recordAcceptance(audit, client, { actor: staffId, address }, asOwner !== undefined);
      return beginSignIn(client, staffId, clock());
    });
  }

  async #checkOwner(queries: Queries, { expiresAt }: OwnerInvitation): Promise<void> {
    const owners = await queries.query("SELECT FROM staff WHERE role = 'owner' LIMIT 1");
    if (expiresAt <= this.#parts.clock() || owners.rowCount !== 0) throw invalidLink();
  }

  async #claim(
    client: PoolClient,
    invitation: OwnerInvitation,
    name: string,
    passwordHash: string,
  ): Promise<string> {
    await lockOwners(client);
    await this.#checkOwner(client, invitation);
    const id = randomUUID();
    await client.query(
      `INSERT INTO staff (id, email, name, role, status, password_hash, created_at)
       VALUES ($1, $2, $3, 'owner', 'active', $4, $5)`,
      [id, invitation.email, name, passwordHash, this.#parts.clock()],
    );
    return id;
  }

  async #findLink(queries: Queries, hash: Buffer): Promise<Link | undefined> {
    const { rows } = await queries.query<Link>(
      `SELECT s.id AS "staffId", s.email FROM staff_link l JOIN staff s ON s.id = l.staff_id
       WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND s.status = 'invited'`,
      [hash, this.#parts.clock()],
    );
    return rows[0];
  }

  async #takeLink(client: PoolClient, hash: Buffer, name: string, passwordHash: string): Promise<string> {
    const link = await this.#findLink(client, hash);
    const used = await client.query(
      'UPDATE staff_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL',
      [hash, this.#parts.clock()],
    );
    if (link === undefined || used.rowCount !== 1) throw invalidLink();
    // Who is known by a name keeps it: the records carry it.
    const joined = await client.query(
      `UPDATE staff SET status = 'active', password_hash = $2, name = coalesce(name, $3)
       WHERE id = $1 AND status = 'invited'`,
      [link.staffId, passwordHash, name],
    );
    if (joined.rowCount !== 1) throw invalidLink();
    return link.staffId;
  }
}

function recordAcceptance(
  audit: AuditTrail,
  client: PoolClient,
  asker: Asker,
  asOwner: boolean,
): Promise<void> {
  return audit.record(client, asker, {
    action: asOwner ? 'owner.claimed' : 'staff.joined',
    record: { type: 'staff', id: asker.actor },
  });
}

export async function lockOwners(client: PoolClient): Promise<void> {
  await client.query('SELECT pg_advisory_xact_lock($1)', [OWNERS_LOCK]);
}

function invalidLink(): Refusal {
  return new Refusal(
    'invalid',
    'This link was used before, has expired, or is not complete. Ask whoever sent it for another.',
  );
}
