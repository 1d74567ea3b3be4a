import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import {
  CreateDBSnapshotCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { Client } from 'pg';
import { deployCell } from '../../bin/embedded-cell.ts';
import { readConfig, sandboxDefaults } from '../../lib/config.ts';
import { cellStacks } from '../../stacks/cell/cell-app.ts';
import { type Component, synthesise, synthesiseStacks } from '../../stacks/release/synthesis.ts';
import { parametersForShape } from '../../tenant-template/shapes.ts';
import { eventually, type Started } from '../builders/process.ts';
import { startSandboxProcess } from '../builders/sandbox-cloud.ts';

const directory = mkdtempSync(join(tmpdir(), 'lumenality-restore-'));
const { templates } = synthesise();
const practice = 'restored-practice';

let sandbox: Started;
let endpoint: string;
const options = () => ({
  endpoint,
  region: sandboxDefaults.region,
  credentials: sandboxDefaults.credentials,
});
let cloud: CloudFormationClient;
let rds: RDSClient;
let secrets: SecretsManagerClient;
const clients: Array<{ destroy(): void }> = [];

type Outputs = Readonly<Record<string, string>>;

/** Deploys one shipped template; answers its outputs. */
async function deploy(component: Component, StackName: string, values: Outputs): Promise<Outputs> {
  const { body, template } = templates[component];
  await cloud.send(
    new CreateStackCommand({
      StackName,
      TemplateBody: body,
      Parameters: Object.keys(template.Parameters ?? {}).flatMap((ParameterKey) => {
        const ParameterValue = values[ParameterKey];
        return ParameterValue === undefined ? [] : [{ ParameterKey, ParameterValue }];
      }),
      Capabilities: ['CAPABILITY_NAMED_IAM'],
      Tags: [{ Key: 'lumenality:practice', Value: practice }],
    }),
  );
  const stack = await eventually(
    async () => {
      const { Stacks } = await cloud.send(new DescribeStacksCommand({ StackName }));
      return Stacks?.[0]?.StackStatus === 'CREATE_IN_PROGRESS' ? undefined : Stacks?.[0];
    },
    () => `${StackName} is still being made`,
  );
  if (stack.StackStatus !== 'CREATE_COMPLETE') {
    const { StackEvents = [] } = await cloud.send(new DescribeStackEventsCommand({ StackName }));
    throw new Error(StackEvents.map(({ ResourceStatusReason }) => ResourceStatusReason).join('\n'));
  }
  return Object.fromEntries(
    (stack.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
  );
}

/** Asks a database as its master user, over TLS. */
async function ask(data: Outputs, sql: string): Promise<readonly object[]> {
  const { SecretString = '' } = await secrets.send(
    new GetSecretValueCommand({ SecretId: data['DatabaseSecretArn'] }),
  );
  const { username, password } = JSON.parse(SecretString) as { username: string; password: string };
  const client = new Client({
    host: data['DatabaseEndpoint'] ?? '',
    port: Number(data['DatabasePort']),
    user: username,
    password,
    database: data['DatabaseName'] ?? '',
    ssl: { ca: readFileSync(join(directory, 'sandbox', 'ca', 'authority.pem'), 'utf8') },
  });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query<object>(sql)).rows;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  const started = await startSandboxProcess(join(directory, 'sandbox'));
  sandbox = started.sandbox;
  endpoint = await started.endpoint;
  const cell = synthesiseStacks((outdir) => cellStacks({ outdir }));
  for (const [name, { body }] of Object.entries(cell.templates))
    writeFileSync(join(directory, `${name}.template.json`), body);
  await deployCell(endpoint, directory, readConfig({}).cell);
  cloud = new CloudFormationClient(options());
  rds = new RDSClient(options());
  secrets = new SecretsManagerClient(options());
  clients.push(cloud, rds, secrets);
});

afterAll(async () => {
  // Of a beforeAll that failed, only the sandbox may be there.
  for (const client of clients) client.destroy();
  sandbox.child.kill('SIGTERM');
  await sandbox.ended;
  rmSync(directory, { recursive: true, force: true });
});

test('a restore is a second data stack: same rows, same key, a vault and a password of its own', async () => {
  const standing = {
    ...parametersForShape('solo'),
    PracticeId: practice,
    HostName: `${practice}.practices.localhost`,
    HostedZoneId: sandboxDefaults.hostedZoneId,
  };
  const foundation = await deploy('foundation', `lumenality-${practice}-foundation`, standing);
  const given = { ...standing, ...foundation };
  const first = await deploy('data', `lumenality-${practice}-data`, given);
  await ask(first, "create table visit (note text); insert into visit values ('before the mistake')");

  const DBSnapshotIdentifier = 'before-the-mistake';
  await rds.send(
    new CreateDBSnapshotCommand({ DBSnapshotIdentifier, DBInstanceIdentifier: first['DatabaseInstanceId'] }),
  );
  await eventually(
    async () => {
      const { DBSnapshots } = await rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }));
      return DBSnapshots?.[0]?.Status === 'available' ? true : undefined;
    },
    () => 'the snapshot is not available',
  );
  await ask(first, "update visit set note = 'the mistake'");

  const second = await deploy('data', `lumenality-${practice}-data-restored`, {
    ...given,
    SnapshotIdentifier: DBSnapshotIdentifier,
  });

  expect(await ask(second, 'select note from visit')).toEqual([{ note: 'before the mistake' }]);
  expect(await ask(first, 'select note from visit')).toEqual([{ note: 'the mistake' }]);
  for (const own of ['DatabaseInstanceId', 'DatabaseResourceId', 'DatabaseSecretArn', 'BackupVaultName'])
    expect(second[own]).not.toBe(first[own]);
  expect(second['DatabaseName']).toBe(first['DatabaseName']);
  const { DBInstances } = await rds.send(
    new DescribeDBInstancesCommand({ DBInstanceIdentifier: second['DatabaseInstanceId'] }),
  );
  expect(DBInstances?.[0]).toMatchObject({
    StorageEncrypted: true,
    KmsKeyId: foundation['KeyArn'],
    MasterUsername: 'practice_admin',
    BackupRetentionPeriod: 35,
    IAMDatabaseAuthenticationEnabled: true,
    DeletionProtection: true,
    MonitoringInterval: 60,
    PreferredMaintenanceWindow: 'sun:07:00-sun:08:00',
  });
});
