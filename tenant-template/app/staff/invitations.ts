import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { PoolClient } from 'pg';
import type { Queries } from '../audit.ts';
import type { OwnerInvitation } from '../config.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { takeAccess } from './lost-access.ts';
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

interface Joined {
  readonly staffId: string;
  /** What the audit trail calls it. */
  readonly action: 'owner.claimed' | 'owner.access-restored' | 'staff.joined';
}

/**
 * One-time links: the owner's, which the task definition carries as a hash, and those that members of staff make for others.
 * Whoever takes one chooses a password and goes on to set up an authenticator. The owner's makes the first owner, or lets
 * one in again who has lost password or authenticator, as nobody else in the practice may be able to.
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
    if (asOwner !== undefined) await this.#ownerToRestore(pool, asOwner);
    checkPassword(password, email);
    const passwordHash = await passwords.hash(password);
    return inTransaction(pool, async (client) => {
      const { staffId, action } =
        asOwner === undefined
          ? await this.#takeLink(client, hash, name, passwordHash)
          : await this.#takeOwnerLink(client, asOwner, name, passwordHash);
      await audit.record(
        client,
        { actor: staffId, address },
        { action, record: { type: 'staff', id: staffId } },
      );
      return beginSignIn(client, { staffId, passwordHash }, clock());
    });
  }

  /**
   * The owner whom the link lets in again, known by the e-mail address; none while the practice has no owner.
   *
   * @throws Refusal when the link was taken before, has expired, or is for somebody who is not an owner here now.
   */
  async #ownerToRestore(queries: Queries, invitation: OwnerInvitation): Promise<string | undefined> {
    const { rows } = await queries.query<{
      taken: boolean;
      any_taken: boolean;
      owned: boolean;
      owner_id: string | null;
    }>(
      `SELECT EXISTS (SELECT FROM owner_link WHERE token_hash = $1) AS taken,
              EXISTS (SELECT FROM owner_link) AS any_taken,
              EXISTS (SELECT FROM staff WHERE role = 'owner') AS owned,
              (SELECT id FROM staff WHERE role = 'owner' AND status <> 'disabled' AND email = $2) AS owner_id`,
      [invitation.tokenHash, invitation.email],
    );
    const [found] = rows;
    if (found === undefined || found.taken || invitation.expiresAt <= this.#parts.clock())
      throw invalidLink();
    if (!found.owned) return undefined;
    // An owner without a link was claimed by a release that did not write links down: it may have been this very one.
    if (found.owner_id === null || !found.any_taken) throw invalidLink();
    return found.owner_id;
  }

  async #takeOwnerLink(
    client: PoolClient,
    invitation: OwnerInvitation,
    name: string,
    passwordHash: string,
  ): Promise<Joined> {
    const { clock } = this.#parts;
    await lockOwners(client);
    const known = await this.#ownerToRestore(client, invitation);
    const staffId = known ?? randomUUID();
    if (known === undefined) {
      await client.query(
        `INSERT INTO staff (id, email, name, role, status, password_hash, created_at)
         VALUES ($1, $2, $3, 'owner', 'active', $4, $5)`,
        [staffId, invitation.email, name, passwordHash, clock()],
      );
    } else {
      await takeAccess(client, this.#parts.sessions, staffId, clock());
      await activate(client, staffId, name, passwordHash);
    }
    await client.query('INSERT INTO owner_link (token_hash, staff_id, taken_at) VALUES ($1, $2, $3)', [
      invitation.tokenHash,
      staffId,
      clock(),
    ]);
    return { staffId, action: known === undefined ? 'owner.claimed' : 'owner.access-restored' };
  }

  async #findLink(queries: Queries, hash: Buffer): Promise<Link | undefined> {
    const { rows } = await queries.query<Link>(
      `SELECT s.id AS "staffId", s.email FROM staff_link l JOIN staff s ON s.id = l.staff_id
       WHERE l.token_hash = $1 AND l.used_at IS NULL AND l.expires_at > $2 AND s.status = 'invited'`,
      [hash, this.#parts.clock()],
    );
    return rows[0];
  }

  async #takeLink(client: PoolClient, hash: Buffer, name: string, passwordHash: string): Promise<Joined> {
    const link = await this.#findLink(client, hash);
    const used = await client.query(
      'UPDATE staff_link SET used_at = $2 WHERE token_hash = $1 AND used_at IS NULL',
      [hash, this.#parts.clock()],
    );
    if (link === undefined || used.rowCount !== 1) throw invalidLink();
    await activate(client, link.staffId, name, passwordHash);
    return { staffId: link.staffId, action: 'staff.joined' };
  }
}

async function activate(
  client: PoolClient,
  staffId: string,
  name: string,
  passwordHash: string,
): Promise<void> {
  // Who is known by a name keeps it: the records carry it.
  const activated = await client.query(
    `UPDATE staff SET status = 'active', password_hash = $2, name = coalesce(name, $3)
     WHERE id = $1 AND status = 'invited'`,
    [staffId, passwordHash, name],
  );
  if (activated.rowCount !== 1) throw invalidLink();
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
