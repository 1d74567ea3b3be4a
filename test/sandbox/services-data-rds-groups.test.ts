import {
  DeleteSecurityGroupCommand,
  DeleteSubnetCommand,
  DeleteVpcCommand,
  DescribeNetworkInterfacesCommand,
} from '@aws-sdk/client-ec2';
import {
  AddTagsToResourceCommand,
  CreateDBParameterGroupCommand,
  CreateDBSubnetGroupCommand,
  DeleteDBInstanceCommand,
  DeleteDBSubnetGroupCommand,
  DescribeDBParametersCommand,
  ListTagsForResourceCommand,
  ModifyDBInstanceCommand,
  ModifyDBParameterGroupCommand,
  RebootDBInstanceCommand,
  RemoveTagsFromResourceCommand,
} from '@aws-sdk/client-rds';
import {
  type Clients,
  createResource,
  eventually,
  handlerOf,
  type Network,
  newNetwork,
  refusal,
  resourceContext,
} from './fixtures/services-data-cloud.ts';
import { RdsSite } from './fixtures/services-data-rds.ts';

describe('DB subnet groups, parameter groups and stacks', () => {
  const rds = new RdsSite();
  const { plane, cloud, request, describeInstance, reaches, create } = rds;
  let clients: Clients;
  let network: Network;

  beforeAll(async () => {
    await rds.start();
    ({ clients, network } = rds);
  });
  afterAll(() => cloud.stop());
  beforeEach(() => {
    cloud.later = 0;
    plane.failure = undefined;
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

  test('the network that an instance stands in stays until the instance is gone', async () => {
    const place = await newNetwork(clients);
    const [first = '', second = ''] = place.subnetIds;
    const DBSubnetGroupName = 'held';
    const group = { DBSubnetGroupName, DBSubnetGroupDescription: 'held', SubnetIds: place.subnetIds };
    await clients.rds.send(new CreateDBSubnetGroupCommand(group));
    const instance = await create({ DBSubnetGroupName, VpcSecurityGroupIds: [place.securityGroupId] });
    const { DBInstanceIdentifier = '' } = instance;
    const interfaces = async () => {
      const Filters = [{ Name: 'vpc-id', Values: [place.vpcId] }];
      const { NetworkInterfaces } = await clients.ec2.send(new DescribeNetworkInterfacesCommand({ Filters }));
      return NetworkInterfaces ?? [];
    };
    expect(await interfaces()).toMatchObject([
      {
        SubnetId: first,
        AvailabilityZone: instance.AvailabilityZone,
        Description: 'RDSNetworkInterface',
        RequesterManaged: true,
        Groups: [{ GroupId: place.securityGroupId }],
      },
    ]);
    const removals = () => [
      clients.ec2.send(new DeleteSubnetCommand({ SubnetId: first })),
      clients.ec2.send(new DeleteSecurityGroupCommand({ GroupId: place.securityGroupId })),
      clients.ec2.send(new DeleteVpcCommand({ VpcId: place.vpcId })),
    ];
    for (const removal of removals()) expect((await refusal(removal)).name).toBe('DependencyViolation');

    const modify = (change: object) =>
      clients.rds.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier, ApplyImmediately: true, ...change }),
      );
    await modify({ MultiAZ: true });
    expect(new Set((await interfaces()).map(({ SubnetId }) => SubnetId))).toEqual(new Set([first, second]));
    await modify({ MultiAZ: false });
    expect((await interfaces()).map(({ SubnetId }) => SubnetId)).toEqual([first]);

    await clients.rds.send(new DeleteDBInstanceCommand({ DBInstanceIdentifier, SkipFinalSnapshot: true }));
    await eventually(interfaces, (left) => left.length === 0);
    await clients.rds.send(new DeleteDBSubnetGroupCommand({ DBSubnetGroupName }));
    await clients.ec2.send(new DeleteSubnetCommand({ SubnetId: second }));
    for (const removal of removals()) await removal;
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
    clients = await rds.restart();
    await reaches(String(rest.DBInstanceIdentifier), 'failed');
    await expect(attempt()).rejects.toThrow('The sandbox is stopping');
    plane.failure = undefined;
    expect((await attempt()).attributes).toMatchObject({ 'Endpoint.Address': '127.0.0.77' });
    expect((await describeInstance(String(rest.DBInstanceIdentifier))).DBInstanceStatus).toBe('available');
  });
});
