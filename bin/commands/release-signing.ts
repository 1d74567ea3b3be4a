import { createHash, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type ReleaseUploadBody, toBeSigned, trustedKey } from '../../control-api/contracts/releases.ts';
import { commandError } from './command-error.ts';

/** What `--sign-with` names. */
export interface SigningKey {
  readonly kind: 'kms' | 'file';
  /** A KMS key by id, ARN or alias; or the path of a private key in PEM. */
  readonly name: string;
}

/** The DSSE envelope with a key's signature. @throws CommandError when the key cannot sign */
export async function signed(
  key: SigningKey,
  ...published: Parameters<typeof toBeSigned>
): Promise<ReleaseUploadBody['signature']> {
  const { message, ...content } = toBeSigned(...published);
  const { keyId, signature } = await (key.kind === 'kms' ? byKms : byFile)(key.name, message);
  return { ...content, signatures: [{ keyid: keyId, sig: Buffer.from(signature).toString('base64') }] };
}

interface Signature {
  readonly keyId: string;
  /** DER, as KMS and OpenSSL write it (RFC 3279, section 2.2.3). */
  readonly signature: Uint8Array;
}

/** With the credentials, Region and endpoint of the AWS SDK's environment; the private key stays in KMS. */
async function byKms(name: string, message: Buffer): Promise<Signature> {
  // Only who signs with KMS waits for its client.
  const { GetPublicKeyCommand, KMSClient, SignCommand } = await import('@aws-sdk/client-kms');
  const kms = new KMSClient({});
  try {
    const { PublicKey = new Uint8Array(), KeyId } = await kms.send(new GetPublicKeyCommand({ KeyId: name }));
    const key = createPublicKey({ key: Buffer.from(PublicKey), format: 'der', type: 'spki' });
    const { keyId } = trustedKey(key);
    // KMS takes messages of 4,096 bytes at most, and digests of any ("Sign", AWS KMS API Reference).
    const { Signature: signature = new Uint8Array() } = await kms.send(
      new SignCommand({
        KeyId,
        MessageType: 'DIGEST',
        Message: createHash('sha256').update(message).digest(),
        SigningAlgorithm: 'ECDSA_SHA_256',
      }),
    );
    return { keyId, signature };
  } catch (cause) {
    throw unusable(`KMS does not sign with ${name}`, cause, 'AWS_REGION, AWS_ENDPOINT_URL and credentials');
  } finally {
    kms.destroy();
  }
}

async function byFile(path: string, message: Buffer): Promise<Signature> {
  try {
    const key = createPrivateKey(readFileSync(path));
    const { keyId } = trustedKey(createPublicKey(key));
    return { keyId, signature: sign('sha256', message, key) };
  } catch (cause) {
    throw unusable(`${path} cannot sign`, cause, 'that it is an ECDSA P-256 private key in PEM');
  }
}

function unusable(what: string, cause: unknown, check: string) {
  const why = cause instanceof Error ? [cause.name, cause.message].join(': ') : String(cause);
  return commandError('usage', `${what} (${why}).`, {
    hint: `Nothing was published. Check ${check}.`,
    cause,
  });
}
