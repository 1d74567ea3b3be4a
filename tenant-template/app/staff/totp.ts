import { randomBytes } from 'node:crypto';
import { generateSecret, generateURI, verifySync } from 'otplib';

/** RFC 6238 with what every authenticator app speaks: SHA-1, 6 digits, 30 s. */
const STEP_SECONDS = 30;

export function newTotpSecret(): string {
  // 160 bits, as RFC 4226 recommends.
  return generateSecret({ length: 20 });
}

/** What an authenticator app reads from the QR code. */
export function totpUri(secret: string, practiceId: string, email: string): string {
  return generateURI({ issuer: `Lumenality ${practiceId}`, label: email, secret });
}

/** The time step whose code this is: now, or one step to either side for clocks that differ. */
export function stepOfCode(secret: string, code: string, now: Date): number | undefined {
  const result = verifySync({
    secret,
    token: code,
    epoch: Math.floor(now.getTime() / 1000),
    epochTolerance: STEP_SECONDS,
  });
  return result.valid && 'timeStep' in result ? result.timeStep : undefined;
}

const BACKUP_CODES = 10;
/** Crockford's base 32: without the letters that are read as digits. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** Ten codes of 80 random bits, `xxxx-xxxx-xxxx-xxxx`, each good for one sign-in without the authenticator. */
export function newBackupCodes(): readonly string[] {
  return Array.from({ length: BACKUP_CODES }, () =>
    [...randomBytes(16)]
      .map((byte, index) => `${index > 0 && index % 4 === 0 ? '-' : ''}${ALPHABET[byte % ALPHABET.length]}`)
      .join(''),
  );
}

/** As it was printed, however it was typed. */
export function normaliseBackupCode(typed: string): string {
  return typed
    .toLowerCase()
    .replaceAll('o', '0')
    .replaceAll(/[il]/g, '1')
    .replaceAll(/[^a-z0-9]/g, '')
    .replaceAll(/(.{4})(?=.)/g, '$1-');
}
