/** Encrypt, Decrypt, ReEncrypt and data keys: real AES-256-GCM under the key's material, with the encryption context authenticated. */
import { randomBytes } from 'node:crypto';
import type {
  DecryptRequest,
  DecryptResponse,
  EncryptRequest,
  EncryptResponse,
  GenerateDataKeyRequest,
  GenerateDataKeyResponse,
  GenerateDataKeyWithoutPlaintextRequest,
  GenerateDataKeyWithoutPlaintextResponse,
  GenerateRandomRequest,
  GenerateRandomResponse,
  ReEncryptRequest,
  ReEncryptResponse,
} from '@aws-sdk/client-kms';
import { open, seal } from '../../authenticated-encryption.ts';
import { parseArn } from '../../identifiers.ts';
import { AwsError, type Call } from '../../model.ts';
import { findKey, type KeyRecord, refuseUnusable, refuseUsage } from './records.ts';

type EncryptionContext = Record<string, string> | undefined;

const algorithm = 'SYMMETRIC_DEFAULT' as const;
const blobVersion = 1;
const materialIdBytes = 32;
const headerBytes = 3;
const plaintextLimit = 4096;

/** A ciphertext blob: version, length of the key's ARN, the ARN, the material's id, then what `seal` made. */
interface Blob {
  readonly keyArn: string;
  readonly materialId: string;
  readonly header: Buffer;
  readonly sealed: Buffer;
}

function headerOf(keyArn: string, materialId: string): Buffer {
  const start = Buffer.alloc(headerBytes);
  start.writeUInt8(blobVersion, 0);
  start.writeUInt16BE(Buffer.byteLength(keyArn), 1);
  return Buffer.concat([start, Buffer.from(keyArn), Buffer.from(materialId, 'hex')]);
}

function parseBlob(bytes: Uint8Array): Blob {
  const blob = Buffer.from(bytes);
  const arnEnd = blob.length < headerBytes ? headerBytes : headerBytes + blob.readUInt16BE(1);
  const headerEnd = arnEnd + materialIdBytes;
  if (blob.length <= headerEnd || blob.readUInt8(0) !== blobVersion)
    throw new AwsError('InvalidCiphertextException', '');
  return {
    keyArn: blob.toString('utf8', headerBytes, arnEnd),
    materialId: blob.toString('hex', arnEnd, headerEnd),
    header: blob.subarray(0, headerEnd),
    sealed: blob.subarray(headerEnd),
  };
}

/** The authenticated data: the header and the context's pairs in order of their names, each with its length. */
function authenticated(header: Buffer, context: EncryptionContext): Buffer {
  const parts = [header];
  for (const [name, value] of Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1))) {
    for (const text of [name, value]) {
      const bytes = Buffer.from(text);
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      parts.push(length, bytes);
    }
  }
  return Buffer.concat(parts);
}

function refuseAlgorithm(name: string | undefined): void {
  if (name !== undefined && name !== algorithm) {
    throw new AwsError(
      'InvalidKeyUsageException',
      `The ${algorithm} key spec does not support the encryption algorithm ${name}.`,
    );
  }
}

function encryptUnder(
  key: KeyRecord,
  plaintext: Uint8Array,
  context: EncryptionContext,
  operation: string,
): Buffer {
  refuseUnusable(key);
  refuseUsage(key, 'ENCRYPT_DECRYPT', operation);
  const material = key.materials.at(-1);
  if (material === undefined) throw new AwsError('KMSInvalidStateException', `${key.arn} is pending import.`);
  const header = headerOf(key.arn, material.id);
  return Buffer.concat([
    header,
    seal(Buffer.from(material.bytes, 'base64'), plaintext, authenticated(header, context)),
  ]);
}

interface Opened {
  readonly key: KeyRecord;
  readonly materialId: string;
  readonly plaintext: Buffer;
}

