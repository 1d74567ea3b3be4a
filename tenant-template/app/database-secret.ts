import {
  DescribeSecretCommand,
  GetSecretValueCommand,
  type SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { z } from 'zod';
import { PRACTICE_TAG } from './practice-key.ts';
import { EXIT, StartRefusal } from './start-refusal.ts';
import { isTransient } from './transient.ts';

const credentials = z.object({ username: z.string().min(1), password: z.string().min(1) });

export type DatabaseCredentials = z.infer<typeof credentials>;

/** The secret in which RDS keeps the master password, and rotates it. Nothing of it is kept here or logged. */
export class DatabaseSecret {
  readonly #client: SecretsManagerClient;
  readonly #arn: string;

  constructor(client: SecretsManagerClient, arn: string) {
    this.#client = client;
    this.#arn = arn;
  }

  /** @throws StartRefusal (77) unless the secret is there, under this key, and not tagged for another practice. */
  async check(keyArn: string, practiceId: string): Promise<void> {
    const secret = await this.#definite(
      this.#client.send(new DescribeSecretCommand({ SecretId: this.#arn })),
    );
    // RDS tags its secrets itself and may leave ours out: then the key decides alone.
    const owner = secret.Tags?.find(({ Key }) => Key === PRACTICE_TAG)?.Value;
    if (owner !== undefined && owner !== practiceId) {
      throw this.#refuse(`belongs to the practice ${owner}. Give the task the secret of its own database`);
    }
    const { KmsKeyId } = secret;
    if (KmsKeyId !== keyArn && KmsKeyId !== keyArn.slice(keyArn.indexOf('/') + 1)) {
      throw this.#refuse(
        `is encrypted with ${KmsKeyId ?? "the account's default key"}, not with the practice's key ${keyArn}. Give the task the secret of its own database`,
      );
    }
  }

  /** Read anew at each call, because RDS rotates the password. */
  async read(): Promise<DatabaseCredentials> {
    const { SecretString } = await this.#definite(
      this.#client.send(new GetSecretValueCommand({ SecretId: this.#arn })),
    );
    const parsed = credentials.safeParse(parseJson(SecretString ?? ''));
    if (!parsed.success)
      throw this.#refuse('holds no JSON with "username" and "password". Restore what RDS wrote');
    return parsed.data;
  }

  #refuse(what: string): StartRefusal {
    return new StartRefusal(EXIT.notOurs, `The secret ${this.#arn} (DATABASE_SECRET_ARN) ${what}.`);
  }

  async #definite<T>(call: Promise<T>): Promise<T> {
    try {
      return await call;
    } catch (error) {
      if (isTransient(error)) throw error;
      const { name, message } = error as Error;
      throw new StartRefusal(
        EXIT.notOurs,
        `The secret ${this.#arn} (DATABASE_SECRET_ARN) cannot be read: ${name}: ${message} Check that it exists and that the task role may read it.`,
        { cause: error },
      );
    }
  }
}

/** Anything that is no JSON is no credentials either; its text must not end up in a message. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
