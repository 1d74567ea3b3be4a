import { randomUUID } from 'node:crypto';
import type { Pool, PoolClient } from 'pg';
import type { Role } from '../access.ts';
import type { AuditTrail } from '../audit.ts';
import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { lockOwners } from './invitations.ts';
import { takeAccess, voidLinksBy } from './lost-access.ts';
import { newToken } from './one-time-token.ts';
import type { Member, Sessions } from './sessions.ts';

const LINK_VALID_MS = 48 * 60 * 60_000;

export interface StaffMember {
  readonly id: string;
  readonly email: string;
  /** Null until an invited person has chosen one. */
  readonly name: string | null;
  readonly role: Role;
  readonly status: 'invited' | 'active' | 'disabled';
  readonly enrolled: boolean;
}

/** A one-time link for a member of staff. It is shown once, to whoever asked for it. */
export interface StaffLink {
  readonly staffId: string;
  readonly token: string;
  readonly expiresAt: Date;
}

interface StaffParts {
  readonly pool: Pool;
  readonly audit: AuditTrail;
  readonly sessions: Sessions;
  readonly clock: () => Date;
}

const COLUMNS = 'id, email, name, role, status, totp_secret IS NOT NULL AS enrolled';

/** The accounts of the practice's staff. Nobody changes an account of his own, and only an owner one of an owner. */
export class StaffMembers {
  readonly #parts: StaffParts;

  constructor(parts: StaffParts) {
    this.#parts = parts;
  }

  async list(by: Member, address: string): Promise<readonly StaffMember[]> {
    const { pool, audit } = this.#parts;
    await audit.record(pool, { actor: by.id, address }, { action: 'staff.listed' });
    const { rows } = await pool.query<StaffMember>(`SELECT ${COLUMNS} FROM staff ORDER BY email`);
    return rows;
  }

  /** @throws Refusal (conflict) when the address has an account. */
  async invite(by: Member, address: string, typedEmail: string, role: Role): Promise<StaffLink> {
    const { pool, audit, clock } = this.#parts;
    const email = typedEmail.trim().toLowerCase();
    onlyOwnersDeal(by, role);
    const id = randomUUID();
    return inTransaction(pool, async (client) => {
      const added = await client.query(
        `INSERT INTO staff (id, email, role, status, created_at) VALUES ($1, $2, $3, 'invited', $4)
         ON CONFLICT (email) DO NOTHING`,
        [id, email, role, clock()],
      );
      if (added.rowCount !== 1) {
        throw new Refusal(
          'conflict',
          `${email} has an account. Give it another role, or a new link, instead.`,
        );
      }
      await audit.record(
        client,
        { actor: by.id, address },
        {
          action: 'staff.invited',
          record: { type: 'staff', id },
          details: { role },
        },
      );
      return this.#newLink(client, by, id);
    });
  }

  async changeRole(by: Member, address: string, id: string, role: Role): Promise<void> {
    await this.#change(by, id, async (client, member) => {
      onlyOwnersDeal(by, role);
      await client.query('UPDATE staff SET role = $2 WHERE id = $1', [id, role]);
      await voidLinksBy(client, id, this.#parts.clock());
      await this.#parts.audit.record(
        client,
        { actor: by.id, address },
        {
          action: 'staff.role-changed',
          record: { type: 'staff', id },
          details: { from: member.role, to: role },
        },
      );
    });
  }

  /** The member's sessions end in the same moment, and links that were not used are void, also those that the member made. */
  async disable(by: Member, address: string, id: string): Promise<void> {
    const { audit, sessions, clock } = this.#parts;
    await this.#change(by, id, async (client) => {
      await client.query("UPDATE staff SET status = 'disabled' WHERE id = $1", [id]);
      await voidLinksBy(client, id, clock());
      await sessions.endAllOf(client, id);
      await audit.record(
        client,
        { actor: by.id, address },
        {
          action: 'staff.disabled',
          record: { type: 'staff', id },
        },
      );
    });
  }

  /**
   * Takes password, authenticator and backup codes away and gives a link to choose new ones: for a forgotten password, a
   * lost telephone, and to let a disabled member work again.
   */
  async reset(by: Member, address: string, id: string): Promise<StaffLink> {
    const { audit, sessions, clock } = this.#parts;
    return this.#change(by, id, async (client) => {
      await takeAccess(client, sessions, id, clock());
      await audit.record(
        client,
        { actor: by.id, address },
        {
          action: 'staff.access-reset',
          record: { type: 'staff', id },
        },
      );
      return this.#newLink(client, by, id);
    });
  }

  async #change<T>(
    by: Member,
    id: string,
    work: (client: PoolClient, member: StaffMember) => Promise<T>,
  ): Promise<T> {
    return inTransaction(this.#parts.pool, async (client) => {
      await lockOwners(client);
      const { rows } = await client.query<StaffMember>(
        `SELECT ${COLUMNS} FROM staff WHERE id = $1 FOR UPDATE`,
        [id],
      );
      const [member] = rows;
      if (member === undefined) throw new Refusal('not-found', 'There is no such member of staff.');
      if (member.id === by.id) {
        throw new Refusal('forbidden', 'Nobody changes an account of their own. Ask a colleague to do it.');
      }
      onlyOwnersDeal(by, member.role);
      await keepAnOwner(client, member);
      return work(client, member);
    });
  }

  async #newLink(client: PoolClient, by: Member, staffId: string): Promise<StaffLink> {
    const { token, hash } = newToken();
    const expiresAt = new Date(this.#parts.clock().getTime() + LINK_VALID_MS);
    await client.query(
      'INSERT INTO staff_link (token_hash, staff_id, created_by, expires_at) VALUES ($1, $2, $3, $4)',
      [hash, staffId, by.id, expiresAt],
    );
    return { staffId, token, expiresAt };
  }
}

/** Otherwise whoever looks after the accounts could make himself an owner, through an account that he resets. */
function onlyOwnersDeal(by: Member, role: Role): void {
  if (role === 'owner' && by.role !== 'owner') {
    throw new Refusal('forbidden', 'Only an owner may make, change or disable an owner.');
  }
}

/** Two owners who disable each other at the same moment: the second of them is refused. */
async function keepAnOwner(client: PoolClient, member: StaffMember): Promise<void> {
  if (member.role !== 'owner') return;
  const others = await client.query(
    "SELECT FROM staff WHERE role = 'owner' AND status = 'active' AND totp_secret IS NOT NULL AND id <> $1 LIMIT 1",
    [member.id],
  );
  if (others.rowCount === 0) {
    throw new Refusal('conflict', 'This is the last owner who can sign in. Make another one first.');
  }
}
