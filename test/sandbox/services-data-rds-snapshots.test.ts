import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateDBSnapshotCommand,
  DeleteDBInstanceCommand,
  DeleteDBSnapshotCommand,
  DescribeDBSnapshotsCommand,
  ListTagsForResourceCommand,
  RestoreDBInstanceFromDBSnapshotCommand,
} from '@aws-sdk/client-rds';
import { askControl } from './cloudformation-fixture.ts';
import {
  type Clients,
  createResource,
  eventually,
  handlerOf,
  newKey,
  refusal,
  resourceContext,
} from './fixtures/services-data-cloud.ts';
import { RdsSite } from './fixtures/services-data-rds.ts';

describe('DB snapshots', () => {
  const rds = new RdsSite();
  const { plane, cloud, describeInstance, reaches, create, secretOf } = rds;
  let clients: Clients;

  beforeAll(async () => {
    await rds.start();
    ({ clients } = rds);
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    plane.failure = undefined;
  });

  const snapshotNamed = async (DBSnapshotIdentifier: string) => {
    const { DBSnapshots } = await clients.rds.send(new DescribeDBSnapshotsCommand({ DBSnapshotIdentifier }));
    return DBSnapshots?.[0];
  };
  const complete = (id: string) =>
    eventually(
      () => snapshotNamed(id),
      (snapshot) => snapshot?.Status === 'available',
    );
  async function takeSnapshot(DBInstanceIdentifier: string, DBSnapshotIdentifier: string) {
    await clients.rds.send(new CreateDBSnapshotCommand({ DBInstanceIdentifier, DBSnapshotIdentifier }));
    return complete(DBSnapshotIdentifier);
  }
  const restore = (DBSnapshotIdentifier: string, DBInstanceIdentifier: string, options: object = {}) =>
    clients.rds.send(
      new RestoreDBInstanceFromDBSnapshotCommand({
        DBSnapshotIdentifier,
        DBInstanceIdentifier,
        DBSubnetGroupName: 'isolated',
        DBParameterGroupName: 'tls-only',
        ...options,
      }),
    );

  test('a snapshot keeps what its instance was, and outlives it', async () => {
    const instance = await create({
      CopyTagsToSnapshot: true,
      Tags: [{ Key: 'practice', Value: 'sunrise' }],
    });
    const id = instance.DBInstanceIdentifier ?? '';
    const snapshot = await takeSnapshot(id, 'outlives');
    expect(snapshot).toMatchObject({
      SnapshotType: 'manual',
      DBInstanceIdentifier: id,
      DbiResourceId: instance.DbiResourceId,
      Encrypted: true,
      KmsKeyId: rds.KmsKeyId,
      MasterUsername: 'practice_admin',
      PercentProgress: 100,
    });
    expect(plane.copies).toContain(snapshot?.DBSnapshotArn);
    const ResourceName = snapshot?.DBSnapshotArn ?? '';
    const { TagList } = await clients.rds.send(new ListTagsForResourceCommand({ ResourceName }));
    expect(TagList).toEqual([{ Key: 'practice', Value: 'sunrise' }]);
    const again = clients.rds.send(
      new CreateDBSnapshotCommand({ DBInstanceIdentifier: id, DBSnapshotIdentifier: 'outlives' }),
    );
    expect((await refusal(again)).name).toBe('DBSnapshotAlreadyExistsFault');

    const final = { DBInstanceIdentifier: id, FinalDBSnapshotIdentifier: 'final' };
    await clients.rds.send(new DeleteDBInstanceCommand(final));
    await eventually(
      () => describeInstance(id).catch(({ name }: Error) => ({ name })),
      (answer) => 'name' in answer,
    );
    expect(await complete('final')).toMatchObject({ DBInstanceIdentifier: id });
    const { DBSnapshots } = await clients.rds.send(
      new DescribeDBSnapshotsCommand({ DBInstanceIdentifier: id, SnapshotType: 'manual' }),
    );
    expect(DBSnapshots?.map(({ DBSnapshotIdentifier }) => DBSnapshotIdentifier)).toEqual([
      'final',
      'outlives',
    ]);

    await clients.rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier: 'outlives' }));
    expect(plane.copies).not.toContain(ResourceName);
    expect((await refusal(snapshotNamed('outlives'))).name).toBe('DBSnapshotNotFoundFault');
  });

  test('an instance that cannot get its final snapshot is kept', async () => {
    const { DBInstanceIdentifier = '', DBInstanceArn } = await create();
    plane.failure = new Error('The disk is full.');
    await clients.rds.send(
      new DeleteDBInstanceCommand({ DBInstanceIdentifier, FinalDBSnapshotIdentifier: 'never-made' }),
    );
    expect(await reaches(DBInstanceIdentifier, 'failed')).toMatchObject({
      StatusInfos: [{ Message: expect.stringMatching(/final snapshot never-made .* failed/) }],
    });
    expect(plane.erased).not.toContain(DBInstanceArn);
    plane.failure = undefined;
    await clients.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
    await eventually(
      () => Promise.resolve(plane.erased),
      (erased) => erased.includes(DBInstanceArn ?? ''),
    );
  });

  test('a stack that deletes its database keeps a snapshot of it, as is the default', async () => {
    const stackName = 'short-lived';
    const cloudFormation = new CloudFormationClient(cloud.options());
    const Properties = {
      Engine: 'postgres',
      DBInstanceClass: 'db.t4g.micro',
      AllocatedStorage: '20',
      DBSubnetGroupName: 'isolated',
      MasterUsername: 'practice_admin',
      ManageMasterUserPassword: true,
    };
    const TemplateBody = JSON.stringify({
      Resources: { Database: { Type: 'AWS::RDS::DBInstance', Properties } },
    });
    const { StackId } = await cloudFormation.send(
      new CreateStackCommand({ StackName: stackName, TemplateBody }),
    );
    const reachesStatus = (status: string) =>
      eventually(
        () => cloudFormation.send(new DescribeStacksCommand({ StackName: StackId })),
        ({ Stacks }) => Stacks?.[0]?.StackStatus === status,
      );
    await reachesStatus('CREATE_COMPLETE');
    await cloudFormation.send(new DeleteStackCommand({ StackName: stackName }));
    await reachesStatus('DELETE_COMPLETE');
    const { DBSnapshots = [] } = await clients.rds.send(new DescribeDBSnapshotsCommand({}));
    expect(DBSnapshots).toContainEqual(
      expect.objectContaining({
        DBSnapshotIdentifier: expect.stringMatching(/^short-lived-snapshot-database-[0-9a-f]{8}$/),
        Status: 'available',
      }),
    );
  });

  test('a restored instance has the old one’s data, user and key, and a password of its own', async () => {
    const KmsKeyId = await newKey(clients);
    const source = await create({ KmsKeyId, AllocatedStorage: 30 });
    const sourceKey = await plane.open.get(source.DBInstanceArn ?? '')?.storageKey();
    const snapshot = await takeSnapshot(source.DBInstanceIdentifier ?? '', 'source');
    await restore('source', 'restored', { ManageMasterUserPassword: true });
    const restored = await reaches('restored', 'available');
    expect(restored).toMatchObject({
      KmsKeyId,
      AllocatedStorage: 30,
      DBName: 'practice',
      MasterUsername: 'practice_admin',
      EngineVersion: source.EngineVersion,
    });
    expect(restored.DbiResourceId).not.toBe(source.DbiResourceId);
    const spec = plane.open.get(restored.DBInstanceArn ?? '');
    expect(spec?.restoreFrom).toBe(snapshot?.DBSnapshotArn);
    expect(await spec?.storageKey()).toEqual(sourceKey);
    const [before, after] = [source, restored].map(({ MasterUserSecret }) => MasterUserSecret?.SecretArn);
    expect((await secretOf(after)).password).not.toBe((await secretOf(before)).password);

    await clients.kms.send(new DisableKeyCommand({ KeyId: KmsKeyId }));
    expect(await refusal(restore('source', 'locked-out'))).toMatchObject({
      name: 'KMSKeyNotAccessibleFault',
      message: expect.stringContaining(KmsKeyId),
    });
    const other = { DBInstanceIdentifier: source.DBInstanceIdentifier, DBSnapshotIdentifier: 'locked' };
    expect((await refusal(clients.rds.send(new CreateDBSnapshotCommand(other)))).name).toBe(
      'InvalidDBInstanceStateFault',
    );
    await clients.kms.send(new EnableKeyCommand({ KeyId: KmsKeyId }));
  });

  test.each<[string, object, RegExp]>([
    ['less storage than the snapshot has', { AllocatedStorage: 20 }, /less than the snapshot's \(40 GiB\)/],
    ['a database name', { DBName: 'other' }, /DBName cannot be specified/],
    ['an unknown snapshot', { DBSnapshotIdentifier: 'nobody' }, /DBSnapshot not found: nobody/],
  ])('a restore with %s is refused', async (_case, options, message) => {
    const name = `refused-${Object.keys(options)[0]?.toLowerCase()}`;
    const { DBInstanceIdentifier = '' } = await create({ AllocatedStorage: 40 });
    await takeSnapshot(DBInstanceIdentifier, name);
    expect((await refusal(restore(name, 'not-made', options))).message).toMatch(message);
  });

  test('CloudFormation restores by DBSnapshotIdentifier, and replaces when it changes', async () => {
    const source = await create();
    await takeSnapshot(source.DBInstanceIdentifier ?? '', 'for-a-stack');
    const properties = {
      Engine: 'postgres',
      EngineVersion: '18',
      DBInstanceClass: 'db.t4g.micro',
      DBSnapshotIdentifier: 'for-a-stack',
      StorageEncrypted: true,
      AllocatedStorage: '20',
      DBSubnetGroupName: 'isolated',
      DBParameterGroupName: 'tls-only',
      ManageMasterUserPassword: true,
      MasterUserSecret: { KmsKeyId: rds.KmsKeyId },
    };
    const type = 'AWS::RDS::DBInstance';
    const made = await createResource(cloud, type, 'Restored', properties);
    const restored = await describeInstance(made.physicalId);
    expect(restored).toMatchObject({
      DBName: 'practice',
      KmsKeyId: rds.KmsKeyId,
      DBInstanceStatus: 'available',
    });
    const { read, replaces } = handlerOf(type);
    const live = await read?.(made.physicalId, properties, resourceContext(cloud, 'Restored'));
    expect(live).toMatchObject({
      StorageEncrypted: true,
      EngineVersion: '18',
      ManageMasterUserPassword: true,
    });
    expect(replaces?.({ ...properties, DBSnapshotIdentifier: 'another' }, properties)).toBe(true);
    expect(replaces?.({ ...properties, MultiAZ: true, BackupRetentionPeriod: 35 }, properties)).toBe(false);
    for (const inherited of ['MasterUsername', 'KmsKeyId', 'DBName']) {
      const wrong = createResource(cloud, type, inherited, { ...properties, [inherited]: 'x' });
      expect((await refusal(wrong)).message).toMatch(/cannot be specified when a DB instance is restored/);
    }
  });

  test('there are as many manual snapshots as the quota says and no more', async () => {
    const { DBInstanceIdentifier = '' } = await create();
    const { endpoint } = cloud.sandbox;
    const quota = { accountId: '111122223333', quota: 'dbSnapshots' };
    const { used } = await askControl(endpoint, 'PUT quotas', { ...quota, limit: 0 });
    await askControl(endpoint, 'PUT quotas', { ...quota, limit: Number(used) + 2 });
    const take = (at: number) =>
      clients.rds.send(
        new CreateDBSnapshotCommand({ DBInstanceIdentifier, DBSnapshotIdentifier: `many-${at}` }),
      );
    const taken = await Promise.allSettled(Array.from({ length: 3 }, (_, at) => take(at)));
    const names = taken.flatMap((one) =>
      one.status === 'fulfilled' ? (one.value.DBSnapshot?.DBSnapshotIdentifier ?? '') : [],
    );
    const refused = taken.flatMap((one) => (one.status === 'rejected' ? (one.reason as Error).name : []));
    expect(new Set(refused)).toEqual(new Set(['SnapshotQuotaExceededFault']));
    expect(names).toHaveLength(2);
    await askControl(endpoint, 'PUT quotas', { ...quota, limit: 100 });
    for (const name of names) await complete(name);
    for (const DBSnapshotIdentifier of names)
      await clients.rds.send(new DeleteDBSnapshotCommand({ DBSnapshotIdentifier }));
  });
});
