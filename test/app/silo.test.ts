import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EC2Client } from '@aws-sdk/client-ec2';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateKeyCommand, DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateDBInstanceCommand,
  CreateDBSubnetGroupCommand,
  type DBInstance,
  DescribeDBInstancesCommand,
  InvalidDBInstanceStateFault,
  RDSClient,
  StartDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Client } from 'pg';
import type { OpenedDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import type { Sandbox } from '../../lib/sandbox/server.ts';
import { hashOf } from '../../tenant-template/app/staff/one-time-token.ts';
import { buildImage } from '../../tenant-template/image.ts';
import { eventually } from '../builders/process.ts';
import { type Clients, newNetwork } from '../sandbox/fixtures/services-data-cloud.ts';
import { type Answer, appUrl, ask } from './ask.ts';
import { codeOf, PASSWORD } from './practice.ts';
import { startAppSandbox } from './sandbox.ts';

/** The app as it is shipped, on an RDS instance, a key and a role of the sandbox's own services. */
const PRACTICE = 'sunrise-speech';
const ACCOUNT = '000000000000';
const TASK = `arn:aws:ecs:us-east-1:${ACCOUNT}:task/${PRACTICE}/1`;
const workDirectory = mkdtempSync(join(tmpdir(), 'practice-silo-'));
const invitation = randomBytes(32).toString('base64url');

let sandbox: Sandbox;
let plane: OpenedDataPlane;
let clients: Clients;
let iam: IAMClient;
let keyArn: string;
let database: DBInstance;
let url: string;
const lines: string[] = [];

beforeAll(async () => {
  ({ sandbox, plane } = await startAppSandbox(join(workDirectory, 'sandbox')));
  const options = {
    endpoint: sandbox.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
  };
  clients = {
    kms: new KMSClient(options),
    secrets: new SecretsManagerClient(options),
    rds: new RDSClient(options),
    ec2: new EC2Client(options),
  } as Clients;
  iam = new IAMClient(options);
  const tags = [{ TagKey: 'lumenality:practice', TagValue: PRACTICE }];
  keyArn = (await clients.kms.send(new CreateKeyCommand({ Tags: tags }))).KeyMetadata?.Arn as string;
  const [made, image] = await Promise.all([makeDatabase(), pushImage()]);
  database = made;
  url = await startTask(image, await makeRole());
});

afterAll(async () => {
  await sandbox.stop();
  rmSync(workDirectory, { recursive: true, force: true });
});

async function makeDatabase(): Promise<DBInstance> {
  const network = await newNetwork(clients);
  await clients.rds.send(
    new CreateDBSubnetGroupCommand({
      DBSubnetGroupName: PRACTICE,
      DBSubnetGroupDescription: 'isolated subnets',
      SubnetIds: network.subnetIds,
    }),
  );
  await clients.rds.send(
    new CreateDBInstanceCommand({
      DBInstanceIdentifier: PRACTICE,
      DBInstanceClass: 'db.t4g.micro',
      Engine: 'postgres',
      AllocatedStorage: 20,
      StorageType: 'gp3',
      DBName: 'practice',
      MasterUsername: 'practice_admin',
      ManageMasterUserPassword: true,
      MasterUserSecretKmsKeyId: keyArn,
      StorageEncrypted: true,
      KmsKeyId: keyArn,
      DBSubnetGroupName: PRACTICE,
      VpcSecurityGroupIds: [network.securityGroupId],
      EnableIAMDatabaseAuthentication: true,
    }),
  );
  return eventually(
    () => describeDatabase('available'),
    () => 'The database did not become available.',
  );
}

async function describeDatabase(status: string): Promise<DBInstance | undefined> {
  const { DBInstances } = await clients.rds.send(
    new DescribeDBInstancesCommand({ DBInstanceIdentifier: PRACTICE }),
  );
  return DBInstances?.find(({ DBInstanceStatus }) => DBInstanceStatus === status);
}

/** What AWS asks for after the key works again; the sandbox may have noticed by itself already. */
async function startDatabase(): Promise<void> {
  try {
    await clients.rds.send(new StartDBInstanceCommand({ DBInstanceIdentifier: PRACTICE }));
  } catch (error) {
    if (!(error instanceof InvalidDBInstanceStateFault)) throw error;
  }
}

async function pushImage(): Promise<string> {
  const out = join(workDirectory, 'image');
  await buildImage({ entry: join(__dirname, '../../tenant-template/app/main.ts'), out });
  const repository = 'lumenality/practice-app';
  const { digest } = plane.images.push(repository, readFileSync(join(out, 'manifest.json')), out);
  return `${ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/${repository}@${digest}`;
}

async function makeRole(): Promise<string> {
  const allow = (Action: string | string[], Resource: string) => ({ Effect: 'Allow', Action, Resource });
  const trust = {
    Effect: 'Allow',
    Principal: { Service: 'ecs-tasks.amazonaws.com' },
    Action: 'sts:AssumeRole',
  };
  const user = `arn:aws:rds-db:us-east-1:${ACCOUNT}:dbuser:${database.DbiResourceId}/practice_app`;
  const policy = [
    allow('rds-db:connect', user),
    allow(['kms:Decrypt', 'kms:DescribeKey', 'kms:GenerateDataKey', 'kms:ListResourceTags'], keyArn),
    allow(
      ['secretsmanager:DescribeSecret', 'secretsmanager:GetSecretValue'],
      database.MasterUserSecret?.SecretArn ?? '',
    ),
  ];
  const RoleName = 'task';
  const Version = '2012-10-17';
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      Path: `/lumenality/${PRACTICE}/`,
      AssumeRolePolicyDocument: JSON.stringify({ Version, Statement: [trust] }),
    }),
  );
  await iam.send(
    new PutRolePolicyCommand({
      RoleName,
      PolicyName: 'app',
      PolicyDocument: JSON.stringify({ Version, Statement: policy }),
    }),
  );
  return Role?.Arn ?? '';
}

