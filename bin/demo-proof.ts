import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DecryptCommand, EncryptCommand, KMSClient } from '@aws-sdk/client-kms';
import { Client, DatabaseError } from 'pg';
import type { Practice } from '../control-api/contracts/practices.ts';
import { commandError } from './commands/command-error.ts';

/** How the demo reaches the cloud that the practices' silos are in. */
export interface CloudAccess {
  readonly region: string;
  readonly endpoint: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** The parts of a silo that nothing else may share, from the outputs of its stacks. */
export interface Silo {
  readonly practiceId: string;
  readonly keyArn: string;
  readonly databaseArn: string;
  readonly vpcId: string;
  readonly database: { readonly host: string; readonly port: number; readonly name: string };
}

/** One try to decrypt what `encryptedFor` encrypted with its own key, with the key of `decryptedBy`. */
export interface Decryption {
  readonly encryptedFor: string;
  readonly decryptedBy: string;
  /** Whether the plain text came back; `refusal` is AWS's own error when it did not. */
  readonly opened: boolean;
  readonly refusal: string | null;
  /** One's own opens; another's is refused because it is the wrong key, and for no other reason. */
  readonly held: boolean;
}

export interface Proof {
  readonly silos: readonly Silo[];
  readonly distinct: { readonly keys: number; readonly databases: number; readonly vpcs: number };
  readonly decryptions: readonly Decryption[];
  readonly plainText: {
    readonly practiceId: string;
    readonly refusal: string | null;
    readonly held: boolean;
  };
  readonly held: boolean;
}

/** Asks the cloud itself, by the AWS SDK, whether the practices share anything. */
export async function proveIsolation(practices: readonly Practice[], cloud: CloudAccess): Promise<Proof> {
  const stacks = new CloudFormationClient(cloud);
  const kms = new KMSClient(cloud);
  try {
    const silos = await Promise.all(practices.map((practice) => readSilo(stacks, practice)));
    const [first] = silos;
    if (first === undefined) throw new Error('there is no practice to prove anything of');
    const distinct = {
      keys: new Set(silos.map(({ keyArn }) => keyArn)).size,
      databases: new Set(silos.map(({ databaseArn }) => databaseArn)).size,
      vpcs: new Set(silos.map(({ vpcId }) => vpcId)).size,
    };
    const decryptions = (await Promise.all(silos.map((silo) => tryKeys(kms, silo, silos)))).flat();
    const plainText = await tryPlainText(first);
    const isAllDistinct = Object.values(distinct).every((count) => count === silos.length);
    const held = isAllDistinct && plainText.held && decryptions.every((decryption) => decryption.held);
    return { silos, distinct, decryptions, plainText, held };
  } finally {
    stacks.destroy();
    kms.destroy();
  }
}

async function readSilo(client: CloudFormationClient, practice: Practice): Promise<Silo> {
  const outputs = new Map<string, string>();
  for (const { stackName } of practice.observed) {
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName: stackName }));
    for (const { OutputKey, OutputValue } of Stacks[0]?.Outputs ?? []) {
      if (OutputKey !== undefined && OutputValue !== undefined) outputs.set(OutputKey, OutputValue);
    }
  }
  const output = (name: string) => {
    const value = outputs.get(name);
    if (value !== undefined) return value;
    throw commandError('unexpected_answer', `The stacks of ${practice.id} have no output ${name}.`);
  };
  return {
    practiceId: practice.id,
    keyArn: output('KeyArn'),
    databaseArn: output('DatabaseInstanceArn'),
    vpcId: output('VpcId'),
    database: {
      host: output('DatabaseEndpoint'),
      port: Number(output('DatabasePort')),
      name: output('DatabaseName'),
    },
  };
}

async function tryKeys(kms: KMSClient, owner: Silo, silos: readonly Silo[]): Promise<Decryption[]> {
  const secret = Buffer.from(`for ${owner.practiceId} alone`);
  const { CiphertextBlob } = await kms.send(new EncryptCommand({ KeyId: owner.keyArn, Plaintext: secret }));
  return Promise.all(
    silos.map(async ({ practiceId, keyArn }): Promise<Decryption> => {
      const pair = { encryptedFor: owner.practiceId, decryptedBy: practiceId };
      const isOwn = practiceId === owner.practiceId;
      try {
        const { Plaintext } = await kms.send(new DecryptCommand({ KeyId: keyArn, CiphertextBlob }));
        const opened = Plaintext !== undefined && secret.equals(Plaintext);
        return { ...pair, opened, refusal: null, held: isOwn && opened };
      } catch (error) {
        const { name, message } = error as Error;
        // AWS KMS API Reference, Decrypt: the key that is named is not the one that encrypted.
        const held = !isOwn && name === 'IncorrectKeyException';
        return { ...pair, opened: false, refusal: `${name}: ${message}`, held };
      }
    }),
  );
}

/** Knocks at a database without TLS: `rds.force_ssl` must turn it away before any password is asked for. */
async function tryPlainText({ practiceId, database }: Silo): Promise<Proof['plainText']> {
  const client = new Client({
    host: database.host,
    port: database.port,
    database: database.name,
    user: 'postgres',
    password: 'none is needed to be turned away',
    ssl: false,
    connectionTimeoutMillis: 10_000,
  });
  try {
    await client.connect();
    await client.end();
    return { practiceId, refusal: null, held: false };
  } catch (error) {
    const { message } = error as Error;
    // PostgreSQL, Appendix A: 28000 invalid_authorization_specification.
    const code = error instanceof DatabaseError ? error.code : undefined;
    return { practiceId, refusal: message, held: code === '28000' && message.includes('no encryption') };
  }
}
