import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BackupClient, CreateBackupVaultCommand, ListBackupVaultsCommand } from '@aws-sdk/client-backup';
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { CreateSubnetCommand, CreateVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { CreateKeyCommand, KMSClient } from '@aws-sdk/client-kms';
import {
  CreateDBInstanceCommand,
  CreateDBParameterGroupCommand,
  CreateDBSubnetGroupCommand,
  DescribeDBInstancesCommand,
  DescribeDBSnapshotsCommand,
  RDSClient,
} from '@aws-sdk/client-rds';
import {
  CreateBucketCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { sandboxDefaults } from '../../lib/config.ts';
import type { CloudPorts } from '../../lib/ports/cloud.ts';
import type { SiloRemoval, SnapshotFacts } from '../../lib/ports/silo-removal.ts';
import { type Sandbox, startSandbox } from '../../lib/sandbox/server.ts';
import { eventually } from '../builders/process.ts';
import { sandboxPorts } from '../builders/sandbox-cell.ts';
import { callsMade, control } from '../builders/sandbox-controls.ts';

const accountId = sandboxDefaults.credentials.accessKeyId;
const Tags = [{ Key: 'lumenality:practice', Value: 'sunrise' }];

let sandbox: Sandbox;
let directory: string;
let ports: CloudPorts;
let removal: SiloRemoval;
let aws: ReturnType<typeof clients>;

function clients(endpoint: string) {
  const { region, credentials } = sandboxDefaults;
  const settings = { region, endpoint, credentials, maxAttempts: 1 };
  return {
    backup: new BackupClient(settings),
    ec2: new EC2Client(settings),
    iam: new IAMClient(settings),
    kms: new KMSClient(settings),
    logs: new CloudWatchLogsClient(settings),
    rds: new RDSClient(settings),
    s3: new S3Client({ ...settings, forcePathStyle: true }),
  };
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'lumenality-removal-'));
  sandbox = await startSandbox({ port: 0, directory, dataPlane: false, log: () => undefined });
  ports = sandboxPorts(sandbox.endpoint);
  removal = ports.removal('sunrise');
  aws = clients(sandbox.endpoint);
  // As the cell's stack has it: for a session that is tagged with a practice, and for no other.
  const Statement = [
    {
      Effect: 'Allow',
      Principal: { AWS: accountId },
      Action: ['sts:AssumeRole', 'sts:TagSession'],
      Condition: { StringEquals: { 'aws:RequestTag/lumenality:practice': 'sunrise' } },
    },
  ];
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  const role = { Path: '/lumenality-cell/', RoleName: 'retire' };
  await aws.iam.send(new CreateRoleCommand({ ...role, AssumeRolePolicyDocument }));
});
afterAll(async () => {
  for (const client of Object.values(aws)) client.destroy();
  ports.close();
  await sandbox.stop();
  rmSync(directory, { recursive: true, force: true });
});

const newKey = async (): Promise<string> => {
  const { KeyMetadata } = await aws.kms.send(new CreateKeyCommand({}));
  return KeyMetadata?.Arn ?? '';
};

const advance = (days: number) => control(sandbox.endpoint, 'PUT', 'clock', { advanceDays: days });

const called = async (): Promise<string[]> => Object.keys(await callsMade(sandbox.endpoint));

