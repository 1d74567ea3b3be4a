import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  paginateListResourceTags,
} from '@aws-sdk/client-kms';
import { EXIT, StartRefusal } from './start-refusal.ts';
import { isTransient } from './transient.ts';

export const PRACTICE_TAG = 'lumenality:practice';

/** The practice's own KMS key. Every use names the practice in the encryption context, which CloudTrail records. */
export class PracticeKey {
  readonly arn: string;
  readonly #kms: KMSClient;
  readonly #context: Record<string, string>;
  readonly #practiceId: string;

  constructor(kms: KMSClient, arn: string, practiceId: string) {
    this.#kms = kms;
    this.arn = arn;
    this.#practiceId = practiceId;
    this.#context = { practice: practiceId };
  }

  /** @throws StartRefusal (77) unless the key is there, enabled and tagged with this practice. */
  async check(): Promise<void> {
    const { KeyMetadata } = await this.#definite(this.#kms.send(new DescribeKeyCommand({ KeyId: this.arn })));
    if (KeyMetadata?.KeyState !== 'Enabled') {
      throw this.#refuse(
        `is ${KeyMetadata?.KeyState ?? 'unknown'}, not Enabled. Enable it, or cancel its deletion`,
      );
    }
    const owner = await this.#definite(this.#owner());
    if (owner !== this.#practiceId) {
      throw this.#refuse(
        `${owner === undefined ? `has no tag ${PRACTICE_TAG}` : `belongs to the practice ${owner}`}. Give the task the key of its own practice`,
      );
    }
  }

  /** A new data key, wrapped; the key itself is dropped. */
  async newWrappedKey(): Promise<Buffer> {
    const { CiphertextBlob } = await this.#definite(
      this.#kms.send(
        new GenerateDataKeyCommand({ KeyId: this.arn, KeySpec: 'AES_256', EncryptionContext: this.#context }),
      ),
    );
    if (CiphertextBlob === undefined) throw new Error('KMS returned no wrapped data key.');
    return Buffer.from(CiphertextBlob);
  }

  /** Proves that the key unwraps what it wrapped for this practice. @throws the KMS client's error otherwise. */
  async unwrap(wrapped: Uint8Array): Promise<void> {
    await this.#kms.send(
      new DecryptCommand({ KeyId: this.arn, CiphertextBlob: wrapped, EncryptionContext: this.#context }),
    );
  }

  async #owner(): Promise<string | undefined> {
    for await (const page of paginateListResourceTags({ client: this.#kms }, { KeyId: this.arn })) {
      const tag = page.Tags?.find(({ TagKey }) => TagKey === PRACTICE_TAG);
      if (tag) return tag.TagValue;
    }
    return undefined;
  }

  #refuse(what: string): StartRefusal {
    return new StartRefusal(EXIT.notOurs, `The key ${this.arn} (KEY_ARN) ${what}.`);
  }

  async #definite<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isTransient(error)) throw error;
      const { name, message } = error as Error;
      throw new StartRefusal(
        EXIT.notOurs,
        `The key ${this.arn} (KEY_ARN) cannot be used: ${name}: ${message} Check that it exists, is enabled, and that the task role may use it.`,
        { cause: error },
      );
    }
  }
}
