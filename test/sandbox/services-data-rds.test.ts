import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  CreateDBSubnetGroupCommand,
  DeleteDBInstanceCommand,
  DeleteDBSubnetGroupCommand,
  DescribeCertificatesCommand,
  DescribeDBInstancesCommand,
  ModifyDBInstanceCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import { DeleteSecretCommand, RotateSecretCommand } from '@aws-sdk/client-secrets-manager';
import {
  attachInternetGateway,
  type Clients,
  day,
  eventually,
  type Network,
  newKey,
  newNetwork,
  refusal,
} from './fixtures/services-data-cloud.ts';
import { RdsSite } from './fixtures/services-data-rds.ts';

describe('DB instances', () => {
  const rds = new RdsSite();
  const { plane, cloud, request, describeInstance, reaches, create, secretOf } = rds;
  let clients: Clients;
  let network: Network;
  let KmsKeyId: string;

  beforeAll(async () => {
    await rds.start();
    ({ clients, network, KmsKeyId } = rds);
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
    plane.failure = undefined;
  });

  test('an instance shows everything that a verification reads', async () => {
    const instance = await create({ DeletionProtection: true, EnableCloudwatchLogsExports: ['postgresql'] });
    expect(instance).toMatchObject({
      Engine: 'postgres',
      EngineVersion: expect.stringMatching(/^18\.\d+$/),
      StorageEncrypted: true,
      KmsKeyId,
      StorageType: 'gp3',
      PubliclyAccessible: false,
      BackupRetentionPeriod: 7,
      DeletionProtection: true,
      MultiAZ: false,
      CACertificateIdentifier: 'rds-ca-rsa2048-g1',
      EnabledCloudwatchLogsExports: ['postgresql'],
      DBParameterGroups: [{ DBParameterGroupName: 'tls-only', ParameterApplyStatus: 'in-sync' }],
      VpcSecurityGroups: [{ VpcSecurityGroupId: network.securityGroupId, Status: 'active' }],
      Endpoint: { Address: '127.0.0.77', Port: 5432 },
      MasterUserSecret: { SecretStatus: 'active', KmsKeyId },
      DbiResourceId: expect.stringMatching(/^db-[A-Z0-9]{26}$/),
    });
    expect(instance.DBSubnetGroup?.VpcId).toBe(network.vpcId);
    expect(instance.DBSubnetGroup?.Subnets?.map(({ SubnetIdentifier }) => SubnetIdentifier).sort()).toEqual(
      [...network.subnetIds].sort(),
    );
  });

  test.each<[string, Partial<CreateDBInstanceCommandInput>, string, RegExp]>([
    [
      'a public instance in a VPC without internet',
      { PubliclyAccessible: true },
      'InvalidVPCNetworkStateFault',
      /internet gateway/,
    ],
    [
      'an identifier with two hyphens in a row',
      { DBInstanceIdentifier: 'a--b' },
      'InvalidParameterValue',
      /not a valid identifier/,
    ],
    [
      'an unknown parameter group',
      { DBParameterGroupName: 'nobody' },
      'DBParameterGroupNotFoundFault',
      /DBParameterGroup not found: nobody/,
    ],
    [
      'an unknown subnet group',
      { DBSubnetGroupName: 'nobody' },
      'DBSubnetGroupNotFoundFault',
      /'nobody' does not exist/,
    ],
    [
      'an unknown security group',
      { VpcSecurityGroupIds: ['sg-00000000000000000'] },
      'InvalidParameterValue',
      /sg-0/,
    ],
    [
      'an unknown engine version',
      { EngineVersion: '99.1' },
      'InvalidParameterCombination',
      /Cannot find version 99.1/,
    ],
    [
      'a parameter group of another family',
      { EngineVersion: '17' },
      'InvalidParameterCombination',
      /postgres18 can't be used/,
    ],
    [
      'an unknown class',
      { DBInstanceClass: 'db.huge' },
      'InvalidParameterValue',
      /Invalid DB Instance class/,
    ],
    ['too little storage', { AllocatedStorage: 5 }, 'InvalidParameterValue', /Invalid storage size/],
    ['a reserved user name', { MasterUsername: 'rdsadmin' }, 'InvalidParameterValue', /reserved word/],
    [
      'two sources of the password',
      { MasterUserPassword: 'long enough' },
      'InvalidParameterCombination',
      /ManageMasterUserPassword/,
    ],
    [
      'a key without encryption',
      { StorageEncrypted: false },
      'InvalidParameterCombination',
      /StorageEncrypted/,
    ],
    [
      'a key of another account',
      { KmsKeyId: 'arn:aws:kms:us-east-1:444455556666:key/0b1d4b4e-13b0-4b3e-8b0a-3a7a55d3f1aa' },
      'KMSKeyNotAccessibleFault',
      /does not exist/,
    ],
    [
      'backups of 36 days',
      { BackupRetentionPeriod: 36 },
      'InvalidParameterValue',
      /backup retention period: 36/,
    ],
    [
      'an unknown certificate',
      { CACertificateIdentifier: 'rds-ca-2015' },
      'CertificateNotFoundFault',
      /rds-ca-2015/,
    ],
  ])('refuses %s', async (_what, overrides, name, message) => {
    const refused = await refusal(clients.rds.send(new CreateDBInstanceCommand(request(overrides))));
    expect(refused).toEqual({ name, message: expect.stringMatching(message) });
  });

  test('a public instance is possible where the internet reaches the VPC', async () => {
    const open = await newNetwork(clients);
    await attachInternetGateway(clients, open.vpcId);
    const DBSubnetGroupName = 'open';
    const group = { DBSubnetGroupName, DBSubnetGroupDescription: 'open', SubnetIds: open.subnetIds };
    await clients.rds.send(new CreateDBSubnetGroupCommand(group));
    const elsewhere = clients.rds.send(new CreateDBInstanceCommand(request({ DBSubnetGroupName })));
    expect(await refusal(elsewhere)).toMatchObject({ message: expect.stringContaining('different VPCs') });
    const place = {
      DBSubnetGroupName,
      VpcSecurityGroupIds: [open.securityGroupId],
      PubliclyAccessible: true,
    };
    expect(await create(place)).toMatchObject({ PubliclyAccessible: true });
  });

  test('deletion protection holds, and a deletion takes storage, secret and record', async () => {
    const {
      DBInstanceIdentifier = '',
      DBInstanceArn = '',
      MasterUserSecret,
    } = await create({ DeletionProtection: true });
    const remove = (options: object) =>
      clients.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, ...options }));
    expect(await refusal(remove({ SkipFinalSnapshot: true }))).toEqual({
      name: 'InvalidParameterCombination',
      message: 'Cannot delete protected DB Instance, please disable deletion protection and try again.',
    });
    const group = clients.rds.send(new DeleteDBSubnetGroupCommand({ DBSubnetGroupName: 'isolated' }));
    expect((await refusal(group)).name).toBe('InvalidDBSubnetGroupStateFault');
    await clients.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, DeletionProtection: false }));
    expect((await refusal(remove({}))).message).toMatch(/FinalDBSnapshotIdentifier is required/);
    await remove({ SkipFinalSnapshot: true });
    const gone = await eventually(
      () =>
        clients.rds.send(new DescribeDBInstancesCommand({ DBInstanceIdentifier })).then(
          () => '',
          ({ name }) => name,
        ),
      (name) => name !== '',
    );
    expect(gone).toBe('DBInstanceNotFoundFault');
    expect(plane.erased).toContain(DBInstanceArn);
    expect((await refusal(secretOf(MasterUserSecret?.SecretArn))).name).toBe('ResourceNotFoundException');
  });

  test('RDS keeps the master password in a secret of its own, and rotates it there and in the engine', async () => {
    const { DBInstanceArn = '', DBInstanceIdentifier, MasterUserSecret } = await create();
    const SecretId = MasterUserSecret?.SecretArn ?? '';
    const enginePassword = () => plane.open.get(DBInstanceArn)?.masterPassword();
    const before = await secretOf(SecretId);
    expect(before).toEqual({ username: 'practice_admin', password: enginePassword() });
    const rotate = { DBInstanceIdentifier, RotateMasterUserPassword: true };
    expect((await refusal(clients.rds.send(new ModifyDBInstanceCommand(rotate)))).name).toBe(
      'InvalidParameterCombination',
    );
    await clients.rds.send(new ModifyDBInstanceCommand({ ...rotate, ApplyImmediately: true }));
    const after = await secretOf(SecretId);
    expect(after.password).toBe(enginePassword());
    expect(after.password).not.toBe(before.password);
    await clients.secrets.send(new RotateSecretCommand({ SecretId }));
    expect((await secretOf(SecretId)).password).not.toBe(after.password);
    const remove = clients.secrets.send(new DeleteSecretCommand({ SecretId }));
    expect((await refusal(remove)).message).toMatch(/managed by rds/);
  });

  test('an instance is inaccessible while its key is disabled, for good after seven days', async () => {
    const KeyId = await newKey(clients);
    const { DBInstanceIdentifier = '', DBInstanceArn = '' } = await create({ KmsKeyId: KeyId });
    const spec = plane.open.get(DBInstanceArn);
    const key = await spec?.storageKey();
    expect(key).toHaveLength(32);

    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    await expect(spec?.storageKey()).rejects.toMatchObject({ code: 'KMSKeyNotAccessibleFault' });
    expect(await describeInstance(DBInstanceIdentifier)).toMatchObject({
      DBInstanceStatus: 'inaccessible-encryption-credentials-recoverable',
      StatusInfos: [{ Normal: false, Message: expect.stringContaining(KeyId) }],
    });
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    expect(await spec?.storageKey()).toEqual(key);
    expect((await describeInstance(DBInstanceIdentifier)).DBInstanceStatus).toBe('available');

    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    // Nobody asks: RDS notices by itself and ends the engine.
    await eventually(
      () => Promise.resolve(plane.evicted),
      (evicted) => evicted.includes(DBInstanceArn),
    );
    cloud.later = 7 * day + 1000;
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    await expect(spec?.storageKey()).rejects.toMatchObject({ message: expect.stringContaining('backup') });
    expect((await describeInstance(DBInstanceIdentifier)).DBInstanceStatus).toBe(
      'inaccessible-encryption-credentials',
    );
  });

  test('changes wait for the maintenance window unless they are to be applied at once', async () => {
    const { DBInstanceIdentifier = '' } = await create();
    const modify = (change: object) =>
      clients.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, ...change }));
    await modify({ DBInstanceClass: 'db.t4g.small', AllocatedStorage: 40 });
    expect(await describeInstance(DBInstanceIdentifier)).toMatchObject({
      DBInstanceClass: 'db.t4g.micro',
      PendingModifiedValues: { DBInstanceClass: 'db.t4g.small', AllocatedStorage: 40 },
    });
    await modify({ MultiAZ: true, ApplyImmediately: true });
    const changed = await describeInstance(DBInstanceIdentifier);
    expect(changed).toMatchObject({ DBInstanceClass: 'db.t4g.small', AllocatedStorage: 40, MultiAZ: true });
    expect(changed.SecondaryAvailabilityZone).not.toBe(changed.AvailabilityZone);
    expect((await refusal(modify({ AllocatedStorage: 20 }))).message).toMatch(/cannot shrink/);
    expect((await refusal(modify({ EngineVersion: '17' }))).message).toMatch(/Cannot upgrade postgres/);
  });

  test('stopping closes the instance, and a restart of the sandbox opens only what is to be reachable', async () => {
    const [running, stopped] = [await create(), await create()];
    const DBInstanceIdentifier = stopped.DBInstanceIdentifier ?? '';
    await clients.rds.send(new StopDBInstanceCommand({ DBInstanceIdentifier }));
    await reaches(DBInstanceIdentifier, 'stopped');
    clients = await rds.restart();
    expect(plane.open.has(running.DBInstanceArn ?? '')).toBe(true);
    expect(plane.open.has(stopped.DBInstanceArn ?? '')).toBe(false);
    await clients.rds.send(new StartDBInstanceCommand({ DBInstanceIdentifier }));
    await reaches(DBInstanceIdentifier, 'available');
    expect(plane.open.has(stopped.DBInstanceArn ?? '')).toBe(true);
  });

  test('an instance that cannot be opened says why, and its status is never available', async () => {
    plane.failure = new Error('No space left on the device');
    const { DBInstance } = await clients.rds.send(new CreateDBInstanceCommand(request()));
    const failed = await reaches(DBInstance?.DBInstanceIdentifier ?? '', 'failed');
    expect(failed.StatusInfos?.[0]?.Message).toBe('No space left on the device');
    plane.failure = undefined;
    clients = await rds.restart();
    await reaches(failed.DBInstanceIdentifier ?? '', 'available');
  });

  test('another account sees none of this, and the authorities on offer are told', async () => {
    await create();
    const stranger = cloud.clients('444455556666').rds;
    expect((await stranger.send(new DescribeDBInstancesCommand({}))).DBInstances).toEqual([]);
    const { Certificates } = await stranger.send(new DescribeCertificatesCommand({}));
    expect(Certificates?.map(({ CertificateIdentifier }) => CertificateIdentifier)).toContain(
      'rds-ca-rsa2048-g1',
    );
  });
});