describe('the database of a practice that leaves', () => {
  let keyArn: string;
  const groups = { DBSubnetGroupName: 'sunrise-subnets', DBParameterGroupName: 'sunrise-parameters' };
  const database = 'sunrise-database';

  const instance = async () => {
    const { DBInstances = [] } = await aws.rds.send(
      new DescribeDBInstancesCommand({ DBInstanceIdentifier: database }),
    );
    return DBInstances[0];
  };
  const taken = (snapshotId: string): Promise<SnapshotFacts> =>
    eventually(
      async () => {
        const found = await removal.snapshot(snapshotId);
        return found?.status === 'available' ? found : undefined;
      },
      () => `${snapshotId} is not available`,
    );

  beforeAll(async () => {
    keyArn = await newKey();
    const { Vpc } = await aws.ec2.send(new CreateVpcCommand({ CidrBlock: '10.0.0.0/16' }));
    const subnets = await Promise.all(
      ['a', 'b'].map(async (zone, place) => {
        const at = { AvailabilityZone: `us-east-1${zone}`, CidrBlock: `10.0.${place}.0/24` };
        const { Subnet } = await aws.ec2.send(new CreateSubnetCommand({ VpcId: Vpc?.VpcId, ...at }));
        return Subnet?.SubnetId ?? '';
      }),
    );
    const { DBSubnetGroupName, DBParameterGroupName } = groups;
    await aws.rds.send(
      new CreateDBSubnetGroupCommand({
        DBSubnetGroupName,
        DBSubnetGroupDescription: 'x',
        SubnetIds: subnets,
        Tags,
      }),
    );
    const family = { DBParameterGroupFamily: 'postgres18', Description: 'x', Tags };
    await aws.rds.send(new CreateDBParameterGroupCommand({ DBParameterGroupName, ...family }));
    await make();
  });

  /** The same name every time; to RDS each is another instance. */
  const make = async (): Promise<void> => {
    await aws.rds.send(
      new CreateDBInstanceCommand({
        DBInstanceIdentifier: database,
        DBInstanceClass: 'db.t4g.micro',
        Engine: 'postgres',
        EngineVersion: '18',
        MasterUsername: 'practice_admin',
        ManageMasterUserPassword: true,
        AllocatedStorage: 20,
        StorageType: 'gp3',
        StorageEncrypted: true,
        KmsKeyId: keyArn,
        DeletionProtection: true,
        ...groups,
        Tags,
      }),
    );
    await eventually(
      async () => ((await instance())?.DBInstanceStatus === 'available' ? true : undefined),
      () => 'the database is not there',
    );
  };

  /** None, one under another key, and somebody else's. */
  const expectRefusals = async (): Promise<void> => {
    await removal.beginFinalSnapshot({ databaseInstanceId: database, snapshotId: 'other-key' });
    await taken('other-key');
    for (const [finalSnapshotId, key, why] of [
      ['nowhere', keyArn, /there is no snapshot nowhere/],
      ['other-key', 'arn:aws:kms:us-east-1:000000000000:key/other', /not encrypted with the practice's key/],
    ] as const) {
      const farewell = { finalSnapshotId, keyArn: key };
      await expect(removal.removeDatabase(database, farewell)).rejects.toMatchObject({
        code: 'conflict',
        publicMessage: expect.stringMatching(why) as string,
      });
    }
    await expect(
      removal.beginFinalSnapshot({ databaseInstanceId: 'somebody-elses', snapshotId: 'other-key' }),
    ).rejects.toMatchObject({ publicMessage: expect.stringMatching(/somebody-elses|other-key/) as string });
    expect(await instance()).toMatchObject({ DBInstanceStatus: 'available', DeletionProtection: true });
    await removal.removeSnapshot('other-key');
    expect(await removal.snapshot('other-key')).toBeUndefined();
  };

  test('is not touched before its final snapshot was read back; then it goes with its groups, and the snapshot stays', async () => {
    await expectRefusals();
    const snapshotId = 'lumenality-sunrise-final';
    const begin = () => removal.beginFinalSnapshot({ databaseInstanceId: database, snapshotId });
    await begin();
    await begin();
    const kept = await taken(snapshotId);
    expect(kept).toMatchObject({
      databaseInstanceId: database,
      encrypted: true,
      keyArn,
      allocatedGib: 20,
      percentProgress: 100,
    });
    const { DBSnapshots = [] } = await aws.rds.send(
      new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier: snapshotId }),
    );
    expect(DBSnapshots[0]?.TagList).toEqual(expect.arrayContaining(Tags));

    const remove = () => removal.removeDatabase(database, { finalSnapshotId: snapshotId, keyArn });
    await remove();
    await remove();
    await eventually(
      async () => ((await ports.silo.databaseExists(database)) ? undefined : true),
      () => 'the database is still there',
    );
    await remove();

    await make();
    await expect(remove()).rejects.toMatchObject({
      code: 'conflict',
      publicMessage: expect.stringMatching(/another instance that had the name sunrise-database/) as string,
    });
    expect(await instance()).toMatchObject({ DBInstanceStatus: 'available', DeletionProtection: true });
    await removal.removeDatabase(database, { finalSnapshot: false, reason: 'nobody has used it' });
    await eventually(
      async () => ((await ports.silo.databaseExists(database)) ? undefined : true),
      () => 'the second database is still there',
    );
    for (let times = 0; times < 2; times += 1) {
      await removal.removeDatabaseSubnetGroup(groups.DBSubnetGroupName);
      await removal.removeDatabaseParameterGroup(groups.DBParameterGroupName);
    }
    expect(await removal.snapshot(snapshotId)).toMatchObject({ status: 'available' });
  });
});

