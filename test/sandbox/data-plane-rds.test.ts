/** RDS and its engines together: what a practice's app and an auditor of its database rely on. */
import { readFileSync } from 'node:fs';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateDBInstanceCommand,
  CreateDBSnapshotCommand,
  CreateDBSubnetGroupCommand,
  type DBInstance,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { GetSecretValueCommand } from '@aws-sdk/client-secrets-manager';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { Signer } from '@aws-sdk/rds-signer';
import { Client } from 'pg';
import { createDataPlane, type OpenedDataPlane } from '../../lib/sandbox/data-plane/index.ts';
import { builtEntry } from '../builders/built-entries.ts';
import { databaseTemplate } from './fixtures/database-template.ts';
import { type Clients, eventually, newKey, newNetwork, TestCloud } from './fixtures/services-data-cloud.ts';

const accountId = '111122223333';

describe('a database on RDS', () => {
  let plane: OpenedDataPlane;
  const cloud = new TestCloud(async (parts) => {
    const databaseProcess = await builtEntry('lib/sandbox/data-plane/database-process');
    plane = await createDataPlane({ ...parts, databaseProcess, databaseTemplate, databaseIdleMs: 60_000 });
    return plane;
  });
  let clients: Clients;
  let KmsKeyId: string;
  const open: Client[] = [];

  beforeAll(async () => {
    await cloud.start();
    clients = cloud.clients(accountId);
    KmsKeyId = await newKey(clients);
    const { subnetIds: SubnetIds } = await newNetwork(clients);
    const group = { DBSubnetGroupName: 'isolated', DBSubnetGroupDescription: 'isolated', SubnetIds };
    await clients.rds.send(new CreateDBSubnetGroupCommand(group));
  });
  afterAll(async () => {
    for (const client of open) await client.end().catch(() => {});
    await cloud.stop();
  });

  const reaches = (DBInstanceIdentifier: string, status: string) =>
    eventually(
      async () => {
        const ask = new DescribeDBInstancesCommand({ DBInstanceIdentifier });
        return (await clients.rds.send(ask)).DBInstances?.[0] ?? {};
      },
      ({ DBInstanceStatus }) => DBInstanceStatus === status,
    );
  async function connect({ Endpoint }: DBInstance, user: string, password: string): Promise<Client> {
    const host = Endpoint?.Address ?? '';
    const ssl = { ca: readFileSync(plane.certificatePath, 'utf8'), host };
    const client = new Client({ host, port: Endpoint?.Port ?? 0, database: 'practice', user, password, ssl });
    client.on('error', () => {});
    await client.connect();
    open.push(client);
    return client;
  }
  async function connectAsMaster(instance: DBInstance): Promise<Client> {
    const SecretId = instance.MasterUserSecret?.SecretArn ?? '';
    const { SecretString = '' } = await clients.secrets.send(new GetSecretValueCommand({ SecretId }));
    const { username, password } = JSON.parse(SecretString) as { username: string; password: string };
    return connect(instance, username, password);
  }
  async function keysOfTask(DbiResourceId = '') {
    const options = {
      region: 'us-east-1',
      endpoint: cloud.sandbox.endpoint,
      credentials: { accessKeyId: accountId, secretAccessKey: 'any' },
    };
    const document = (statement: object) =>
      JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', ...statement }] });
    const iam = new IAMClient(options);
    const { Role } = await iam.send(
      new CreateRoleCommand({
        RoleName: 'task',
        AssumeRolePolicyDocument: document({ Principal: '*', Action: 'sts:AssumeRole' }),
      }),
    );
    const Resource = `arn:aws:rds-db:us-east-1:${accountId}:dbuser:${DbiResourceId}/practice_app`;
    const PolicyDocument = document({ Action: 'rds-db:connect', Resource });
    await iam.send(new PutRolePolicyCommand({ RoleName: 'task', PolicyName: 'database', PolicyDocument }));
    const assume = new AssumeRoleCommand({ RoleArn: Role?.Arn ?? '', RoleSessionName: 'one' });
    const { Credentials } = await new STSClient(options).send(assume);
    return {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    };
  }

  test('serves the app’s own role by token, nobody without the key, and its rows again from a snapshot', async () => {
    await clients.rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: 'sunrise',
        DBInstanceClass: 'db.t4g.micro',
        Engine: 'postgres',
        AllocatedStorage: 20,
        DBName: 'practice',
        MasterUsername: 'practice_admin',
        ManageMasterUserPassword: true,
        StorageEncrypted: true,
        KmsKeyId,
        DBSubnetGroupName: 'isolated',
        EnableIAMDatabaseAuthentication: true,
      }),
    );
    const instance = await reaches('sunrise', 'available');
    const master = await connectAsMaster(instance);
    await master.query(`
      CREATE TABLE note (body text); INSERT INTO note VALUES ('of monday');
      CREATE TABLE audit (line text);
      CREATE ROLE practice_app LOGIN; GRANT rds_iam TO practice_app; GRANT SELECT ON note TO practice_app`);

    const credentials = await keysOfTask(instance.DbiResourceId);
    const tokenFor = ({ Endpoint }: DBInstance) =>
      new Signer({
        region: 'us-east-1',
        hostname: Endpoint?.Address ?? '',
        port: Endpoint?.Port ?? 0,
        username: 'practice_app',
        credentials,
      }).getAuthToken();
    const app = await connect(instance, 'practice_app', await tokenFor(instance));
    expect((await app.query('SELECT body FROM note')).rows).toEqual([{ body: 'of monday' }]);
    await expect(app.query('SELECT * FROM audit')).rejects.toMatchObject({ code: '42501' });
    await expect(connect(instance, 'practice_admin', await tokenFor(instance))).rejects.toMatchObject({
      code: '28P01',
    });

    // The engine runs and a transaction is open: what it has not committed is not in the snapshot.
    await master.query("BEGIN; INSERT INTO note VALUES ('of tuesday')");
    const snapshot = { DBSnapshotIdentifier: 'monday' };
    await clients.rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier: 'sunrise', ...snapshot }));
    await eventually(
      () => clients.rds.send(new DescribeDBSnapshotsCommand(snapshot)),
      ({ DBSnapshots }) => DBSnapshots?.[0]?.Status === 'available',
    );
    await master.query('COMMIT');

    const ended = Promise.all([app, master].map((client) => new Promise((end) => client.once('end', end))));
    await clients.kms.send(new DisableKeyCommand({ KeyId: KmsKeyId }));
    await ended;
    await reaches('sunrise', 'inaccessible-encryption-credentials-recoverable');
    await expect(connect(instance, 'practice_app', await tokenFor(instance))).rejects.toMatchObject({
      code: '57P03',
      message: expect.stringContaining('KMSKeyNotAccessibleFault'),
    });
    const restore = new RestoreDBInstanceFromDBSnapshotCommand({
      ...snapshot,
      DBInstanceIdentifier: 'restored',
      DBSubnetGroupName: 'isolated',
      ManageMasterUserPassword: true,
    });
    await expect(clients.rds.send(restore)).rejects.toMatchObject({ name: 'KMSKeyNotAccessibleFault' });

    await clients.kms.send(new EnableKeyCommand({ KeyId: KmsKeyId }));
    await reaches('sunrise', 'available');
    await clients.rds.send(restore);
    const restored = await connectAsMaster(await reaches('restored', 'available'));
    expect((await restored.query('SELECT body FROM note')).rows).toEqual([{ body: 'of monday' }]);
  });
});
