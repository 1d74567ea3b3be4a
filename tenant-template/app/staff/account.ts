import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { checkPassword } from './passwords.ts';
import { beginSignIn } from './pending-sign-ins.ts';
import type { Member } from './sessions.ts';
import type { SignInParts } from './sign-in.ts';

/** What a member changes of the own account. Each asks for the password again: a session may be left open on a desk. */
export class Account {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /** @returns the token of a pending sign-in that sets another authenticator up, with new backup codes. */
  async renewAuthenticator(member: Member, current: string, address: string): Promise<string> {
    const { pool, clock } = this.#parts;
    const passwordHash = await this.#confirm(member, current, address);
    return beginSignIn(pool, { staffId: member.id, passwordHash, renewing: true }, clock());
  }

  /** The member's other sessions end. */
  async changePassword(
    member: Member,
    session: string,
    { current, password }: { readonly current: string; readonly password: string },
    address: string,
  ): Promise<void> {
    const { pool, audit, passwords, sessions } = this.#parts;
    const before = await this.#confirm(member, current, address);
    checkPassword(password, member.email);
    const hash = await passwords.hash(password);
    await inTransaction(pool, async (client) => {
      const changed = await client.query(
        "UPDATE staff SET password_hash = $2 WHERE id = $1 AND status = 'active' AND password_hash = $3",
        [member.id, hash, before],
      );
      if (changed.rowCount !== 1) throw new Refusal('signed-out', 'This account changed meanwhile.');
      await sessions.endAllOf(client, member.id, session);
      await audit.record(
        client,
        { actor: member.id, address },
        {
          action: 'staff.password-changed',
          record: { type: 'staff', id: member.id },
        },
      );
    });
  }

  /** @returns the hash of the password that was given. */
  async #confirm(member: Member, password: string, address: string): Promise<string> {
    const { pool, audit, passwords, limits } = this.#parts;
    passwords.refuseCrowd();
    await limits.attempt(member.email, address);
    const { rows } = await pool.query<{ password_hash: string | null }>(
      'SELECT password_hash FROM staff WHERE id = $1',
      [member.id],
    );
    const stored = rows[0]?.password_hash;
    if (!(await passwords.verify(password, stored)) || !stored) {
      const refused = { action: 'sign-in.refused', details: { step: 'account' } };
      await audit.record(pool, { actor: member.id, address }, refused);
      throw new Refusal('invalid', 'The current password is wrong.');
    }
    await limits.forget(pool, member.email, address);
    return stored;
  }
}
