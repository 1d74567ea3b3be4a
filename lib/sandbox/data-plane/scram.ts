import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from 'node:crypto';

/** What a server keeps of a password (RFC 5803): enough to check a proof, too little to make one. */
export interface ScramVerifier {
  readonly salt: Buffer;
  readonly iterations: number;
  readonly storedKey: Buffer;
  readonly serverKey: Buffer;
}

/** PostgreSQL's default, `scram_iterations`. */
const ITERATIONS = 4096;

/** Passwords are used as they are: RDS allows printable ASCII only, which SASLprep leaves unchanged. */
export function verifierOf(password: string): ScramVerifier {
  const salt = randomBytes(16);
  const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, 32, 'sha256');
  const clientKey = hmac(saltedPassword, 'Client Key');
  return {
    salt,
    iterations: ITERATIONS,
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: hmac(saltedPassword, 'Server Key'),
  };
}

/** Reads `pg_authid.rolpassword`: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`. Undefined for another form. */
export function readVerifier(text: string): ScramVerifier | undefined {
  const parts = /^SCRAM-SHA-256\$(\d+):([^$]+)\$([^:]+):(.+)$/.exec(text);
  if (parts === null) return undefined;
  const [, iterations, salt = '', storedKey = '', serverKey = ''] = parts;
  const bytes = (base64: string) => Buffer.from(base64, 'base64');
  return {
    iterations: Number(iterations),
    salt: bytes(salt),
    storedKey: bytes(storedKey),
    serverKey: bytes(serverKey),
  };
}

/**
 * The server's half of SCRAM-SHA-256 (RFC 5802, RFC 7677) without channel binding, as PostgreSQL's documentation
 * describes it under "SASL Authentication". The user name inside the exchange is ignored, as PostgreSQL does.
 */
export class ScramExchange {
  readonly #verifier: ScramVerifier;
  #transcript = '';
  #nonce = '';
  #header = '';

  constructor(verifier: ScramVerifier) {
    this.#verifier = verifier;
  }

  /** Answers the client's first message, or undefined when it is not one. */
  first(clientFirst: string): string | undefined {
    const parts = /^([ny],[^,]*,)(n=[^,]*,r=([\x21-\x2b\x2d-\x7e]+))$/.exec(clientFirst);
    if (parts === null) return undefined;
    const [, header = '', bare = '', clientNonce = ''] = parts;
    const { salt, iterations } = this.#verifier;
    this.#header = header;
    this.#nonce = clientNonce + randomBytes(18).toString('base64');
    const serverFirst = `r=${this.#nonce},s=${salt.toString('base64')},i=${iterations}`;
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
    const signature = hmac(this.#verifier.storedKey, signed);
    const given = Buffer.from(proof, 'base64');
    if (given.length !== signature.length) return undefined;
    // The proof is the client's key under its signature: taking that off must give the key whose hash is known.
    const clientKey = Buffer.from(given.map((byte, i) => byte ^ (signature[i] as number)));
    const hashed = createHash('sha256').update(clientKey).digest();
    if (!timingSafeEqual(hashed, this.#verifier.storedKey)) return undefined;
    return `v=${hmac(this.#verifier.serverKey, signed).toString('base64')}`;
  }
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
