import type { Pool, PoolClient } from 'pg';
import type { AuditTrail } from '../audit.ts';
import { inTransaction } from '../database.ts';
import type { FieldEncryption } from '../field-encryption.ts';
import { Refusal } from '../refusal.ts';
import { hashOf } from './one-time-token.ts';
import type { PasswordHashing } from './passwords.ts';
import { beginSignIn, findPending, type PendingSignIn, takePending } from './pending-sign-ins.ts';
import type { Sessions } from './sessions.ts';
import type { SignInLimits } from './sign-in-limits.ts';
import { normaliseBackupCode, stepOfCode } from './totp.ts';

export interface SignInParts {
  readonly pool: Pool;
  readonly encryption: FieldEncryption;
  readonly audit: AuditTrail;
  readonly passwords: PasswordHashing;
  readonly limits: SignInLimits;
  readonly sessions: Sessions;
  readonly clock: () => Date;
}

interface Account {
  readonly id: string;
  readonly status: string;
  readonly password_hash: string | null;
  readonly enrolled: boolean;
}

/** Sign-in in two steps: the password, then a code. There is no session before the second. */
export class SignIn {
  readonly #parts: SignInParts;

  constructor(parts: SignInParts) {
    this.#parts = parts;
  }

  /**
   * @returns the token of the pending sign-in, and what it asks for.
   * @throws Refusal, the same for an unknown account, a wrong password and a disabled member.
   */
  async withPassword(
    typedEmail: string,
    password: string,
    address: string,
  ): Promise<{ readonly token: string; readonly next: 'code' | 'enrolment' }> {
    const { pool, audit, passwords, limits, clock } = this.#parts;
    const email = typedEmail.trim().toLowerCase();
    passwords.refuseCrowd();
    await limits.attempt(email, address);
    const { rows } = await pool.query<Account>(
      'SELECT id, status, password_hash, totp_secret IS NOT NULL AS enrolled FROM staff WHERE email = $1',
      [email],
    );
    const [account] = rows;
    const right = await passwords.verify(password, account?.password_hash);
    if (!right || account?.status !== 'active' || account.password_hash === null) {
      await audit.record(pool, { actor: account?.id ?? 'nobody', address }, { action: 'sign-in.refused' });
      throw new Refusal(
        'signed-out',
        'The e-mail address or the password is wrong. Ask whoever looks after the accounts in your practice if you cannot sign in.',
      );
    }
    const proven = { staffId: account.id, passwordHash: account.password_hash };
    const token = await beginSignIn(pool, proven, clock());
    return { token, next: account.enrolled ? 'code' : 'enrolment' };
  }

  /** Makes sure that the page for the code has something to ask. */
  async expectsCode(pendingToken: string | undefined): Promise<void> {
    const pending = await findPending(this.#parts.pool, pendingToken, this.#parts.clock());
    if (pending.totpSecret === null) throw new Refusal('signed-out', 'Start again.');
  }

  /**
   * @param code six digits of the authenticator, or a backup code.
   * @returns the token of the session.
   */
  async withCode(pendingToken: string | undefined, code: string, address: string): Promise<string> {
    const { pool, audit, sessions, limits, clock } = this.#parts;
    const pending = await findPending(pool, pendingToken, clock());
    const asker = { actor: pending.staffId, address };
    const digits = code.replaceAll(/\s/g, '');
    // Before the attempt is counted: while the key cannot be used, nobody guesses.
    const secret = /^\d{6}$/.test(digits) ? await this.#secretOf(pending) : undefined;
    await limits.attempt(pending.email, address, 'code');
    const step = secret === undefined ? undefined : stepOfCode(secret, digits, clock());
    const session = await inTransaction(pool, async (client) => {
      // The member before the codes, as those do who take access away: otherwise each could wait for the other.
      await client.query('SELECT FROM staff WHERE id = $1 FOR UPDATE', [pending.staffId]);
      const factor =
        step === undefined
          ? await this.#useBackupCode(client, pending, code)
          : await useStep(client, pending.staffId, step);
      if (factor === undefined) return undefined;
      await takePending(client, pending);
      await limits.forget(client, pending.email, address);
      await audit.record(client, asker, { action: 'sign-in.completed', details: { factor } });
      return sessions.start(client, pending.staffId, address);
    });
    if (session !== undefined) return session;
    await audit.record(pool, asker, { action: 'sign-in.refused', details: { step: 'code' } });
    throw new Refusal(
      'invalid',
      'The code is wrong or was used before. Wait for the next one and try again.',
    );
  }

  async signOut(token: string, staffId: string, address: string): Promise<void> {
    const { pool, audit, sessions } = this.#parts;
    await inTransaction(pool, async (client) => {
      await sessions.end(client, token);
      await audit.record(client, { actor: staffId, address }, { action: 'sign-out' });
    });
  }

  #secretOf({ staffId, totpSecret }: PendingSignIn): Promise<string> {
    if (totpSecret === null) throw new Refusal('signed-out', 'Start again.');
    const place = { table: 'staff', column: 'totp_secret', row: staffId };
    return this.#parts.encryption.decrypt(place, totpSecret);
  }

  async #useBackupCode(
    client: PoolClient,
    pending: PendingSignIn,
    typed: string,
  ): Promise<'backup-code' | undefined> {
    const used = await client.query(
      'UPDATE backup_code SET used_at = $3 WHERE staff_id = $1 AND code_hash = $2 AND used_at IS NULL',
      [pending.staffId, hashOf(normaliseBackupCode(typed)), this.#parts.clock()],
    );
    return used.rowCount === 1 ? 'backup-code' : undefined;
  }
}

/**
 * A code works once, and none before it works any more. The database decides, so that two requests with one code cannot
 * both have it.
 */
async function useStep(client: PoolClient, staffId: string, step: number): Promise<'totp' | undefined> {
  const used = await client.query(
    'UPDATE staff SET totp_step = $2 WHERE id = $1 AND (totp_step IS NULL OR totp_step < $2)',
    [staffId, step],
  );
  return used.rowCount === 1 ? 'totp' : undefined;
}
