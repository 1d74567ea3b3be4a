import {
  BackupClient,
  CreateBackupVaultCommand,
  DeleteBackupVaultCommand,
  DeleteRecoveryPointCommand,
  DescribeBackupJobCommand,
  DescribeBackupVaultCommand,
  DescribeRecoveryPointCommand,
  ListProtectedResourcesCommand,
  ListRecoveryPointsByBackupVaultCommand,
  PutBackupVaultLockConfigurationCommand,
  StartBackupJobCommand,
} from '@aws-sdk/client-backup';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { type DBInstance, DeleteDBSnapshotCommand, DescribeDBSnapshotsCommand } from '@aws-sdk/client-rds';
import { day, eventually, refusal } from './fixtures/services-data-cloud.ts';
import { RdsSite } from './fixtures/services-data-rds.ts';

describe('AWS Backup of a database, in the sandbox', () => {
  const site = new RdsSite();
  let backup: BackupClient;
  let IamRoleArn: string;
  let instance: DBInstance;

  beforeAll(async () => {
    await site.start();
    const options = site.cloud.options();
    backup = new BackupClient(options);
    const trust = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'backup.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    };
    const role = { RoleName: 'backup', AssumeRolePolicyDocument: JSON.stringify(trust) };
    IamRoleArn = (await new IAMClient(options).send(new CreateRoleCommand(role))).Role?.Arn ?? '';
    instance = await site.create();
  });
  afterAll(() => site.cloud.stop());
  beforeEach(() => {
    site.cloud.later = 0;
  });

  const newVault = (BackupVaultName: string) =>
    backup.send(new CreateBackupVaultCommand({ BackupVaultName, EncryptionKeyArn: site.KmsKeyId }));
  const start = async (BackupVaultName: string, days?: number, ResourceArn = instance.DBInstanceArn) => {
    const Lifecycle = days === undefined ? undefined : { DeleteAfterDays: days };
    const { BackupJobId } = await backup.send(
      new StartBackupJobCommand({ BackupVaultName, ResourceArn, IamRoleArn, Lifecycle }),
    );
    return eventually(
      () => backup.send(new DescribeBackupJobCommand({ BackupJobId })),
      ({ State }) => State !== 'RUNNING',
    );
  };
  const points = async (BackupVaultName: string) =>
    (await backup.send(new ListRecoveryPointsByBackupVaultCommand({ BackupVaultName }))).RecoveryPoints;
  /** Those that a vault keeps: what is left of a backup that failed tells its job's end, whichever test made it. */
  const snapshots = async () =>
    (
      await site.clients.rds.send(new DescribeDBSnapshotsCommand({ SnapshotType: 'awsbackup' }))
    ).DBSnapshots?.filter(({ Status }) => Status !== 'failed');

  test('a backup is a snapshot that only the vault lets go', async () => {
    await newVault('open');
    const job = await start('open', 35);
    expect(job).toMatchObject({ State: 'COMPLETED', ResourceType: 'RDS' });
    const RecoveryPointArn = job.RecoveryPointArn ?? '';
    expect([...site.plane.copies]).toEqual([RecoveryPointArn]);
    expect(await points('open')).toMatchObject([
      {
        RecoveryPointArn,
        Status: 'COMPLETED',
        ResourceArn: instance.DBInstanceArn,
        EncryptionKeyArn: site.KmsKeyId,
      },
    ]);
    expect((await backup.send(new ListProtectedResourcesCommand({}))).Results).toMatchObject([
      { ResourceArn: instance.DBInstanceArn, LastRecoveryPointArn: RecoveryPointArn },
    ]);
    const [snapshot] = (await snapshots()) ?? [];
    const { DBSnapshotIdentifier } = snapshot ?? {};
    expect(
      (await refusal(site.clients.rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier })))).message,
    ).toContain('belongs to AWS Backup');
    const removal = new DeleteBackupVaultCommand({ BackupVaultName: 'open' });
    expect((await refusal(backup.send(removal))).message).toContain('contains recovery points');
    await backup.send(new DeleteRecoveryPointCommand({ BackupVaultName: 'open', RecoveryPointArn }));
    expect([await points('open'), await snapshots()]).toEqual([[], []]);
    expect(site.plane.copies.size).toBe(0);
    await backup.send(removal);
  });

  test('a locked vault keeps its backups until their time is over, and takes none for less', async () => {
    const BackupVaultName = 'locked';
    await newVault(BackupVaultName);
    await backup.send(
      new PutBackupVaultLockConfigurationCommand({
        BackupVaultName,
        MinRetentionDays: 35,
        ChangeableForDays: 3,
      }),
    );
    expect(await start(BackupVaultName, 34)).toMatchObject({
      State: 'FAILED',
      StatusMessage: expect.stringContaining('34 days is outside'),
    });
    const { RecoveryPointArn = '' } = await start(BackupVaultName, 35);
    site.cloud.later = 34 * day;
    const remove = new DeleteRecoveryPointCommand({ BackupVaultName, RecoveryPointArn });
    expect((await refusal(backup.send(remove))).message).toContain('is locked');
    site.cloud.later = 36 * day;
    expect(await points(BackupVaultName)).toEqual([]);
    const vault = await backup.send(new DescribeBackupVaultCommand({ BackupVaultName }));
    expect(vault).toMatchObject({ Locked: true, NumberOfRecoveryPoints: 0 });
    expect(await snapshots()).toEqual([]);
  });

  test('what cannot be backed up is refused, and a copy that fails leaves nothing', async () => {
    await newVault('failing');
    const bucket = start('failing', 35, 'arn:aws:s3:::maple');
    expect((await refusal(bucket)).message).toContain('databases of Amazon RDS only');
    const nobody = start('failing', 35, 'arn:aws:rds:us-east-1:111122223333:db:nobody');
    expect((await refusal(nobody)).name).toBe('InvalidParameterValueException');
    site.plane.failure = new Error('The disk is full.');
    const job = await start('failing', 35);
    site.plane.failure = undefined;
    expect(job.State).toBe('FAILED');
    expect(await points('failing')).toEqual([]);
    const again = await backup.send(new DescribeBackupJobCommand({ BackupJobId: job.BackupJobId }));
    expect(again.State).toBe('FAILED');
    const { RecoveryPointArn = '' } = job;
    const asked = new DescribeRecoveryPointCommand({ BackupVaultName: 'failing', RecoveryPointArn });
    expect((await refusal(backup.send(asked))).name).toBe('ResourceNotFoundException');
  });
});
