import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/**
 * The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as PostgreSQL's documentation
 * describes it under "SASL Authentication". The user name inside the exchange is ignored, as PostgreSQL does.
 * Passwords are used as they are: RDS allows printable ASCII only, which SASLprep leaves unchanged.
 */
export class ScramExchange {
  readonly #saltedPassword: Buffer;
  readonly #salt = randomBytes(16);
  #transcript = '';
  #nonce = '';
  #header = '';

  constructor(password: string) {
    this.#saltedPassword = pbkdf2Sync(password, this.#salt, ITERATIONS, 32, 'sha256');
  }

  /** Answers the client's first message, or undefined when it is not one. */
  first(clientFirst: string): string | undefined {
    const parts = /^([ny],[^,]*,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+))$/.exec(clientFirst);
    if (parts === null) return undefined;
    const [, header = '', bare = '', clientNonce = ''] = parts;
    this.#header = header;
    this.#nonce = clientNonce + randomBytes(18).toString('base64');
    const serverFirst = `r=${this.#nonce},s=${this.#salt.toString('base64')},i=${ITERATIONS}`;
    this.#transcript = `${bare},${serverFirst}`;
    return serverFirst;
  }

  /** Checks the client's proof. Answers with the server's signature, or undefined when the password is wrong. */
  final(clientFinal: string): string | undefined {
    const parts = /^(c=([^,]+),r=([^,]+)),p=([^,]+)$/.exec(clientFinal);
    if (parts === null) return undefined;
    const [, withoutProof = '', binding = '', nonce = '', proof = ''] = parts;
    if (nonce !== this.#nonce || binding !== Buffer.from(this.#header).toString('base64')) return undefined;
    const signed = `${this.#transcript},${withoutProof}`;
    const clientKey = hmac(this.#saltedPassword, 'Client Key');
    const signature = hmac(createHash('sha256').update(clientKey).digest(), signed);
    const expected = Buffer.from(clientKey.map((byte, i) => byte ^ (signature[i] as number)));
    const given = Buffer.from(proof, 'base64');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
    return `v=${hmac(hmac(this.#saltedPassword, 'Server Key'), signed).toString('base64')}`;
  }
}

/** PostgreSQL's default, `scram_iterations`. */
const ITERATIONS = 4096;

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
