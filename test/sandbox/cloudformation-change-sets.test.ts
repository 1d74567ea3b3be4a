import {
  CreateChangeSetCommand,
  DeleteStackCommand,
  DescribeChangeSetCommand,
  SetStackPolicyCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateRoleCommand, IAMClient } from '@aws-sdk/client-iam';
import { type Fixture, queue, startFixture, topic } from './cloudformation-fixture.ts';

describe('what a change set tells', () => {
  let fixture: Fixture;
  let name: string;
  let count = 0;

  beforeAll(async () => {
    fixture = await startFixture();
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    name = `told-${(count += 1)}`;
  });

  async function changesWithValues(template: object, options: object = {}) {
    const { ChangeSetId: ChangeSetName } = await fixture.changeSet(name, template, options);
    const ask = new DescribeChangeSetCommand({ ChangeSetName, IncludePropertyValues: true });
    const { Changes = [] } = await fixture.send(ask);
    return new Map(
      Changes.flatMap(({ ResourceChange }) =>
        ResourceChange ? [[ResourceChange.LogicalResourceId, ResourceChange]] : [],
      ),
    );
  }

  it('shows where a property differs and both values, when asked for them', async () => {
    const policy = (minimum: number) => ({ minimum, maximum: 10 });
    const before = {
      Topic: topic({ DisplayName: 'one', ArchivePolicy: policy(1) }),
      Queue: queue({ QueueName: { 'Fn::Sub': 'q-${Topic}' }, DelaySeconds: 1 }),
      Gone: queue(),
    };
    await fixture.deploy(name, { Resources: before });
    const after = {
      Topic: topic({ TopicName: 'named', ArchivePolicy: policy(2) }),
      Queue: queue({ QueueName: { 'Fn::Sub': 'q-${Topic}' }, DelaySeconds: 1 }, { DeletionPolicy: 'Retain' }),
      New: topic({ DisplayName: 'new' }),
    };
    const changes = await changesWithValues({ Resources: after });
    expect(changes.get('Topic')?.Details?.map(({ Target }) => Target)).toEqual([
      {
        Attribute: 'Properties',
        Name: 'ArchivePolicy',
        RequiresRecreation: 'Never',
        Path: '/Properties/ArchivePolicy/minimum',
        BeforeValue: '1',
        AfterValue: '2',
        AttributeChangeType: 'Modify',
      },
      {
        Attribute: 'Properties',
        Name: 'DisplayName',
        RequiresRecreation: 'Never',
        Path: '/Properties/DisplayName',
        BeforeValue: 'one',
        AttributeChangeType: 'Remove',
      },
      {
        Attribute: 'Properties',
        Name: 'TopicName',
        RequiresRecreation: 'Always',
        Path: '/Properties/TopicName',
        AfterValue: 'named',
        AttributeChangeType: 'Add',
      },
    ]);
    expect(changes.get('Queue')?.Details?.map(({ Target }) => Target)).toMatchObject([
      { Path: '/Properties/QueueName', AfterValue: '{{changeSet:KNOWN_AFTER_APPLY}}' },
      { Attribute: 'DeletionPolicy', Path: '/DeletionPolicy', AfterValue: 'Retain' },
    ]);
    expect(JSON.parse(changes.get('New')?.AfterContext ?? '')).toMatchObject({
      Properties: { DisplayName: 'new' },
    });
    expect(changes.get('New')?.BeforeContext).toBeUndefined();
    expect(JSON.parse(changes.get('Gone')?.BeforeContext ?? '')).toMatchObject({ Properties: {} });
    const { Changes = [] } = await fixture.changeSet(name, { Resources: after });
    expect(JSON.stringify(Changes)).not.toMatch(/BeforeValue|Context|Path/);
  });

  it('hides the values of secret parameters', async () => {
    const template = {
      Parameters: { Password: { Type: 'String', NoEcho: true } },
      Resources: { Topic: topic({ DisplayName: { 'Fn::Sub': 'p:${Password}' } }) },
    };
    const password = (ParameterValue: string) => ({
      Parameters: [{ ParameterKey: 'Password', ParameterValue }],
    });
    await fixture.deploy(name, template, password('first-secret'));
    const changes = await changesWithValues(template, password('second-secret'));
    expect(changes.get('Topic')?.Details?.[0]?.Target).toMatchObject({
      BeforeValue: 'p:****',
      AfterValue: 'p:****',
    });
    expect(JSON.stringify([...changes.values()])).not.toMatch(/first-secret|second-secret/);
  });

  it('acts as a role only that is there and trusts CloudFormation', async () => {
    const iam = new IAMClient({
      region: 'us-east-1',
      endpoint: fixture.sandbox.endpoint,
      credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' },
    });
    const roleFor = async (Service: string) => {
      const Statement = [{ Effect: 'Allow', Principal: { Service }, Action: 'sts:AssumeRole' }];
      const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
      const RoleName = Service.split('.')[0];
      const { Role } = await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
      return Role?.Arn;
    };
    const request = {
      StackName: name,
      ChangeSetName: 'as-a-role',
      ChangeSetType: 'CREATE' as const,
      TemplateBody: JSON.stringify({ Resources: { Topic: topic() } }),
    };
    const nobody = 'arn:aws:iam::111122223333:role/nobody';
    for (const RoleARN of [nobody, await roleFor('ec2.amazonaws.com')]) {
      await expect(fixture.send(new CreateChangeSetCommand({ ...request, RoleARN }))).rejects.toMatchObject({
        name: 'ValidationError',
        message: `Role ${RoleARN} is invalid or cannot be assumed`,
      });
    }
    const RoleARN = await roleFor('cloudformation.amazonaws.com');
    const stack = await fixture.deploy(name, { Resources: { Topic: topic() } }, { RoleARN });
    expect(stack).toMatchObject({ StackStatus: 'CREATE_COMPLETE', RoleARN });
    await expect(
      fixture.send(new DeleteStackCommand({ StackName: name, RoleARN: nobody })),
    ).rejects.toMatchObject({ name: 'ValidationError' });
  });

  it('refuses the replacement of what a stack policy protects, until the policy says otherwise', async () => {
    await fixture.deploy(name, { Resources: { Topic: topic({ TopicName: 'one' }) } });
    const policy = (...denied: object[]) =>
      new SetStackPolicyCommand({
        StackName: name,
        StackPolicyBody: JSON.stringify({
          Statement: [{ Effect: 'Allow', Action: 'Update:*', Principal: '*', Resource: '*' }, ...denied],
        }),
      });
    await fixture.send(
      policy({
        Effect: 'Deny',
        Action: ['Update:Replace', 'Update:Delete'],
        Principal: '*',
        Resource: 'LogicalResourceId/Topic',
      }),
    );
    const renamed = { Resources: { Topic: topic({ TopicName: 'two' }) } };
    expect((await fixture.deploy(name, renamed)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const events = await fixture.events(name);
    expect(events.map((event) => event.ResourceStatusReason)).toContain(
      'Action denied by stack policy: Statement [#2] does not allow [Update:Replace] for resource [Topic]',
    );
    await fixture.send(policy());
    expect((await fixture.deploy(name, renamed)).StackStatus).toBe('UPDATE_COMPLETE');
  });
});
