import { createHash, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { DomainError } from '../errors.ts';
import { canonicalJson } from '../json.ts';
import type { DsseEnvelope } from '../release-publication.ts';
import { preAuthenticationEncoding } from '../release-signature.ts';
import type { Day } from './day.ts';
import type { PlanTerms } from './terms.ts';

/** What the envelope of terms holds. */
const payloadType = 'application/vnd.lumenality.terms+json';

/** What is promised to a practice; the text that is signed is its canonical JSON. */
export interface TermsStatement {
  readonly practice: string;
  readonly plan: string;
  readonly planVersion: number;
  /** The day from which the terms hold: of the enrolment, or of a change of plan. */
  readonly from: Day;
  readonly terms: PlanTerms;
}

/** What signs: `lib/ports/terms-signer.ts`. */
interface Signer {
  readonly keyId: string;
  sign(message: Buffer): Buffer;
}

/** The public half of a key that terms were signed with. */
export interface TermsKey {
  readonly id: string;
  /** PEM. */
  readonly publicKey: string;
}

/** A DSSE envelope over the terms ("DSSE: Dead Simple Signing Envelope", protocol.md). */
export function signTerms(statement: TermsStatement, signer: Signer): DsseEnvelope {
  const payload = Buffer.from(canonicalJson(statement));
  const sig = signer.sign(preAuthenticationEncoding(payloadType, payload)).toString('base64');
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [{ keyid: signer.keyId, sig }],
  };
}

/** Why an envelope is no signature of these terms by one of these keys; undefined when it is. */
export function termsObjection(
  envelope: DsseEnvelope | null,
  statement: TermsStatement,
  keys: readonly TermsKey[],
): string | undefined {
  if (envelope === null) return 'The terms were not signed.';
  if (envelope.payloadType !== payloadType)
    return `The signature is over ${envelope.payloadType}, not terms.`;
  if (envelope.signatures.length === 0) return 'The envelope of the terms has no signature in it.';
  const payload = Buffer.from(envelope.payload, 'base64');
  const message = preAuthenticationEncoding(payloadType, payload);
  for (const { keyid, sig } of envelope.signatures) {
    const registered = keys.find(({ id }) => id === keyid);
    if (registered === undefined) return `The terms were signed with key ${keyid}, which is not registered.`;
    const key = readPublicKey(registered.publicKey);
    // Whoever has the key's id on paper need not believe the table that has the key.
    if (key === undefined || termsKeyId(key) !== keyid)
      return `What is registered as key ${keyid} is another key.`;
    if (!verify(null, message, key, Buffer.from(sig, 'base64')))
      return `The signature by key ${keyid} does not fit: it, or what it was over, was changed.`;
  }
  if (payload.equals(Buffer.from(canonicalJson(statement)))) return undefined;
  return 'The terms on record are not those that were signed: one of the two was changed.';
}

/**
 * What signs with an Ed25519 key.
 * @throws DomainError `configuration` for a key of another kind
 */
export function signerWith(privateKey: KeyObject): Signer & { readonly publicKey: string } {
  if (privateKey.type !== 'private' || privateKey.asymmetricKeyType !== 'ed25519') {
    const is = privateKey.asymmetricKeyType ?? privateKey.type;
    throw new DomainError('configuration', `Terms are signed with a private Ed25519 key; this one is ${is}.`);
  }
  const publicKey = createPublicKey(privateKey);
  return {
    keyId: termsKeyId(publicKey),
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    sign: (message) => sign(null, message, privateKey),
  };
}

/** Undefined for what is no key at all: that is for the reader of the signature to hear, and no fault of ours. */
function readPublicKey(pem: string): KeyObject | undefined {
  try {
    return createPublicKey(pem);
  } catch {
    return undefined;
  }
}

function termsKeyId(publicKey: KeyObject): string {
  return createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex');
}
