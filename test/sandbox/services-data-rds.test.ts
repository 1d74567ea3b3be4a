import { DisableKeyCommand, EnableKeyCommand } from '@aws-sdk/client-kms';
import {
  AddTagsToResourceCommand,
  CreateDBInstanceCommand,
  type CreateDBInstanceCommandInput,
  CreateDBParameterGroupCommand,
  CreateDBSnapshotCommand,
  CreateDBSubnetGroupCommand,
  DeleteDBInstanceCommand,
  DeleteDBSubnetGroupCommand,
  DescribeCertificatesCommand,
  DescribeDBInstancesCommand,
  DescribeDBParametersCommand,
  ListTagsForResourceCommand,
  ModifyDBInstanceCommand,
  ModifyDBParameterGroupCommand,
  RebootDBInstanceCommand,
  RemoveTagsFromResourceCommand,
  StartDBInstanceCommand,
  StopDBInstanceCommand,
} from '@aws-sdk/client-rds';
import {
  DeleteSecretCommand,
  GetSecretValueCommand,
  RotateSecretCommand,
} from '@aws-sdk/client-secrets-manager';
import type { DatabaseSpec, DataPlane } from '../../lib/sandbox/model.ts';
import {
  attachInternetGateway,
  type Clients,
  createResource,
  day,
  eventually,
  handlerOf,
  type Network,
  newKey,
  newNetwork,
  refusal,
  resourceContext,
  TestCloud,
} from './fixtures/services-data-cloud.ts';