/** Decrypts a blob; the key is the one that the blob names, and has to be the one that the request names, if it names one. */
function decryptBlob(
  call: Call,
  bytes: Uint8Array | undefined,
  context: EncryptionContext,
  keyId: string | undefined,
): Opened {
  if (bytes === undefined || bytes.length === 0) {
    throw new AwsError(
      'ValidationException',
      "1 validation error detected: Value at 'ciphertextBlob' failed to satisfy constraint: Member must have length greater than or equal to 1",
    );
  }
  const named = keyId === undefined ? undefined : findKey(call, keyId, 'keys-and-aliases');
  if (named !== undefined) refuseUsage(named, 'ENCRYPT_DECRYPT', 'Decrypt');
  const blob = parseBlob(bytes);
  if (named !== undefined && named.arn !== blob.keyArn) {
    throw new AwsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  const key = named ?? keyOfBlob(call, blob);
  refuseUnusable(key);
  const material = key.materials.find((candidate) => candidate.id === blob.materialId);
  if (material === undefined) throw new AwsError('InvalidCiphertextException', '');
  try {
    const plaintext = open(
      Buffer.from(material.bytes, 'base64'),
      blob.sealed,
      authenticated(blob.header, context),
    );
    return { key, materialId: material.id, plaintext };
  } catch {
    // What failed must not be told apart: a changed bit, another context. AWS answers with an empty message too.
    throw new AwsError('InvalidCiphertextException', '');
  }
}

/** A caller learns nothing about keys of others: a foreign, a deleted and a made-up key get one answer. */
function keyOfBlob(call: Call, blob: Blob): KeyRecord {
  const inaccessible = new AwsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
  const arn = parseArn(blob.keyArn);
  if (arn?.service !== 'kms') throw new AwsError('InvalidCiphertextException', '');
  if (arn.accountId !== call.accountId || arn.region !== call.region) throw inaccessible;
  try {
    return findKey(call, blob.keyArn, 'keys');
  } catch (error) {
    throw error instanceof AwsError && error.code === 'NotFoundException' ? inaccessible : error;
  }
}

function encrypt(input: EncryptRequest, call: Call): EncryptResponse {
  refuseAlgorithm(input.EncryptionAlgorithm);
  const key = findKey(call, input.KeyId, 'keys-and-aliases');
  const length = input.Plaintext?.length ?? 0;
  if (input.Plaintext === undefined || length < 1 || length > plaintextLimit) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length between 1 and ${plaintextLimit}, inclusive`,
    );
  }
  return {
    CiphertextBlob: encryptUnder(key, input.Plaintext, input.EncryptionContext, 'Encrypt'),
    KeyId: key.arn,
    EncryptionAlgorithm: algorithm,
  };
}

function decrypt(input: DecryptRequest, call: Call): DecryptResponse {
  refuseAlgorithm(input.EncryptionAlgorithm);
  const { key, plaintext, materialId } = decryptBlob(
    call,
    input.CiphertextBlob,
    input.EncryptionContext,
    input.KeyId,
  );
  return { KeyId: key.arn, Plaintext: plaintext, EncryptionAlgorithm: algorithm, KeyMaterialId: materialId };
}

function reEncrypt(input: ReEncryptRequest, call: Call): ReEncryptResponse {
  refuseAlgorithm(input.SourceEncryptionAlgorithm);
  refuseAlgorithm(input.DestinationEncryptionAlgorithm);
  const destination = findKey(call, input.DestinationKeyId, 'keys-and-aliases');
  const source = decryptBlob(call, input.CiphertextBlob, input.SourceEncryptionContext, input.SourceKeyId);
  return {
    CiphertextBlob: encryptUnder(
      destination,
      source.plaintext,
      input.DestinationEncryptionContext,
      'ReEncryptTo',
    ),
    SourceKeyId: source.key.arn,
    KeyId: destination.arn,
    SourceEncryptionAlgorithm: algorithm,
    DestinationEncryptionAlgorithm: algorithm,
  };
}

function dataKeyBytes(input: Pick<GenerateDataKeyRequest, 'KeySpec' | 'NumberOfBytes'>): number {
  if ((input.KeySpec === undefined) === (input.NumberOfBytes === undefined)) {
    throw new AwsError('ValidationException', 'Please specify either number of bytes or key spec.');
  }
  const bytes = input.NumberOfBytes ?? (input.KeySpec === 'AES_128' ? 16 : 32);
  if (bytes < 1 || bytes > 1024) {
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value '${bytes}' at 'numberOfBytes' failed to satisfy constraint: Member must have value between 1 and 1024, inclusive`,
    );
  }
  return bytes;
}

function generateDataKey(input: GenerateDataKeyRequest, call: Call): GenerateDataKeyResponse {
  const plaintext = randomBytes(dataKeyBytes(input));
  const key = findKey(call, input.KeyId, 'keys-and-aliases');
  return {
    CiphertextBlob: encryptUnder(key, plaintext, input.EncryptionContext, 'GenerateDataKey'),
    Plaintext: plaintext,
    KeyId: key.arn,
  };
}

function generateDataKeyWithoutPlaintext(
  input: GenerateDataKeyWithoutPlaintextRequest,
  call: Call,
): GenerateDataKeyWithoutPlaintextResponse {
  const { CiphertextBlob, KeyId } = generateDataKey(input, call);
  return { CiphertextBlob, KeyId };
}

function generateRandom(input: GenerateRandomRequest): GenerateRandomResponse {
  return { Plaintext: randomBytes(dataKeyBytes({ KeySpec: undefined, NumberOfBytes: input.NumberOfBytes })) };
}

export const cryptographicOperations = {
  Encrypt: encrypt,
  Decrypt: decrypt,
  ReEncrypt: reEncrypt,
  GenerateDataKey: generateDataKey,
  GenerateDataKeyWithoutPlaintext: generateDataKeyWithoutPlaintext,
  GenerateRandom: generateRandom,
};
