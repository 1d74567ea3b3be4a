import { createHash, type KeyObject, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { DomainError } from './errors.ts';
import { canonicalJson, parsedJson } from './json.ts';
import type { ReleaseManifest } from './release.ts';
import type { DsseEnvelope, Publication } from './release-publication.ts';

/** What the envelope of a release holds. */
const releasePayloadType = 'application/vnd.lumenality.release+json';

/** A public key that may sign releases. */
export interface TrustedKey {
  /** SHA-256 of the key's SubjectPublicKeyInfo (RFC 5280) in hexadecimal. */
  readonly keyId: string;
  readonly key: KeyObject;
}

/** @throws DomainError `configuration` for a key of another kind than ECDSA on P-256. */
export function trustedKey(key: KeyObject): TrustedKey {
  const { namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType !== 'ec' || namedCurve !== 'prime256v1') {
    const is = [key.asymmetricKeyType ?? key.type, namedCurve].filter(Boolean).join(' ');
    throw new DomainError(
      'configuration',
      `A key for releases must be an ECDSA key on P-256 (KMS: ECC_NIST_P256); this one is ${is}.`,
    );
  }
  const info = key.export({ type: 'spki', format: 'der' });
  return { keyId: createHash('sha256').update(info).digest('hex'), key };
}

/** All that is published with a release, of the files by the hashes in the manifest: the text that is signed. */
const statementOf = (manifest: ReleaseManifest, publication: Publication): string =>
  canonicalJson({ manifest, ...publication });

/** The parts of an envelope without its signatures, and the bytes that ECDSA with SHA-256 signs. */
export function toBeSigned(
  manifest: ReleaseManifest,
  publication: Publication,
): Omit<DsseEnvelope, 'signatures'> & { readonly message: Buffer } {
  const payload = Buffer.from(statementOf(manifest, publication));
  const message = preAuthenticationEncoding(releasePayloadType, payload);
  return { payloadType: releasePayloadType, payload: payload.toString('base64'), message };
}

/** What is signed in an envelope's place: its payload with its type ("DSSE: Dead Simple Signing Envelope", protocol.md, PAE). */
export function preAuthenticationEncoding(payloadType: string, payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

/**
 * Why an envelope is no signature, by these keys, of what is published; undefined when it is. Each of its signatures must be good, so that
 * every key that is shown with a release has really signed it.
 */
export function signatureObjection(
  envelope: DsseEnvelope,
  published: { readonly manifest: ReleaseManifest; readonly publication: Publication },
  trusted: readonly TrustedKey[],
): string | undefined {
  if (envelope.payloadType !== releasePayloadType) {
    return `is over something else than a release: its payload type is ${envelope.payloadType}, not ${releasePayloadType}`;
  }
  const statement = statementOf(published.manifest, published.publication);
  const payload = Buffer.from(envelope.payload, 'base64');
  if (!payload.equals(Buffer.from(statement))) return differenceIn(payload.toString('utf8'), statement);
  const signed = preAuthenticationEncoding(envelope.payloadType, payload);
  for (const { keyid, sig } of envelope.signatures) {
    const known = trusted.find(({ keyId }) => keyId === keyid);
    if (known === undefined) return `is by key ${keyid}, which this control plane does not trust`;
    if (!verify('sha256', signed, known.key, Buffer.from(sig, 'base64'))) {
      return `by key ${keyid} does not fit: it was cut off, changed, or made with another key`;
    }
  }
  return undefined;
}

/** Which fields were signed with other values than those that are published. */
function differenceIn(payload: string, statement: string): string {
  const published = JSON.parse(statement) as Record<string, unknown>;
  const signed = parsedJson(payload);
  if (typeof signed !== 'object' || signed === null) return 'is over something that is no JSON object';
  const names = [...new Set([...Object.keys(published), ...Object.keys(signed)])];
  const other = names.filter(
    (name) => !isDeepStrictEqual(published[name], (signed as Record<string, unknown>)[name]),
  );
  return other.length === 0
    ? 'is over the same values in another form: sign the canonical JSON (sorted keys, no spaces)'
    : `is over another ${other.join(', ')} than what is published`;
}