test('a key is on its way for thirty days, comes back able to work, and once gone is gone', async () => {
  const keyArn = await newKey();
  const first = await removal.scheduleKeyDeletion(keyArn);
  expect(await removal.scheduleKeyDeletion(keyArn)).toEqual(first);
  expect(await removal.keyLife(keyArn)).toEqual({
    arn: keyArn,
    state: 'PendingDeletion',
    deletionAt: first.toISOString(),
  });
  for (let times = 0; times < 2; times += 1) await removal.cancelKeyDeletion(keyArn);
  expect(await removal.keyLife(keyArn)).toEqual({ arn: keyArn, state: 'Enabled', deletionAt: null });

  await removal.scheduleKeyDeletion(keyArn);
  await advance(31);
  expect(await removal.keyLife(keyArn)).toBeUndefined();
  await expect(removal.cancelKeyDeletion(keyArn)).rejects.toMatchObject({ code: 'wrong_state' });
});

test('a bucket is emptied by S3 itself and then removed; nobody asks what is in it', async () => {
  const Bucket = 'lumenality-sunrise-foundation-bucket';
  await aws.s3.send(new CreateBucketCommand({ Bucket }));
  await aws.s3.send(
    new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } }),
  );
  for (const Body of ['first', 'second'])
    await aws.s3.send(new PutObjectCommand({ Bucket, Key: 'documents/1', Body }));
  expect(await removal.removeBucket(Bucket)).toBe('not-empty');
  for (let times = 0; times < 2; times += 1) await removal.letBucketExpire(Bucket);
  expect(await removal.removeBucket(Bucket)).toBe('not-empty');
  await advance(3);
  for (let times = 0; times < 2; times += 1) expect(await removal.removeBucket(Bucket)).toBe('gone');
  expect((await called()).filter((name) => /s3:(List|GetObject|HeadObject)/.test(name))).toEqual([]);
});

test('a log group and an empty vault go, and what is gone already is no error', async () => {
  const logGroupName = '/lumenality/sunrise/app';
  const BackupVaultName = 'lumenality-sunrise-data';
  await aws.logs.send(new CreateLogGroupCommand({ logGroupName }));
  await aws.backup.send(new CreateBackupVaultCommand({ BackupVaultName, BackupVaultTags: {} }));
  for (let times = 0; times < 2; times += 1) {
    await removal.removeLogGroup(logGroupName);
    expect(await removal.removeBackupVault(BackupVaultName)).toBe('gone');
  }
  const { BackupVaultList = [] } = await aws.backup.send(new ListBackupVaultsCommand({}));
  expect(BackupVaultList.map((vault) => vault.BackupVaultName)).not.toContain(BackupVaultName);
});

test('every change is made in a session of the practice’s own: another practice gets none', async () => {
  const keyArn = await newKey();
  await expect(ports.removal('harbor').scheduleKeyDeletion(keyArn)).rejects.toMatchObject({
    code: 'cloud_failure',
    publicMessage: expect.stringContaining('sts:AssumeRole') as string,
  });
  expect(await removal.keyLife(keyArn)).toMatchObject({ state: 'Enabled' });
});
