/** GetPublicKey, Sign and Verify with real ECDSA keys on P-256 ("Asymmetric keys in AWS KMS", AWS KMS Developer Guide). */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto';
import type {
  GetPublicKeyRequest,
  GetPublicKeyResponse,
  SignRequest,
  SignResponse,
  VerifyRequest,
  VerifyResponse,
} from '@aws-sdk/client-kms';
import { AwsError, type Call } from '../../model.ts';
import { isSignature, scalarOf, signDigest } from './ecdsa.ts';
import { findKey, type KeyRecord, refuseUnusable, refuseUsage } from './records.ts';

const algorithm = 'ECDSA_SHA_256' as const;
const messageLimit = 4096;
const digestBytes = 32;
/** The longest signature in DER on this curve is shorter; KMS says so of any key ("Verify", AWS KMS API Reference). */
const signatureLimit = 6144;

/** The key that a request names and its private half, PKCS #8 in DER; refused unless it may be used, and for signatures. */
function signingKey(
  call: Call,
  keyId: string | undefined,
  operation: string,
): { readonly key: KeyRecord; readonly privateKey: Buffer } {
  const key = findKey(call, keyId, 'keys-and-aliases');
  refuseUnusable(key);
  refuseUsage(key, 'SIGN_VERIFY', operation);
  return { key, privateKey: Buffer.from(key.privateKey ?? '', 'base64') };
}

function getPublicKey(input: GetPublicKeyRequest, call: Call): GetPublicKeyResponse {
  const named = findKey(call, input.KeyId, 'keys-and-aliases');
  if (named.privateKey === undefined) {
    throw new AwsError(
      'UnsupportedOperationException',
      `${named.arn} key spec is SYMMETRIC_DEFAULT which is not valid for GetPublicKey.`,
    );
  }
  const { key, privateKey } = signingKey(call, input.KeyId, 'GetPublicKey');
  return {
    KeyId: key.arn,
    PublicKey: createPublicKey(createPrivateKey({ key: privateKey, format: 'der', type: 'pkcs8' })).export({
      type: 'spki',
      format: 'der',
    }),
    CustomerMasterKeySpec: 'ECC_NIST_P256',
    KeySpec: 'ECC_NIST_P256',
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: [algorithm],
  };
}

/** The SHA-256 digest of a request's message, or the digest that it brings. */
function digestOf({ Message, MessageType }: Pick<SignRequest, 'Message' | 'MessageType'>): Buffer {
  const length = Message?.length ?? 0;
  if (Message === undefined || length < 1 || length > messageLimit) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'message' failed to satisfy constraint: Member must have length between 1 and ${messageLimit}, inclusive`,
    );
  }
  if (MessageType === 'DIGEST') {
    if (length !== digestBytes) {
      throw new AwsError('ValidationException', `Digest is invalid length for algorithm ${algorithm}.`);
    }
    return Buffer.from(Message);
  }
  if ((MessageType ?? 'RAW') !== 'RAW') {
    throw new AwsError('ValidationException', `MessageType ${MessageType} is not valid for ${algorithm}.`);
  }
  return createHash('sha256').update(Message).digest();
}

function refuseAlgorithm(name: string | undefined): void {
  if (name === algorithm) return;
  if (name === undefined) {
    throw new AwsError(
      'ValidationException',
      "1 validation error detected: Value null at 'signingAlgorithm' failed to satisfy constraint: Member must not be null",
    );
  }
  throw new AwsError(
    'InvalidKeyUsageException',
    `Algorithm ${name} and key spec ECC_NIST_P256 are incompatible.`,
  );
}

function sign(input: SignRequest, call: Call): SignResponse {
  const { key, privateKey } = signingKey(call, input.KeyId, 'Sign');
  refuseAlgorithm(input.SigningAlgorithm);
  const signature = signDigest(digestOf(input), scalarOf(privateKey));
  return { KeyId: key.arn, Signature: signature, SigningAlgorithm: algorithm };
}

function verify(input: VerifyRequest, call: Call): VerifyResponse {
  const { key, privateKey } = signingKey(call, input.KeyId, 'Verify');
  refuseAlgorithm(input.SigningAlgorithm);
  const { Signature } = input;
  if (Signature === undefined || Signature.length < 1 || Signature.length > signatureLimit) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'signature' failed to satisfy constraint: Member must have length between 1 and ${signatureLimit}, inclusive`,
    );
  }
  // KMS never answers that a signature is not valid ("Verify", AWS KMS API Reference).
  if (!isSignature(Buffer.from(Signature), digestOf(input), scalarOf(privateKey)))
    throw new AwsError('KMSInvalidSignatureException', '');
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: algorithm };
}

export const signingOperations = { GetPublicKey: getPublicKey, Sign: sign, Verify: verify };