/** A data plane that keeps what it was asked, in the place of real engines. */
class RecordingPlane implements DataPlane {
  readonly open = new Map<string, DatabaseSpec>();
  readonly evicted: string[] = [];
  readonly erased: string[] = [];
  failure: Error | undefined;
  readonly #stored = new Set<string>();
  readonly databases = {
    open: async (spec: DatabaseSpec) => {
      if (this.failure !== undefined) throw this.failure;
      if (!this.#stored.has(spec.arn)) await spec.storageKey();
      this.#stored.add(spec.arn);
      this.open.set(spec.arn, spec);
      return { address: '127.0.0.77', port: 5432 };
    },
    close: async (arn: string) => {
      this.open.delete(arn);
    },
    erase: async (arn: string) => {
      this.open.delete(arn);
      this.erased.push(arn);
    },
    evict: async (arn: string) => {
      this.evicted.push(arn);
    },
  };
  readonly tasks = undefined as never;
  readonly images = undefined as never;
  async stop(): Promise<void> {
    this.open.clear();
  }
}

describe('RDS in the sandbox', () => {
  const plane = new RecordingPlane();
  let cloud: TestCloud;
  let clients: Clients;
  let network: Network;
  let KmsKeyId: string;
  let count = 0;

  beforeAll(async () => {
    cloud = await new TestCloud(plane).start();
    clients = cloud.clients();
    network = await newNetwork(clients);
    KmsKeyId = await newKey(clients);
    await clients.rds.send(
      new CreateDBSubnetGroupCommand({
        DBSubnetGroupName: 'isolated',
        DBSubnetGroupDescription: 'isolated subnets',
        SubnetIds: network.subnetIds,
      }),
    );
    await clients.rds.send(
      new CreateDBParameterGroupCommand({
        DBParameterGroupName: 'tls-only',
        DBParameterGroupFamily: 'postgres18',
        Description: 'TLS only',
      }),
    );
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
    plane.failure = undefined;
  });

  const request = (overrides: Partial<CreateDBInstanceCommandInput> = {}): CreateDBInstanceCommandInput => {
    count += 1;
    return {
      DBInstanceIdentifier: `practice-${count}`,
      DBInstanceClass: 'db.t4g.micro',
      Engine: 'postgres',
      EngineVersion: '18',
      AllocatedStorage: 20,
      StorageType: 'gp3',
      DBName: 'practice',
      MasterUsername: 'practice_admin',
      ManageMasterUserPassword: true,
      MasterUserSecretKmsKeyId: KmsKeyId,
      StorageEncrypted: true,
      KmsKeyId,
      DBSubnetGroupName: 'isolated',
      VpcSecurityGroupIds: [network.securityGroupId],
      DBParameterGroupName: 'tls-only',
      BackupRetentionPeriod: 7,
      ...overrides,
    };
  };
  const describeInstance = async (id: string) => {
    const { DBInstances } = await clients.rds.send(
      new DescribeDBInstancesCommand({ DBInstanceIdentifier: id }),
    );
    return DBInstances?.[0] ?? {};
  };
  const reaches = (id: string, status: string) =>
    eventually(
      () => describeInstance(id),
      ({ DBInstanceStatus }) => DBInstanceStatus === status,
    );
  const create = async (overrides: Partial<CreateDBInstanceCommandInput> = {}) => {
    const { DBInstance } = await clients.rds.send(new CreateDBInstanceCommand(request(overrides)));
    return reaches(DBInstance?.DBInstanceIdentifier ?? '', 'available');
  };
  const secretOf = async (SecretId = '') => {
    const { SecretString = '' } = await clients.secrets.send(new GetSecretValueCommand({ SecretId }));
    return JSON.parse(SecretString) as { username: string; password: string };
  };

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

  test('a subnet group needs real subnets in two zones', async () => {
    const group = (SubnetIds: string[]) =>
      clients.rds.send(
        new CreateDBSubnetGroupCommand({ DBSubnetGroupName: 'g', DBSubnetGroupDescription: 'd', SubnetIds }),
      );
    expect((await refusal(group(['subnet-00000000000000000']))).name).toBe('InvalidSubnet');
    expect((await refusal(group(network.subnetIds.slice(0, 1)))).name).toBe(
      'DBSubnetGroupDoesNotCoverEnoughAZs',
    );
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

  test('snapshots, which the sandbox does not take, are refused and not pretended', async () => {
    const { DBInstanceIdentifier } = await create();
    const input = { DBInstanceIdentifier, DBSnapshotIdentifier: 'snapshot' };
    expect((await refusal(clients.rds.send(new CreateDBSnapshotCommand(input)))).name).toBe('InvalidAction');
    const final = new DeleteDBInstanceCommand({ DBInstanceIdentifier, FinalDBSnapshotIdentifier: 'final' });
    expect((await refusal(clients.rds.send(final))).message).toMatch(/takes no DB snapshots/);
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
    await describeInstance(DBInstanceIdentifier);
    expect(plane.evicted).toContain(DBInstanceArn);
    cloud.later = 7 * day + 1000;
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
    await expect(spec?.storageKey()).rejects.toMatchObject({ message: expect.stringContaining('backup') });
    expect((await describeInstance(DBInstanceIdentifier)).DBInstanceStatus).toBe(
      'inaccessible-encryption-credentials',
    );
  });

  test("a parameter group's TLS rule reaches the running engine, and what it does not know is refused", async () => {
    const { DBInstanceArn = '', DBInstanceIdentifier = '' } = await create({
      DBParameterGroupName: 'default.postgres18',
    });
    const DBParameterGroupName = 'relaxed';
    const group = { DBParameterGroupName, DBParameterGroupFamily: 'postgres18', Description: 'relaxed' };
    await clients.rds.send(new CreateDBParameterGroupCommand(group));
    await clients.rds.send(new ModifyDBInstanceCommand({ DBInstanceIdentifier, DBParameterGroupName }));
    expect(plane.open.get(DBInstanceArn)?.forceTls()).toBe(true);
    const modify = (
      ParameterName: string,
      ParameterValue: string,
      ApplyMethod: 'immediate' | 'pending-reboot',
    ) =>
      clients.rds.send(
        new ModifyDBParameterGroupCommand({
          DBParameterGroupName,
          Parameters: [{ ParameterName, ParameterValue, ApplyMethod }],
        }),
      );
    await modify('rds.force_ssl', '0', 'immediate');
    expect(plane.open.get(DBInstanceArn)?.forceTls()).toBe(false);
    await modify('max_connections', '200', 'pending-reboot');
    const status = async () =>
      (await describeInstance(DBInstanceIdentifier)).DBParameterGroups?.[0]?.ParameterApplyStatus;
    expect(await status()).toBe('pending-reboot');
    await clients.rds.send(new RebootDBInstanceCommand({ DBInstanceIdentifier }));
    await reaches(DBInstanceIdentifier, 'available');
    expect(await status()).toBe('in-sync');
    expect(await refusal(modify('rds.force_tls', '1', 'immediate'))).toEqual({
      name: 'InvalidParameterValue',
      message: 'Could not find parameter with name: rds.force_tls',
    });
    expect((await refusal(modify('rds.force_ssl', 'yes', 'immediate'))).message).toMatch(
      /allowed values are: 0,1/,
    );
    expect((await refusal(modify('max_connections', '9', 'immediate'))).name).toBe(
      'InvalidParameterCombination',
    );
    const own = new DescribeDBParametersCommand({ DBParameterGroupName, Source: 'user' });
    const { Parameters } = await clients.rds.send(own);
    expect(Parameters?.map(({ ParameterName, ParameterValue }) => [ParameterName, ParameterValue])).toEqual([
      ['max_connections', '200'],
      ['rds.force_ssl', '0'],
    ]);
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
    await cloud.restart();
    clients = cloud.clients();
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
    await cloud.restart();
    clients = cloud.clients();
    await reaches(failed.DBInstanceIdentifier ?? '', 'available');
  });

  test('tags are those of the stack and those that were added, whoever asks', async () => {
    const properties = { Description: 'd', Family: 'postgres18', Parameters: { 'rds.force_ssl': '1' } };
    const made = await createResource(cloud, 'AWS::RDS::DBParameterGroup', 'ParameterGroup', properties);
    expect(await createResource(cloud, 'AWS::RDS::DBParameterGroup', 'ParameterGroup', properties)).toEqual(
      made,
    );
    const ResourceName = String(made.attributes['DBParameterGroupArn']);
    const tags = async () =>
      (await clients.rds.send(new ListTagsForResourceCommand({ ResourceName }))).TagList;
    expect(await tags()).toEqual([{ Key: 'lumenality:practice', Value: 'bright-steps' }]);
    await clients.rds.send(
      new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: 'ring', Value: 'early' }] }),
    );
    await clients.rds.send(
      new RemoveTagsFromResourceCommand({ ResourceName, TagKeys: ['lumenality:practice'] }),
    );
    expect(await tags()).toEqual([{ Key: 'ring', Value: 'early' }]);
    const reserved = new AddTagsToResourceCommand({ ResourceName, Tags: [{ Key: 'aws:x', Value: '' }] });
    expect((await refusal(clients.rds.send(reserved))).name).toBe('InvalidParameterValue');
  });

