import {
  CreateChangeSetCommand,
  DeleteStackCommand,
  DescribeStackEventsCommand,
  DescribeStackResourcesCommand,
  DescribeStacksCommand,
  ExecuteChangeSetCommand,
} from '@aws-sdk/client-cloudformation';
import { CreateSecretCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager';
import { type Fixture, queue, startFixture, topic } from './cloudformation-fixture.ts';

describe('CloudFormation requests', () => {
  let fixture: Fixture;
  let name: string;
  let count = 0;
  let journal: Fixture['journal'];

  beforeAll(async () => {
    fixture = await startFixture();
    ({ journal } = fixture);
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    name = `stack-${(count += 1)}`;
    journal.calls.length = 0;
    journal.failing.clear();
    journal.waiting.clear();
  });

  it('joins the operation under way when a call is repeated with its token', async () => {
    const TemplateBody = JSON.stringify({ Resources: { Topic: topic() } });
    const change = {
      StackName: name,
      ChangeSetName: 'c',
      ChangeSetType: 'CREATE' as const,
      TemplateBody,
      ClientToken: `${name}-c`,
    };
    const first = await fixture.send(new CreateChangeSetCommand(change));
    const again = await fixture.send(new CreateChangeSetCommand(change));
    expect(again.Id).toBe(first.Id);
    const execution = { ChangeSetName: first.Id ?? '', ClientRequestToken: `${name}-x` };
    await fixture.send(new ExecuteChangeSetCommand(execution));
    await fixture.send(new ExecuteChangeSetCommand(execution));
    await fixture.settled(name);
    await fixture.send(new ExecuteChangeSetCommand(execution));
    expect(journal.calls.filter((call) => call.startsWith('create'))).toHaveLength(1);
    await expect(
      fixture.send(new ExecuteChangeSetCommand({ ChangeSetName: first.Id ?? '' })),
    ).rejects.toMatchObject({
      name: 'InvalidChangeSetStatusException',
    });
    const { StackEvents = [] } = await fixture.send(new DescribeStackEventsCommand({ StackName: name }));
    expect(StackEvents[0]?.ClientRequestToken).toBe(`${name}-x`);
  });

  describe('a dynamic reference to a secret', () => {
    const password = "$& and $' are 100% of it";
    const shown = (reference: string) => ({
      Resources: { Topic: topic({ DisplayName: `<{{resolve:secretsmanager:${reference}}}>` }) },
    });
    beforeAll(async () => {
      const secrets = new SecretsManagerClient({
        region: 'us-east-1',
        endpoint: fixture.sandbox.endpoint,
        credentials: { accessKeyId: '111122223333', secretAccessKey: 'any' },
      });
      const SecretString = JSON.stringify({ password });
      await secrets.send(new CreateSecretCommand({ Name: 'app', SecretString }));
      await secrets.send(new CreateSecretCommand({ Name: 'plain', SecretString: 'not JSON' }));
    });

    it('gives the resource the value as it is, and shows it nowhere', async () => {
      await fixture.deploy(name, shown('app:SecretString:password'));
      expect(journal.calls).toEqual([`create Topic ${JSON.stringify({ DisplayName: `<${password}>` })}`]);
      const { StackEvents } = await fixture.send(new DescribeStackEventsCommand({ StackName: name }));
      expect(JSON.stringify(StackEvents)).not.toContain(password);
    });

    it.each([
      ['app:SecretString:user', 'JSONKey in SecretString: user'],
      ['plain:SecretString:user', 'Could not parse SecretString JSON of the secret plain'],
      ['nobody', "Secrets Manager can't find the specified secret."],
    ])('fails the resource when it says %s', async (reference, reason) => {
      await fixture.deploy(name, shown(reference));
      const failed = (await fixture.events(name)).find((event) => event.ResourceStatus === 'CREATE_FAILED');
      expect(failed).toMatchObject({ LogicalResourceId: 'Topic' });
      expect(failed?.ResourceStatusReason).toContain(reason);
      expect(failed?.ResourceStatusReason).not.toContain('not JSON');
      expect(journal.calls).toEqual([]);
    });
  });

  it('exports a value once, and keeps it while it is imported', async () => {
    const exporting = {
      Resources: { Topic: topic() },
      Outputs: { Topic: { Value: { Ref: 'Topic' }, Export: { Name: `${name}-topic` } } },
    };
    const { StackId = '' } = await fixture.deploy(name, exporting);
    const importing = { Resources: { Queue: queue({ QueueName: { 'Fn::ImportValue': `${name}-topic` } }) } };
    await fixture.deploy(`${name}-importer`, importing);
    expect(journal.calls.at(-1)).toContain('"QueueName":"topic:');
    const second = await fixture.deploy(`${name}-second`, exporting);
    expect(second.StackStatus).toBe('ROLLBACK_COMPLETE');
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    expect((await fixture.settled(StackId)).StackStatusReason).toBe(
      `Export ${name}-topic cannot be deleted as it is in use by ${name}-importer`,
    );
  });

  it.each([
    [
      'an unknown property',
      { T: topic({ Colour: 'red' }) },
      'Properties validation failed for resource T with message:\n#: extraneous key [Colour] is not permitted',
    ],
    [
      'a wrong type',
      { Q: queue({ DelaySeconds: 'soon' }) },
      '#/DelaySeconds: expected type: Integer, found: String',
    ],
    [
      'a missing property',
      { T: topic({ Subscription: [{ Protocol: 'sqs' }] }) },
      '#/Subscription/0: required key [Endpoint] not found',
    ],
  ])('fails a change set with %s', async (_case, Resources, reason) => {
    const changeSet = await fixture.changeSet(name, { Resources });
    expect(changeSet.Status).toBe('FAILED');
    expect(changeSet.StatusReason).toContain(reason);
  });

  it.each([
    [
      'a type that does not exist',
      { T: { Type: 'AWS::SNS::Tpoic' } },
      'Template format error: Unrecognized resource types: [AWS::SNS::Tpoic]',
    ],
    [
      'a type that is not emulated',
      { T: { Type: 'AWS::Lambda::Function' } },
      'does not emulate the resource types [AWS::Lambda::Function]',
    ],
    [
      'an unknown reference',
      { T: topic({ DisplayName: { Ref: 'Nobody' } }) },
      'Unresolved resource dependencies [Nobody] in the Resources block of the template',
    ],
    [
      'an unknown attribute',
      { T: topic(), Q: queue({ QueueName: { 'Fn::GetAtt': ['T', 'Colour'] } }) },
      'resource T does not support attribute type Colour in Fn::GetAtt',
    ],
    [
      'a circle',
      { A: topic({}, { DependsOn: 'B' }), B: topic({}, { DependsOn: 'A' }) },
      'Circular dependency between resources: [A, B]',
    ],
    ['no resource', {}, 'At least one Resources member must be defined.'],
    [
      'a policy that the type has not',
      { T: topic({}, { DeletionPolicy: 'Snapshot' }) },
      'does not support deletion policy Snapshot',
    ],
    [
      '51,201 bytes',
      { T: topic({ DisplayName: 'x'.repeat(51_201) }) },
      'Member must have length less than or equal to 51200',
    ],
  ])('refuses a template with %s', async (_case, Resources, message) => {
    await expect(fixture.changeSet(name, { Resources })).rejects.toThrow(message);
    await expect(fixture.send(new DescribeStacksCommand({ StackName: name }))).rejects.toThrow(
      'does not exist',
    );
  });

  it.each([
    [
      'unknown',
      {},
      [{ ParameterKey: 'P', ParameterValue: 'x' }],
      'Parameters: [P] do not exist in the template',
    ],
    ['missing', { P: { Type: 'String' } }, [], 'Parameters: [P] must have values'],
    ['not a number', { P: { Type: 'Number', Default: 'x' } }, [], "Parameter 'P' must be a number."],
    [
      'not allowed',
      { P: { Type: 'String', AllowedValues: ['a', 'b'], Default: 'c' } },
      [],
      'must be one of AllowedValues: a, b',
    ],
    [
      'of another pattern',
      { P: { Type: 'String', AllowedPattern: '.+@sha256:[0-9a-f]+', Default: 'app:latest' } },
      [],
      'must match pattern',
    ],
    [
      'too short',
      { P: { Type: 'String', MinLength: 3, Default: 'ab' } },
      [],
      'must contain at least 3 characters',
    ],
    ['too small', { P: { Type: 'Number', MinValue: 3, Default: 2 } }, [], 'must be a number not less than 3'],
    ['not an id', { P: { Type: 'AWS::EC2::VPC::Id', Default: 'vpc' } }, [], 'does not exist'],
  ])('refuses a parameter that is %s', async (_case, Parameters, given, message) => {
    await expect(
      fixture.changeSet(name, { Parameters, Resources: { T: topic() } }, { Parameters: given }),
    ).rejects.toThrow(message);
  });

  it('lists what a stack has, page by page', async () => {
    const Resources = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`T${index}`, topic()]));
    await fixture.deploy(name, { Resources });
    const { StackResources } = await fixture.send(new DescribeStackResourcesCommand({ StackName: name }));
    expect(StackResources).toHaveLength(40);
    const first = await fixture.send(new DescribeStackEventsCommand({ StackName: name }));
    expect(first.StackEvents).toHaveLength(100);
    const second = await fixture.send(
      new DescribeStackEventsCommand({ StackName: name, NextToken: first.NextToken }),
    );
    expect(second.StackEvents).toHaveLength(40 * 3 + 3 - 100);
    expect(second.NextToken).toBeUndefined();
  });
});