async function startTask(image: string, taskRoleArn: string): Promise<string> {
  const { Endpoint, MasterUserSecret } = database;
  const endpoint = await plane.tasks.start({
    arn: TASK,
    image,
    environment: {
      PRACTICE_ID: PRACTICE,
      RELEASE_ID: 'r-1',
      KEY_ARN: keyArn,
      DATABASE_HOST: Endpoint?.Address ?? '',
      DATABASE_PORT: String(Endpoint?.Port),
      DATABASE_NAME: 'practice',
      DATABASE_SECRET_ARN: MasterUserSecret?.SecretArn ?? '',
      PORT: '8080',
      SESSION_TIMEOUT_MINUTES: '15',
      OWNER_EMAIL: 'owner@sunrise.example',
      OWNER_INVITATION_SHA256: hashOf(invitation).toString('hex'),
      OWNER_INVITATION_EXPIRES_AT: new Date(Date.now() + 60 * 60_000).toISOString(),
    },
    containerPort: 8080,
    accountId: ACCOUNT,
    region: 'us-east-1',
    taskRoleArn,
    log: (line) => lines.push(line),
    exited: () => {},
  });
  const started = appUrl(endpoint);
  return eventually(
    async () => ((await ask(`${started}/readyz`).catch(() => undefined))?.ok ? started : undefined),
    () => lines.join('\n'),
  );
}

/** Keeps cookies from one request to the next, as a browser does. */
function browse(): (path: string, fields?: Record<string, string>) => Promise<Answer> {
  const cookies = new Map<string, string>();
  return async (path, fields) => {
    const answer = await ask(url + path, {
      headers: { origin: url, cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      ...(fields && { method: 'POST', body: new URLSearchParams(fields) }),
    });
    for (const cookie of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(cookie) ?? [];
      if (value === '') cookies.delete(name);
      else cookies.set(name, value);
    }
    return answer;
  };
}

async function becomeOwner(): Promise<ReturnType<typeof browse>> {
  const open = browse();
  const answer = { token: invitation, name: 'Olu Owner', password: PASSWORD, repeated: PASSWORD };
  expect((await open('/invitation', answer)).headers.get('location')).toBe('/enrolment');
  const page = await (await open('/enrolment')).text();
  const secret = /Key: <code>([A-Z2-7 ]+)</.exec(page)?.[1]?.replaceAll(' ', '') ?? '';
  expect((await open('/enrolment', { code: codeOf(secret, new Date()) })).status).toBe(200);
  return open;
}

/** Names in the database, for its master user: what is stored, without the app. */
async function rowsOfMaster(password: string): Promise<number> {
  const client = new Client({
    host: database.Endpoint?.Address,
    port: database.Endpoint?.Port,
    user: 'practice_admin',
    password,
    database: 'practice',
    ssl: { ca: readFileSync(plane.certificatePath, 'utf8') },
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query('SELECT FROM client')).rows.length;
  } finally {
    await client.end();
  }
}

test('a practice whose key is disabled gives rows neither by its app nor by its database, until it is enabled', async () => {
  const { SecretString = '' } = await clients.secrets.send(
    new GetSecretValueCommand({ SecretId: database.MasterUserSecret?.SecretArn }),
  );
  const { password } = JSON.parse(SecretString) as { password: string };
  const open = await becomeOwner();
  const added = await open('/api/clients', { name: 'Ada Okafor', dateOfBirth: '2019-04-30' });
  const { id } = (await added.json()) as { id: string };
  const read = () => open(`/api/clients/${id}`);
  expect(await (await read()).json()).toMatchObject({ name: 'Ada Okafor', dateOfBirth: '2019-04-30' });
  expect(await rowsOfMaster(password)).toBe(1);

  await clients.kms.send(new DisableKeyCommand({ KeyId: keyArn }));
  const unread = await read();
  expect([unread.status, await unread.text()]).toEqual([503, expect.not.stringContaining('Okafor')]);
  const inaccessible = 'inaccessible-encryption-credentials-recoverable';
  await eventually(
    () => describeDatabase(inaccessible),
    () => lines.join('\n'),
  );
  await expect(rowsOfMaster(password)).rejects.toThrow(/not available/);
  expect((await read()).status).toBe(503);
  // An answer is good for a second.
  await eventually(
    async () => (await ask(`${url}/readyz`)).status === 503 || undefined,
    () => 'The app still calls itself ready.',
  );
  expect((await ask(`${url}/healthz`)).status).toBe(200);

  await clients.kms.send(new EnableKeyCommand({ KeyId: keyArn }));
  await startDatabase();
  await eventually(
    () => describeDatabase('available'),
    () => lines.join('\n'),
  );
  const again = await read();
  expect([again.status, await again.json()]).toEqual([200, expect.objectContaining({ name: 'Ada Okafor' })]);
  expect(lines.join('\n')).not.toMatch(/Okafor|2019-04-30/);
});