  test('an instance of a stack is made once, updated in place, and protected from the deletion of its stack', async () => {
    const handler = handlerOf('AWS::RDS::DBInstance');
    const {
      DBInstanceIdentifier: _generated,
      VpcSecurityGroupIds,
      MasterUserSecretKmsKeyId,
      ...rest
    } = request();
    const properties = {
      ...rest,
      AllocatedStorage: '20',
      VPCSecurityGroups: VpcSecurityGroupIds,
      MasterUserSecret: { KmsKeyId: MasterUserSecretKmsKeyId },
      DeletionProtection: true,
    };
    const made = await createResource(cloud, 'AWS::RDS::DBInstance', 'Instance', properties);
    expect(await createResource(cloud, 'AWS::RDS::DBInstance', 'Instance', properties)).toEqual(made);
    expect(made.attributes).toMatchObject({
      'Endpoint.Address': '127.0.0.77',
      'Endpoint.Port': '5432',
      'MasterUserSecret.SecretArn': expect.stringContaining(':secret:rds!db-'),
    });
    const context = resourceContext(cloud, 'Instance');
    const grown = { ...properties, DBInstanceClass: 'db.t4g.medium' };
    expect(await handler.update(made.physicalId, grown, properties, context)).toEqual(made);
    const described = await describeInstance(made.physicalId);
    expect(described).toMatchObject({ DBInstanceClass: 'db.t4g.medium', PendingModifiedValues: {} });
    expect(described.TagList).toEqual([{ Key: 'lumenality:practice', Value: 'bright-steps' }]);
    await expect(handler.delete(made.physicalId, grown, context)).rejects.toThrow('deletion protection');
    await handler.update(made.physicalId, { ...grown, DeletionProtection: false }, grown, context);
    await handler.delete(made.physicalId, grown, context);
    await handler.delete(made.physicalId, grown, context);
    expect((await refusal(describeInstance(made.physicalId))).name).toBe('DBInstanceNotFoundFault');
  });

  test('the creation of an instance that could not be opened fails, and its next attempt does not pass over that', async () => {
    const { VpcSecurityGroupIds, MasterUserSecretKmsKeyId, ...rest } = request();
    const properties = {
      ...rest,
      VPCSecurityGroups: VpcSecurityGroupIds,
      MasterUserSecret: { KmsKeyId: MasterUserSecretKmsKeyId },
    };
    plane.failure = new Error('The sandbox is stopping');
    const attempt = () => createResource(cloud, 'AWS::RDS::DBInstance', 'Late', properties);
    await expect(attempt()).rejects.toThrow('The sandbox is stopping');
    await cloud.restart();
    clients = cloud.clients();
    await reaches(String(rest.DBInstanceIdentifier), 'failed');
    await expect(attempt()).rejects.toThrow('The sandbox is stopping');
    plane.failure = undefined;
    expect((await attempt()).attributes).toMatchObject({ 'Endpoint.Address': '127.0.0.77' });
    expect((await describeInstance(String(rest.DBInstanceIdentifier))).DBInstanceStatus).toBe('available');
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
