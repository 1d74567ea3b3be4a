/**
 * ECDSA on P-256 over a digest that was made elsewhere (FIPS 186-5, section 6.4), which node:crypto does not offer: it hashes whatever it
 * is given. Points are multiplied by node:crypto. Not in constant time: for the sandbox only, whose keys protect nothing.
 */
import { createECDH, createPrivateKey, generateKeyPairSync } from 'node:crypto';

/** The order of the base point of P-256 ("SEC 2: Recommended Elliptic Curve Domain Parameters", section 2.4.2). */
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;
const scalarBytes = 32;

/** A key pair's secret number. */
export type PrivateScalar = bigint;

/** Of a private key, PKCS #8 in DER. */
export function scalarOf(pkcs8: Buffer): PrivateScalar {
  const { d = '' } = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  return asNumber(Buffer.from(d, 'base64url'));
}

/** @returns the signature in DER (RFC 3279, section 2.2.3) */
export function signDigest(digest: Buffer, secret: PrivateScalar): Buffer {
  const once = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).privateKey;
  const k = scalarOf(once.export({ type: 'pkcs8', format: 'der' }));
  const r = abscissa(k) % order;
  const s = (inverse(k) * (asNumber(digest) + r * secret)) % order;
  // Both are zero with a probability of 2^-256.
  return sequence(integer(r), integer(s));
}

/** Whoever has the secret multiplies once where others multiply and add: the public point is `secret` times the base point. */
export function isSignature(signature: Buffer, digest: Buffer, secret: PrivateScalar): boolean {
  const numbers = integersIn(signature);
  if (numbers === undefined) return false;
  const [r, s] = numbers;
  if (r <= 0n || s <= 0n || r >= order || s >= order) return false;
  const scalar = (inverse(s) * (asNumber(digest) + r * secret)) % order;
  return scalar !== 0n && abscissa(scalar) % order === r;
}

/** The x coordinate of `scalar` times the base point. */
function abscissa(scalar: bigint): bigint {
  const curve = createECDH('prime256v1');
  curve.setPrivateKey(asBytes(scalar));
  // 0x04, x, y.
  return asNumber(curve.getPublicKey().subarray(1, 1 + scalarBytes));
}

/** By Fermat's little theorem: the order is prime. */
function inverse(value: bigint): bigint {
  let [result, base] = [1n, value % order];
  for (let exponent = order - 2n; exponent > 0n; exponent >>= 1n) {
    if (exponent & 1n) result = (result * base) % order;
    base = (base * base) % order;
  }
  return result;
}

const asNumber = (bytes: Buffer): bigint => BigInt(`0x${bytes.toString('hex')}`);
const asBytes = (value: bigint): Buffer =>
  Buffer.from(value.toString(16).padStart(2 * scalarBytes, '0'), 'hex');

/** A positive INTEGER has a leading zero where its first bit would say that it is negative; none is longer than 33 bytes. */
function integer(value: bigint): Buffer {
  const digits = value.toString(16);
  const bytes = Buffer.from(digits.padStart(digits.length + (digits.length % 2), '0'), 'hex');
  const positive = (bytes[0] ?? 0) >= 0x80 ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
  return Buffer.concat([Buffer.from([0x02, positive.length]), positive]);
}

function sequence(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}

/** The two numbers of a signature; undefined for what is not one in DER, byte for byte. */
function integersIn(der: Buffer): readonly [bigint, bigint] | undefined {
  const first = der[3] ?? 0;
  const second = der[5 + first] ?? 0;
  if (first === 0 || second === 0 || der.length !== 6 + first + second) return undefined;
  const r = asNumber(der.subarray(4, 4 + first));
  const s = asNumber(der.subarray(6 + first));
  return der.equals(sequence(integer(r), integer(s))) ? [r, s] : undefined;
}
