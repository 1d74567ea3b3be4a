import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStackDriftDetectionStatusCommand,
  type DescribeStackDriftDetectionStatusCommandOutput,
  DescribeStackResourceCommand,
  DescribeStackResourceDriftsCommand,
  DescribeStacksCommand,
  DetectStackDriftCommand,
  DetectStackResourceDriftCommand,
  type Stack,
  type StackResourceDrift,
} from '@aws-sdk/client-cloudformation';
import {
  DeleteLogGroupCommand,
  DeleteRetentionPolicyCommand,
  PutRetentionPolicyCommand,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  AuthorizeSecurityGroupIngressCommand,
  RevokeSecurityGroupEgressCommand,
  RevokeSecurityGroupIngressCommand,
} from '@aws-sdk/client-ec2';
import {
  DisableKeyCommand,
  DisableKeyRotationCommand,
  EnableKeyCommand,
  EnableKeyRotationCommand,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { ModifyDBInstanceCommand, ModifyDBParameterGroupCommand } from '@aws-sdk/client-rds';
import { type Clients, eventually, refusal, TestCloud } from './fixtures/services-data-cloud.ts';

const StackName = 'drifting';
const subnet = (at: number) => ({
  Type: 'AWS::EC2::Subnet',
  Properties: {
    VpcId: { Ref: 'Vpc' },
    CidrBlock: `10.0.${at}.0/24`,
    AvailabilityZone: { 'Fn::Select': [at, { 'Fn::GetAZs': '' }] },
  },
});
const keyPolicy = {
  Version: '2012-10-17',
  Statement: [
    {
      Effect: 'Allow',
      Principal: { AWS: { 'Fn::Sub': 'arn:aws:iam::${AWS::AccountId}:root' } },
      Action: 'kms:*',
      Resource: '*',
    },
  ],
};
const keyArn = { 'Fn::GetAtt': ['Key', 'Arn'] };
const template = {
  Parameters: { GroupDescription: { Type: 'String', NoEcho: true } },
  Resources: {
    Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
    SubnetA: subnet(0),
    SubnetB: subnet(1),
    Gateway: { Type: 'AWS::EC2::InternetGateway' },
    Key: { Type: 'AWS::KMS::Key', Properties: { KeyPolicy: keyPolicy, EnableKeyRotation: true } },
    Log: {
      Type: 'AWS::Logs::LogGroup',
      Properties: { LogGroupName: '/drifting/app', RetentionInDays: 30 },
    },
    App: {
      Type: 'AWS::EC2::SecurityGroup',
      Properties: {
        GroupDescription: { Ref: 'GroupDescription' },
        VpcId: { Ref: 'Vpc' },
        SecurityGroupIngress: [
          { IpProtocol: 'tcp', FromPort: 443, ToPort: 443, CidrIp: '10.0.0.0/16', Description: 'TLS' },
        ],
        SecurityGroupEgress: [{ IpProtocol: '-1', CidrIp: '0.0.0.0/0' }],
        Tags: [{ Key: 'Name', Value: 'app' }],
      },
    },
    FromApp: {
      Type: 'AWS::EC2::SecurityGroupIngress',
      Properties: {
        GroupId: { 'Fn::GetAtt': ['App', 'GroupId'] },
        IpProtocol: 'tcp',
        FromPort: 5432,
        ToPort: 5432,
        SourceSecurityGroupId: { 'Fn::GetAtt': ['App', 'GroupId'] },
      },
    },
    Subnets: {
      Type: 'AWS::RDS::DBSubnetGroup',
      Properties: {
        DBSubnetGroupDescription: 'isolated',
        SubnetIds: [{ Ref: 'SubnetA' }, { Ref: 'SubnetB' }],
      },
    },
    Parameters: {
      Type: 'AWS::RDS::DBParameterGroup',
      Properties: { Description: 'p', Family: 'postgres18', Parameters: { 'rds.force_ssl': '1' } },
    },
    Database: {
      Type: 'AWS::RDS::DBInstance',
      Properties: {
        Engine: 'postgres',
        EngineVersion: '18',
        DBInstanceClass: 'db.t4g.micro',
        AllocatedStorage: '20',
        DBSubnetGroupName: { Ref: 'Subnets' },
        DBParameterGroupName: { Ref: 'Parameters' },
        VPCSecurityGroups: [{ 'Fn::GetAtt': ['App', 'GroupId'] }],
        MasterUsername: 'practice_admin',
        ManageMasterUserPassword: true,
        MasterUserSecret: { KmsKeyId: keyArn },
        StorageEncrypted: true,
        KmsKeyId: keyArn,
        MultiAZ: false,
        BackupRetentionPeriod: 35,
        PreferredMaintenanceWindow: 'Sun:05:00-Sun:05:30',
        DeletionProtection: true,
        EnableIAMDatabaseAuthentication: true,
      },
    },
  },
};

describe('drift detection', () => {
  const cloud = new TestCloud();
  let clients: Clients;
  let cloudFormation: CloudFormationClient;
  const physical = new Map<string, string>();
  /** What was found before any test changed anything. */
  let untouched: {
    detection: DescribeStackDriftDetectionStatusCommandOutput;
    drifts: StackResourceDrift[];
    stack: Stack | undefined;
  };

  beforeAll(async () => {
    await cloud.start();
    connect();
    const Tags = [{ Key: 'lumenality:practice', Value: 'sunrise' }];
    await cloudFormation.send(
      new CreateStackCommand({
        StackName,
        TemplateBody: JSON.stringify(template),
        Parameters: [{ ParameterKey: 'GroupDescription', ParameterValue: 'told-to-nobody' }],
        Tags,
      }),
    );
    await reaches('CREATE_COMPLETE');
    for (const LogicalResourceId of ['Key', 'App', 'Parameters', 'Database']) {
      const ask = new DescribeStackResourceCommand({ StackName, LogicalResourceId });
      const { StackResourceDetail } = await cloudFormation.send(ask);
      physical.set(LogicalResourceId, StackResourceDetail?.PhysicalResourceId ?? '');
    }
    const detection = await detect();
    const drifts = await cloudFormation.send(new DescribeStackResourceDriftsCommand({ StackName }));
    untouched = { detection, drifts: drifts.StackResourceDrifts ?? [], stack: await stack() };
  });
  afterAll(() => cloud.stop());

  function connect(): void {
    clients = cloud.clients();
    cloudFormation = new CloudFormationClient(cloud.options());
  }
  const stack = async () => {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    return Stacks?.[0];
  };
  const reaches = (status: string) => eventually(stack, (found) => found?.StackStatus === status);
  async function detect(LogicalResourceIds?: string[]) {
    const { StackDriftDetectionId } = await cloudFormation.send(
      new DetectStackDriftCommand({ StackName, LogicalResourceIds }),
    );
    return eventually(
      () => cloudFormation.send(new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId })),
      ({ DetectionStatus }) => DetectionStatus !== 'DETECTION_IN_PROGRESS',
    );
  }
  async function driftOf(LogicalResourceId: string) {
    const { StackResourceDrift } = await cloudFormation.send(
      new DetectStackResourceDriftCommand({ StackName, LogicalResourceId }),
    );
    const differences = (StackResourceDrift?.PropertyDifferences ?? []).map(
      ({ PropertyPath, DifferenceType, ExpectedValue, ActualValue }) =>
        [DifferenceType, PropertyPath, ExpectedValue, ActualValue].join(' '),
    );
    return { status: StackResourceDrift?.StackResourceDriftStatus, differences };
  }
  const inSync = { status: 'IN_SYNC', differences: [] };
  const modified = (...differences: string[]) => ({ status: 'MODIFIED', differences });

  test('finds nothing in a stack that nobody touched, and says what it did not look at', async () => {
    expect(untouched.detection).toMatchObject({
      DetectionStatus: 'DETECTION_COMPLETE',
      StackDriftStatus: 'IN_SYNC',
      DriftedStackResourceCount: 0,
    });
    const checked = ['App', 'Database', 'FromApp', 'Key', 'Log', 'Parameters', 'Subnets'];
    expect(
      untouched.drifts.map((drift) => `${drift.LogicalResourceId} ${drift.StackResourceDriftStatus}`),
    ).toEqual(expect.arrayContaining(checked.map((id) => `${id} IN_SYNC`)));
    expect(JSON.stringify(untouched.drifts)).not.toContain('told-to-nobody');
    expect(untouched.stack?.DriftInformation).toMatchObject({
      StackDriftStatus: 'IN_SYNC',
      LastCheckTimestamp: expect.any(Date),
    });
    const ask = new DescribeStackResourceCommand({ StackName, LogicalResourceId: 'Gateway' });
    const { StackResourceDetail } = await cloudFormation.send(ask);
    expect(StackResourceDetail?.DriftInformation?.StackResourceDriftStatus).toBe('NOT_CHECKED');
    expect(await refusal(driftOf('Gateway'))).toMatchObject({
      message: expect.stringMatching(/does not support/),
    });
  });

  test('tells how a database was changed by hand', async () => {
    const DBInstanceIdentifier = physical.get('Database') ?? '';
    const change = (wanted: object) =>
      clients.rds.send(
        new ModifyDBInstanceCommand({ DBInstanceIdentifier, ApplyImmediately: true, ...wanted }),
      );
    await change({
      BackupRetentionPeriod: 1,
      DeletionProtection: false,
      EnableIAMDatabaseAuthentication: false,
      MaxAllocatedStorage: 100,
    });
    expect(await driftOf('Database')).toEqual(
      modified(
        'NOT_EQUAL /BackupRetentionPeriod 35 1',
        'NOT_EQUAL /DeletionProtection true false',
        'NOT_EQUAL /EnableIAMDatabaseAuthentication true false',
      ),
    );
    await change({
      BackupRetentionPeriod: 35,
      DeletionProtection: true,
      EnableIAMDatabaseAuthentication: true,
    });
    expect(await driftOf('Database')).toEqual(inSync);
    const parameter = {
      ParameterName: 'rds.force_ssl',
      ParameterValue: '0',
      ApplyMethod: 'immediate',
    } as const;
    const DBParameterGroupName = physical.get('Parameters') ?? '';
    await clients.rds.send(
      new ModifyDBParameterGroupCommand({ DBParameterGroupName, Parameters: [parameter] }),
    );
    expect(await driftOf('Parameters')).toEqual(modified('NOT_EQUAL /Parameters/rds.force_ssl 1 0'));
  });

  test('tells how a network rule was opened, changed and taken away by hand', async () => {
    const GroupId = physical.get('App') ?? '';
    const world = {
      GroupId,
      IpPermissions: [{ IpProtocol: 'tcp', FromPort: 22, ToPort: 22, IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
    };
    await clients.ec2.send(new AuthorizeSecurityGroupIngressCommand(world));
    expect(await driftOf('App')).toEqual(
      modified(
        expect.stringMatching(
          /^ADD \/SecurityGroupIngress\/\d null \{"IpProtocol":"tcp","FromPort":22,"ToPort":22,"CidrIp":"0.0.0.0\/0"\}$/,
        ) as unknown as string,
      ),
    );
    await clients.ec2.send(new RevokeSecurityGroupIngressCommand(world));
    expect(await driftOf('App')).toEqual(inSync);
    const everything = { IpPermissions: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }] };
    await clients.ec2.send(new RevokeSecurityGroupEgressCommand({ GroupId, ...everything }));
    expect(await driftOf('App')).toEqual(
      modified('REMOVE /SecurityGroupEgress/0 {"IpProtocol":"-1","CidrIp":"0.0.0.0/0"} null'),
    );
  });

  test('tells how a key was weakened by hand', async () => {
    const KeyId = physical.get('Key') ?? '';
    await clients.kms.send(new DisableKeyRotationCommand({ KeyId }));
    const { Statement } = keyPolicy;
    const open = { ...Statement[0], Principal: '*' };
    const policy = { Version: '2012-10-17', Statement: [open] };
    await clients.kms.send(
      new PutKeyPolicyCommand({ KeyId, PolicyName: 'default', Policy: JSON.stringify(policy) }),
    );
    expect(await driftOf('Key')).toEqual(
      modified(
        'NOT_EQUAL /KeyPolicy/Statement/0/Principal {"AWS":"arn:aws:iam::111122223333:root"} *',
        'NOT_EQUAL /EnableKeyRotation true false',
      ),
    );
    await clients.kms.send(new EnableKeyRotationCommand({ KeyId }));
    await clients.kms.send(new DisableKeyCommand({ KeyId }));
    await clients.kms.send(new EnableKeyCommand({ KeyId }));
  });

  test('counts what drifted in the whole stack, also what is gone', async () => {
    const logGroupName = '/drifting/app';
    await clients.logs.send(new PutRetentionPolicyCommand({ logGroupName, retentionInDays: 1 }));
    expect(await driftOf('Log')).toEqual(modified('NOT_EQUAL /RetentionInDays 30 1'));
    await clients.logs.send(new DeleteRetentionPolicyCommand({ logGroupName }));
    expect(await driftOf('Log')).toEqual(modified('REMOVE /RetentionInDays 30 null'));
    await clients.logs.send(new DeleteLogGroupCommand({ logGroupName }));
    expect(await detect(['Log'])).toMatchObject({
      StackDriftStatus: 'DRIFTED',
      DriftedStackResourceCount: 1,
    });
    const { StackResourceDrifts } = await cloudFormation.send(
      new DescribeStackResourceDriftsCommand({ StackName, StackResourceDriftStatusFilters: ['DELETED'] }),
    );
    expect(StackResourceDrifts).toMatchObject([{ LogicalResourceId: 'Log', PropertyDifferences: [] }]);
    expect(StackResourceDrifts?.[0]?.ActualProperties).toBeUndefined();
    await detect();
    await cloud.restart();
    connect();
    expect((await stack())?.DriftInformation?.StackDriftStatus).toBe('DRIFTED');
  });

  test('refuses what it cannot look at', async () => {
    expect(await refusal(detect(['Nobody']))).toMatchObject({ message: expect.stringMatching(/Nobody/) });
    const nobody = new DetectStackDriftCommand({ StackName: 'nobody' });
    expect(await refusal(cloudFormation.send(nobody))).toMatchObject({ name: 'ValidationError' });
    const unknown = new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId: 'nothing' });
    expect(await refusal(cloudFormation.send(unknown))).toMatchObject({ name: 'ValidationError' });
  });
});
