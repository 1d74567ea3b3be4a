import { buildDecrypt } from '@aws-crypto/decrypt-node';
import { buildEncrypt } from '@aws-crypto/encrypt-node';
import { type AwsEsdkKMSInterface, AwsKmsMrkAwareSymmetricKeyringClass } from '@aws-crypto/kms-keyring';
import {
  AlgorithmSuiteIdentifier,
  CommitmentPolicy,
  KeyringNode,
  type Newable,
  type NodeAlgorithmSuite,
} from '@aws-crypto/material-management-node';
import { DecryptCommand, EncryptCommand, GenerateDataKeyCommand, type KMSClient } from '@aws-sdk/client-kms';

/** Where a value belongs. It is bound to its ciphertext, so one that was moved or copied elsewhere does not decrypt. */
export interface FieldPlace {
  readonly table: string;
  readonly column: string;
  /** The row's id, a UUID. */
  readonly row: string;
}

/** KMS did not unwrap or make a data key: the practice's key is disabled, denied to the app, or out of reach. */
export class KeyUnavailable extends Error {
  override readonly name = 'KeyUnavailable';
}

/** The stored bytes are not what the app wrote at this place. */
export class FieldDamaged extends Error {
  override readonly name = 'FieldDamaged';
}

/** Writers are readers here, so a signature by the writer would prove nothing: committing, without signing. */
const SUITE = AlgorithmSuiteIdentifier.ALG_AES256_GCM_IV12_TAG16_HKDF_SHA512_COMMIT_KEY;
/** What KMS says of a wrapped key that was altered, or wrapped for another context: the data is wrong, not the key. */
const NOT_OF_THIS_KEY = new Set(['InvalidCiphertextException', 'IncorrectKeyException']);

/**
 * For one key, in whatever Region: a replica of a multi-Region key unwraps what its primary wrapped (docs/decisions/0014).
 * Built from the parts of `@aws-crypto/client-node`, which as a whole loads a client of DynamoDB for keyrings that are not used here.
 */
const KmsKeyring = AwsKmsMrkAwareSymmetricKeyringClass<NodeAlgorithmSuite, AwsEsdkKMSInterface>(
  // The library's types call the class abstract, and it is only the base of another.
  KeyringNode as Newable<KeyringNode>,
);

const limits = {
  commitmentPolicy: CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT,
  maxEncryptedDataKeys: 1,
};
const { encrypt } = buildEncrypt(limits);
const { decrypt } = buildDecrypt(limits);

/**
 * Envelope encryption of single columns with the AWS Encryption SDK: each value has a data key of its own, wrapped by the
 * practice's KMS key with the value's place as encryption context, which CloudTrail records. No data key is kept: a key
 * that is disabled ends all reading with the next request.
 */
export class FieldEncryption {
  readonly #kms: KMSClient;
  readonly #keyArn: string;
  readonly #practiceId: string;

  constructor(kms: KMSClient, keyArn: string, practiceId: string) {
    this.#kms = kms;
    this.#keyArn = keyArn;
    this.#practiceId = practiceId;
  }

  /** @throws KeyUnavailable when KMS makes no data key. */
  async encrypt(place: FieldPlace, text: string): Promise<Buffer> {
    const encryptionContext = this.#context(place);
    return this.#withKeyring(place, async (keyring) => {
      const { result } = await encrypt(keyring, Buffer.from(text, 'utf8'), {
        suiteId: SUITE,
        encryptionContext,
      });
      return result;
    });
  }

  /**
   * @throws KeyUnavailable when KMS does not unwrap the data key.
   * @throws FieldDamaged when the bytes were altered, or written for another place.
   */
  async decrypt(place: FieldPlace, ciphertext: Uint8Array): Promise<string> {
    return this.#withKeyring(place, async (keyring) => {
      const { plaintext, messageHeader } = await decrypt(keyring, ciphertext);
      for (const [name, value] of Object.entries(this.#context(place))) {
        if (messageHeader.encryptionContext[name] !== value) {
          throw new Error(`it was written for ${name} ${messageHeader.encryptionContext[name] ?? '(none)'}`);
        }
      }
      return plaintext.toString('utf8');
    });
  }

  #context(place: FieldPlace): Record<string, string> {
    return { practice: this.#practiceId, table: place.table, column: place.column, row: place.row };
  }

  async #withKeyring<T>(place: FieldPlace, work: (keyring: KeyringNode) => Promise<T>): Promise<T> {
    // The library reports KMS's refusals as text only; this keeps the error itself.
    let refusal: Error | undefined;
    const keyring = new KmsKeyring({
      keyId: this.#keyArn,
      client: kmsOperations(this.#kms, (error) => {
        refusal = error;
      }),
    });
    try {
      return await work(keyring);
    } catch (cause) {
      const where = `${place.table}.${place.column} of ${place.row}`;
      if (refusal !== undefined && !NOT_OF_THIS_KEY.has(refusal.name)) {
        throw new KeyUnavailable(
          `The practice's key cannot be used for ${where} (${refusal.name}: ${refusal.message}). See that ${this.#keyArn} is enabled and that the task role may use it.`,
          { cause: refusal },
        );
      }
      throw new FieldDamaged(
        `${where} does not decrypt: ${refusal?.name ?? (cause as Error).message}. Restore the row from a backup.`,
        { cause },
      );
    }
  }
}

/** The two libraries write "not there" differently in their types: `?` alone, and `?` with `undefined`. */
type Present<T> = { [Key in keyof T]: Exclude<T[Key], undefined> };

/** The three operations that the library asks for, on the app's own client. */
function kmsOperations(kms: KMSClient, refused: (error: Error) => void): AwsEsdkKMSInterface {
  const noting = async <T extends object>(call: Promise<T>): Promise<Present<T>> => {
    try {
      return (await call) as Present<T>;
    } catch (error) {
      refused(error as Error);
      throw error;
    }
  };
  return {
    encrypt: (input) => noting(kms.send(new EncryptCommand(input))),
    decrypt: (input) => noting(kms.send(new DecryptCommand(input))),
    generateDataKey: (input) => noting(kms.send(new GenerateDataKeyCommand(input))),
  };
}
