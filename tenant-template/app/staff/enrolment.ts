import { inTransaction } from '../database.ts';
import { Refusal } from '../refusal.ts';
import { hashOf } from './one-time-token.ts';
import { findPending, type PendingSignIn, takePending } from './pending-sign-ins.ts';
import type { SignInParts } from './sign-in.ts';
import { newBackupCodes, newTotpSecret, stepOfCode, totpUri } from './totp.ts';

/** What an authenticator app needs. */
export interface NewAuthenticator {
  /** Base 32, for typing. */
  readonly secret: string;
  /** The same with its parameters, for a QR code. */
  readonly uri: string;
}

/**
 * The first sign-in after an invitation, or a member who changes to another telephone: an authenticator is set up, and
 * proves itself with a code. Until then the one before it stays.
 */
export class Enrolment {
  readonly #parts: SignInParts;
  readonly #practiceId: string;

  constructor(parts: SignInParts, practiceId: string) {
    this.#parts = parts;
    this.#practiceId = practiceId;
  }

  /** The same secret each time within one sign-in; another sign-in gets another, which nobody has seen before. */
  async show(pendingToken: string | undefined): Promise<NewAuthenticator> {
    const { pool, encryption } = this.#parts;
    const pending = await this.#pending(pendingToken);
    if (pending.newTotpSecret !== null) return this.#authenticator(pending, await this.#secretOf(pending));
    const secret = newTotpSecret();
    const encrypted = await encryption.encrypt(placeOfPending(pending), secret);
    const stored = await pool.query(
      'UPDATE pending_sign_in SET totp_secret = $2 WHERE id = $1 AND totp_secret IS NULL',
      [pending.id, encrypted],
    );
    // Another tab was faster: its secret is the one.
    return stored.rowCount === 1 ? this.#authenticator(pending, secret) : this.show(pendingToken);
  }

  /**
   * @returns the session's token, and the backup codes, which nobody can read again.
   * @throws Refusal (invalid) when the code is not of this secret.
   */
  async complete(
    pendingToken: string | undefined,
    code: string,
    address: string,
  ): Promise<{ readonly session: string; readonly backupCodes: readonly string[] }> {
    const { pool, encryption, audit, limits, sessions, clock } = this.#parts;
    const pending = await this.#pending(pendingToken);
    await limits.attempt(pending.email, address);
    const secret = pending.newTotpSecret === null ? undefined : await this.#secretOf(pending);
    const digits = code.replaceAll(/\s/g, '');
    const step =
      secret !== undefined && /^\d{6}$/.test(digits) ? stepOfCode(secret, digits, clock()) : undefined;
    const asker = { actor: pending.staffId, address };
    if (secret === undefined || step === undefined) {
      await audit.record(pool, asker, { action: 'sign-in.refused', details: { step: 'enrolment' } });
      throw new Refusal('invalid', 'The code is not the one of this authenticator. Wait for the next one.');
    }
    const place = { table: 'staff', column: 'totp_secret', row: pending.staffId };
    const encrypted = await encryption.encrypt(place, secret);
    const backupCodes = newBackupCodes();
    const session = await inTransaction(pool, async (client) => {
      await takePending(client, pending);
      const enrolled = await client.query(
        'UPDATE staff SET totp_secret = $2, totp_step = $3 WHERE id = $1 AND (totp_secret IS NULL OR $4)',
        [pending.staffId, encrypted, step, pending.renewing],
      );
      if (enrolled.rowCount !== 1) throw alreadyEnrolled();
      await client.query('DELETE FROM backup_code WHERE staff_id = $1', [pending.staffId]);
      await sessions.endAllOf(client, pending.staffId);
      await client.query('INSERT INTO backup_code (staff_id, code_hash) SELECT $1, unnest($2::bytea[])', [
        pending.staffId,
        backupCodes.map(hashOf),
      ]);
      await limits.forget(client, pending.email, address);
      await audit.record(client, asker, {
        action: 'staff.enrolled',
        record: { type: 'staff', id: pending.staffId },
        details: { renewed: pending.renewing },
      });
      await audit.record(client, asker, { action: 'sign-in.completed', details: { factor: 'totp' } });
      return sessions.start(client, pending.staffId, address);
    });
    return { session, backupCodes };
  }

  async #pending(token: string | undefined): Promise<PendingSignIn> {
    const pending = await findPending(this.#parts.pool, token, this.#parts.clock());
    if (pending.totpSecret !== null && !pending.renewing) throw alreadyEnrolled();
    return pending;
  }

  #secretOf(pending: PendingSignIn): Promise<string> {
    return this.#parts.encryption.decrypt(placeOfPending(pending), pending.newTotpSecret ?? Buffer.alloc(0));
  }

  #authenticator(pending: PendingSignIn, secret: string): NewAuthenticator {
    return { secret, uri: totpUri(secret, this.#practiceId, pending.email) };
  }
}

function placeOfPending({ id }: PendingSignIn) {
  return { table: 'pending_sign_in', column: 'totp_secret', row: id };
}

function alreadyEnrolled(): Refusal {
  return new Refusal('signed-out', 'This account has an authenticator already. Sign in with it.');
}
