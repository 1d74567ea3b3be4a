import {
  CloudFormationClient,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateVpcCommand, DeleteVpcCommand, EC2Client } from '@aws-sdk/client-ec2';
import { CreateKeyCommand, KMSClient, ScheduleKeyDeletionCommand } from '@aws-sdk/client-kms';
import {
  GetResourcesCommand,
  type GetResourcesCommandInput,
  paginateGetResources,
  ResourceGroupsTaggingAPIClient,
} from '@aws-sdk/client-resource-groups-tagging-api';
import {
  CreateSecretCommand,
  DeleteSecretCommand,
  SecretsManagerClient,
} from '@aws-sdk/client-secrets-manager';
import { askControl } from './cloudformation-fixture.ts';
import { TestCloud } from './fixtures/services-data-cloud.ts';

const inOrder = (one = '', other = '') => one.localeCompare(other);
const practice = (name: string) => [{ Key: 'lumenality:practice', Value: name }];
const filter = (...Values: string[]) => [{ Key: 'lumenality:practice', Values }];

describe('the Resource Groups Tagging API', () => {
  const cloud = new TestCloud();
  let accounts = 0;
  let accountId: string;
  let client: ResourceGroupsTaggingAPIClient;
  beforeAll(() => cloud.start());
  afterAll(() => cloud.stop());
  beforeEach(() => {
    accountId = String(800_000_000_000 + (accounts += 1));
    client = new ResourceGroupsTaggingAPIClient(cloud.options(accountId));
  });

  /** `service:type` and tags of everything that is found, page after page. */
  const found = async (input: GetResourcesCommandInput, pageSize = 2) => {
    const all = [];
    for await (const { ResourceTagMappingList = [] } of paginateGetResources({ client, pageSize }, input)) {
      expect(ResourceTagMappingList.length).toBeLessThanOrEqual(pageSize);
      all.push(...ResourceTagMappingList);
    }
    return all;
  };
  const arns = async (input: GetResourcesCommandInput) =>
    (await found(input)).map(({ ResourceARN }) => ResourceARN ?? '').sort(inOrder);
  const makeVpc = async (name: string, region?: string) => {
    const TagSpecifications = [{ ResourceType: 'vpc' as const, Tags: practice(name) }];
    const { Vpc } = await new EC2Client(cloud.options(accountId, region)).send(
      new CreateVpcCommand({ CidrBlock: '10.0.0.0/16', TagSpecifications }),
    );
    return Vpc?.VpcId ?? '';
  };
  const makeKey = async (name: string) => {
    const Tags = practice(name).map(({ Key, Value }) => ({ TagKey: Key, TagValue: Value }));
    const { KeyMetadata } = await new KMSClient(cloud.options(accountId)).send(
      new CreateKeyCommand({ Tags }),
    );
    return KeyMetadata?.Arn ?? '';
  };

  test('finds what a stack made, by tag, by type, and nothing after its deletion', async () => {
    const stacks = new CloudFormationClient(cloud.options(accountId));
    const trust = {
      Version: '2012-10-17',
      Statement: { Effect: 'Allow', Principal: '*', Action: 'sts:AssumeRole' },
    };
    const Resources = {
      Vpc: { Type: 'AWS::EC2::VPC', Properties: { CidrBlock: '10.0.0.0/16' } },
      Subnet: { Type: 'AWS::EC2::Subnet', Properties: { VpcId: { Ref: 'Vpc' }, CidrBlock: '10.0.0.0/24' } },
      Key: {
        Type: 'AWS::KMS::Key',
        Properties: {
          KeyPolicy: {
            Version: '2012-10-17',
            Statement: {
              Effect: 'Allow',
              Principal: { AWS: { 'Fn::Sub': 'arn:aws:iam::${AWS::AccountId}:root' } },
              Action: 'kms:*',
              Resource: '*',
            },
          },
        },
      },
      Logs: { Type: 'AWS::Logs::LogGroup', Properties: { LogGroupName: 'silo' } },
      Bucket: { Type: 'AWS::S3::Bucket' },
      Topic: { Type: 'AWS::SNS::Topic' },
      Cluster: { Type: 'AWS::ECS::Cluster' },
      Balancers: {
        Type: 'AWS::ElasticLoadBalancingV2::TargetGroup',
        Properties: { VpcId: { Ref: 'Vpc' }, Port: 80, Protocol: 'HTTP', TargetType: 'ip' },
      },
      Secret: { Type: 'AWS::SecretsManager::Secret', Properties: { SecretString: 'x' } },
      Parameters: {
        Type: 'AWS::RDS::DBParameterGroup',
        Properties: { Family: 'postgres17', Description: 'x' },
      },
      Role: { Type: 'AWS::IAM::Role', Properties: { AssumeRolePolicyDocument: trust } },
    };
    const { StackId = '' } = await stacks.send(
      new CreateStackCommand({
        StackName: 'maple',
        TemplateBody: JSON.stringify({ Resources }),
        Tags: practice('maple'),
        Capabilities: ['CAPABILITY_IAM'],
      }),
    );
    const ended = async () => {
      for (;;) {
        const { Stacks = [] } = await stacks.send(new DescribeStacksCommand({ StackName: StackId }));
        const status = Stacks[0]?.StackStatus ?? '';
        if (!status.endsWith('IN_PROGRESS')) return status;
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    };
    expect(await ended()).toBe('CREATE_COMPLETE');
    const kinds = (await arns({ TagFilters: filter('maple') })).map((arn) => {
      const [, , service, , , ...resource] = arn.split(':');
      return `${service}:${resource.join(':').split(/[/:]/)[0]}`;
    });
    // Roles are not among them, on AWS neither.
    expect(kinds.filter((kind) => !kind.startsWith('s3') && !kind.startsWith('sns'))).toEqual([
      'cloudformation:stack',
      'ec2:subnet',
      'ec2:vpc',
      'ecs:cluster',
      'elasticloadbalancing:targetgroup',
      'kms:key',
      'logs:log-group',
      'rds:pg',
      'secretsmanager:secret',
    ]);
    expect(kinds.filter((kind) => kind.startsWith('s3') || kind.startsWith('sns'))).toHaveLength(2);
    expect(await arns({ TagFilters: filter('maple'), ResourceTypeFilters: ['ec2:vpc', 'kms'] })).toHaveLength(
      2,
    );
    expect(await arns({ TagFilters: filter('oak') })).toEqual([]);
    expect(await arns({ ResourceARNList: [StackId] })).toEqual([StackId]);

    await stacks.send(new DeleteStackCommand({ StackName: 'maple' }));
    expect(await ended()).toBe('DELETE_COMPLETE');
    // The key waits for its deletion, and can still be rescued.
    expect((await arns({ TagFilters: filter('maple') })).map((arn) => arn.split(':')[2])).toEqual(['kms']);
    await askControl(cloud.sandbox.endpoint, 'PUT clock', { advanceDays: 30 });
    expect(await arns({ TagFilters: filter('maple') })).toEqual([]);
  });

  test('every filter has to hold, of its values any, and the tags come with what is found', async () => {
    const maple = await makeVpc('maple');
    const oak = await makeVpc('oak');
    const key = await makeKey('maple');
    await makeVpc('ash', 'us-west-2');
    expect(await found({ TagFilters: filter('oak', 'ash') })).toEqual([
      { ResourceARN: `arn:aws:ec2:us-east-1:${accountId}:vpc/${oak}`, Tags: practice('oak') },
    ]);
    const both = [...filter('maple', 'oak'), ...filter('maple')];
    expect(await arns({ TagFilters: both })).toEqual(
      [`arn:aws:ec2:us-east-1:${accountId}:vpc/${maple}`, key].sort(inOrder),
    );
    expect(await arns({ TagFilters: filter() })).toHaveLength(3);
    expect(await arns({ TagFilters: [{ Key: 'another' }] })).toEqual([]);
  });

  test('a page begins behind what the one before showed, also when that is gone', async () => {
    const ids = [];
    for (let at = 0; at < 4; at += 1) ids.push(await makeVpc('maple'));
    const first = await client.send(new GetResourcesCommand({ ResourcesPerPage: 2 }));
    const [, last] = (first.ResourceTagMappingList ?? []).map(
      ({ ResourceARN }) => ResourceARN?.split('/')[1],
    );
    await new EC2Client(cloud.options(accountId)).send(new DeleteVpcCommand({ VpcId: last }));
    const rest = [];
    let PaginationToken = first.PaginationToken;
    while (PaginationToken) {
      const page = await client.send(new GetResourcesCommand({ ResourcesPerPage: 2, PaginationToken }));
      rest.push(...(page.ResourceTagMappingList ?? []).map(({ ResourceARN }) => ResourceARN?.split('/')[1]));
      ({ PaginationToken } = page);
    }
    const seen = (first.ResourceTagMappingList ?? []).map(({ ResourceARN }) => ResourceARN?.split('/')[1]);
    expect([...seen, ...rest].sort(inOrder)).toEqual(ids.sort(inOrder));
  });

  test('what waits for its deletion: a key is shown, a secret is not', async () => {
    const secrets = new SecretsManagerClient(cloud.options(accountId));
    const { ARN } = await secrets.send(
      new CreateSecretCommand({ Name: 'maple', SecretString: 'x', Tags: practice('maple') }),
    );
    const key = await makeKey('maple');
    await new KMSClient(cloud.options(accountId)).send(new ScheduleKeyDeletionCommand({ KeyId: key }));
    expect(await arns({})).toEqual([key, ARN].sort(inOrder));
    await secrets.send(new DeleteSecretCommand({ SecretId: ARN, RecoveryWindowInDays: 7 }));
    expect(await arns({})).toEqual([key]);
  });

  test('refuses what AWS refuses', async () => {
    const refused = (input: GetResourcesCommandInput) =>
      expect(client.send(new GetResourcesCommand(input))).rejects.toMatchObject({
        name: 'InvalidParameterException',
      });
    await refused({ ResourcesPerPage: 101 });
    await refused({ ResourceARNList: ['arn:aws:s3:::one'], TagFilters: filter('maple') });
    await expect(client.send(new GetResourcesCommand({ PaginationToken: 'made-up' }))).rejects.toMatchObject({
      name: 'PaginationTokenExpiredException',
    });
  });
});
