import {
  CancelUpdateStackCommand,
  ContinueUpdateRollbackCommand,
  CreateStackCommand,
  DeleteStackCommand,
  DescribeStacksCommand,
  GetStackPolicyCommand,
  SetStackPolicyCommand,
  UpdateStackCommand,
  UpdateTerminationProtectionCommand,
} from '@aws-sdk/client-cloudformation';
import { type Fixture, queue, startFixture, topic } from './cloudformation-fixture.ts';

describe('stack operations', () => {
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

  const aliveOf = (stackName: string) =>
    [...fixture.journal.alive].filter((id) => id.includes(`:${stackName}-`));
  const lines = async () =>
    (await fixture.events(name)).map((event) => `${event.LogicalResourceId} ${event.ResourceStatus}`);

  it('creates in the order of dependencies, with an event for every step', async () => {
    const stack = await fixture.deploy(
      name,
      {
        Parameters: { Shown: { Type: 'String', Default: 'Hello' }, Hidden: { Type: 'String', NoEcho: true } },
        Resources: {
          Queue: queue({
            VisibilityTimeout: '30',
            Tags: [{ Key: 'topic', Value: { 'Fn::GetAtt': ['Topic', 'TopicArn'] } }],
          }),
          Topic: topic({ DisplayName: { Ref: 'Shown' } }),
        },
        Outputs: { Topic: { Value: { Ref: 'Topic' } } },
      },
      {
        Parameters: [{ ParameterKey: 'Hidden', ParameterValue: 'secret' }],
        Tags: [{ Key: 'practice', Value: 'a' }],
      },
    );
    expect(stack).toMatchObject({
      StackStatus: 'CREATE_COMPLETE',
      Outputs: [{ OutputKey: 'Topic', OutputValue: expect.stringMatching(/^topic:/) }],
      Tags: [{ Key: 'practice', Value: 'a' }],
    });
    expect(stack.Parameters).toEqual(
      expect.arrayContaining([{ ParameterKey: 'Hidden', ParameterValue: '****' }]),
    );
    expect(journal.calls[0]).toBe('create Topic {"DisplayName":"Hello"}');
    expect(journal.calls[1]).toContain('create Queue {"VisibilityTimeout":30,');
    expect(await lines()).toEqual([
      `${name} REVIEW_IN_PROGRESS`,
      `${name} CREATE_IN_PROGRESS`,
      'Topic CREATE_IN_PROGRESS',
      'Topic CREATE_IN_PROGRESS',
      'Topic CREATE_COMPLETE',
      'Queue CREATE_IN_PROGRESS',
      'Queue CREATE_IN_PROGRESS',
      'Queue CREATE_COMPLETE',
      `${name} CREATE_COMPLETE`,
    ]);
    const recorded = (await fixture.events(name)).find(
      (event) => event.ResourceStatus === 'CREATE_COMPLETE' && event.LogicalResourceId === 'Queue',
    );
    expect(recorded?.ResourceStatusReason).toBe('Recorded without behaviour by the sandbox');
  });

  it('rolls a failed creation back, and says which resource failed and why', async () => {
    journal.failing.set('create Queue', 'The queue cannot be made.');
    const stack = await fixture.deploy(name, {
      Resources: {
        Topic: topic(),
        Kept: topic({}, { DeletionPolicy: 'Retain' }),
        Queue: queue({}, { DependsOn: ['Topic', 'Kept'] }),
      },
    });
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    const events = await fixture.events(name);
    expect(events.find((event) => event.ResourceStatus === 'CREATE_FAILED')).toMatchObject({
      LogicalResourceId: 'Queue',
      ResourceStatusReason: 'The queue cannot be made.',
    });
    expect(
      events.find((event) => event.ResourceStatus === 'ROLLBACK_IN_PROGRESS')?.ResourceStatusReason,
    ).toBe('The following resource(s) failed to create: [Queue]. Rollback requested by user.');
    expect(aliveOf(name)).toEqual([expect.stringContaining('-Kept-')]);
    await expect(
      fixture.changeSet(name, { Resources: { Topic: topic() } }, { ChangeSetType: 'UPDATE' }),
    ).rejects.toThrow('is in ROLLBACK_COMPLETE state and can not be updated.');
  });

  it('cancels what is being created beside a failure', async () => {
    journal.waiting.set('create Slow', new Promise(() => undefined));
    journal.failing.set('create Queue', 'No.');
    const stack = await fixture.deploy(name, { Resources: { Slow: topic(), Queue: queue() } });
    expect(stack.StackStatus).toBe('ROLLBACK_COMPLETE');
    const slow = (await fixture.events(name)).find(
      (event) => event.LogicalResourceId === 'Slow' && event.ResourceStatus === 'CREATE_FAILED',
    );
    expect(slow?.ResourceStatusReason).toBe('Resource creation cancelled');
    expect(aliveOf(name)).toEqual([]);
  });

  it('updates in place, replaces, adds and removes, each as the change set said', async () => {
    const first = {
      Resources: {
        Same: topic({ DisplayName: 'same' }),
        Updated: topic({ DisplayName: 'one' }),
        Replaced: topic({ TopicName: 'one' }),
        Dependent: queue({ Tags: [{ Key: 'topic', Value: { Ref: 'Replaced' } }] }),
        Removed: topic(),
      },
    };
    await fixture.deploy(name, first);
    const [replacedBefore] = aliveOf(name).filter((id) => id.includes('-Replaced-'));
    journal.calls.length = 0;
    const second = {
      Resources: {
        ...first.Resources,
        Updated: topic({ DisplayName: 'two' }),
        Replaced: topic({ TopicName: 'two' }),
        Removed: undefined,
        Added: topic(),
      },
    };
    const { Changes = [] } = await fixture.changeSet(name, second);
    expect(
      Changes.map(({ ResourceChange: change }) => [
        change?.LogicalResourceId,
        change?.Action,
        change?.Replacement,
      ]),
    ).toEqual([
      ['Added', 'Add', undefined],
      ['Dependent', 'Modify', 'False'],
      ['Removed', 'Remove', undefined],
      ['Replaced', 'Modify', 'True'],
      ['Updated', 'Modify', 'False'],
    ]);
    expect(Changes[3]?.ResourceChange?.Details).toEqual([
      {
        Target: { Attribute: 'Properties', Name: 'TopicName', RequiresRecreation: 'Always' },
        Evaluation: 'Static',
        ChangeSource: 'DirectModification',
      },
    ]);
    expect(Changes[1]?.ResourceChange?.Scope).toEqual(['Tags']);

    expect((await fixture.deploy(name, second)).StackStatus).toBe('UPDATE_COMPLETE');
    expect(journal.calls.filter((call) => call.startsWith('update'))).toEqual([
      'update Updated {"DisplayName":"two"}',
      expect.stringMatching(/^update Dependent .*topic:/),
    ]);
    expect(journal.calls.filter((call) => call.startsWith('delete'))).toEqual(
      expect.arrayContaining([
        `delete Replaced "${replacedBefore}"`,
        expect.stringContaining('delete Removed'),
      ]),
    );
    expect(aliveOf(name)).toHaveLength(5);
  });

  it('calls a replacement conditional when it hangs on a value that is not known yet', async () => {
    const template = (topicName: string) => ({
      Resources: {
        Topic: topic({ TopicName: topicName }),
        Queue: queue({ QueueName: { 'Fn::Sub': 'q-${Topic}' } }),
      },
    });
    await fixture.deploy(name, template('one'));
    const { Changes = [] } = await fixture.changeSet(name, template('two'));
    expect(Changes[0]?.ResourceChange).toMatchObject({
      LogicalResourceId: 'Queue',
      Replacement: 'Conditional',
      Details: [{ Evaluation: 'Dynamic', ChangeSource: 'ResourceReference', CausingEntity: 'Topic' }],
    });
  });

  it('names the parameter that causes a change', async () => {
    const template = {
      Parameters: { Label: { Type: 'String' } },
      Resources: { Topic: topic({ DisplayName: { Ref: 'Label' } }) },
    };
    const label = (value: string) => ({ Parameters: [{ ParameterKey: 'Label', ParameterValue: value }] });
    await fixture.deploy(name, template, label('one'));
    const { Changes = [] } = await fixture.changeSet(name, template, label('two'));
    expect(Changes[0]?.ResourceChange?.Details).toMatchObject([
      { ChangeSource: 'ParameterReference', CausingEntity: 'Label' },
    ]);
  });

  it('rolls a failed update back to the properties before it', async () => {
    await fixture.deploy(name, {
      Resources: { Topic: topic({ DisplayName: 'one' }), Named: topic({ TopicName: 'one' }), Queue: queue() },
    });
    const before = aliveOf(name);
    journal.failing.set('update Queue', 'Not now.');
    const stack = await fixture.deploy(name, {
      Resources: {
        Topic: topic({ DisplayName: 'two' }),
        Named: topic({ TopicName: 'two' }),
        Added: topic(),
        Queue: queue({ DelaySeconds: 5 }, { DependsOn: ['Topic', 'Named', 'Added'] }),
      },
    });
    expect(stack.StackStatus).toBe('UPDATE_ROLLBACK_FAILED'); // The queue refuses to go back, too.
    journal.failing.clear();
    await fixture.send(new ContinueUpdateRollbackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(journal.calls).toContain('update Topic {"DisplayName":"one"}');
    expect(aliveOf(name).sort()).toEqual(before.sort());
    const reason = (await fixture.events(name)).find(
      (event) => event.ResourceStatus === 'UPDATE_ROLLBACK_IN_PROGRESS',
    );
    expect(reason?.ResourceStatusReason).toBe('The following resource(s) failed to update: [Queue].');
    // What was rolled back is what a later change set compares with.
    const { Status } = await fixture.changeSet(name, {
      Resources: { Topic: topic({ DisplayName: 'one' }), Named: topic({ TopicName: 'one' }), Queue: queue() },
    });
    expect(Status).toBe('FAILED');
  });

  it('cancels an update on request', async () => {
    await fixture.deploy(name, { Resources: { Topic: topic() } });
    journal.waiting.set('update Topic', new Promise(() => undefined));
    await fixture.send(
      new UpdateStackCommand({
        StackName: name,
        TemplateBody: JSON.stringify({ Resources: { Topic: topic({ DisplayName: 'x' }) } }),
      }),
    );
    while (!journal.calls.some((call) => call.startsWith('update')))
      await new Promise((resolve) => setTimeout(resolve, 5));
    journal.waiting.clear();
    await fixture.send(new CancelUpdateStackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
  });

  it('says in the words that tools look for when there is nothing to change', async () => {
    const template = { Resources: { Topic: topic() } };
    await fixture.deploy(name, template);
    expect(await fixture.changeSet(name, template)).toMatchObject({
      Status: 'FAILED',
      ExecutionStatus: 'UNAVAILABLE',
      StatusReason:
        "The submitted information didn't contain changes. Submit different information to create a change set.",
    });
    await expect(
      fixture.send(new UpdateStackCommand({ StackName: name, TemplateBody: JSON.stringify(template) })),
    ).rejects.toThrow('No updates are to be performed.');
    const withOutput = { ...template, Outputs: { Topic: { Value: { Ref: 'Topic' } } } };
    expect(await fixture.deploy(name, withOutput)).toMatchObject({
      StackStatus: 'UPDATE_COMPLETE',
      Outputs: [{ OutputKey: 'Topic' }],
    });
  });

  it('passes stack tags on, and a changed one is an update of what is taggable', async () => {
    const template = { Resources: { Topic: topic() } };
    await fixture.deploy(name, template, { Tags: [{ Key: 'release', Value: '1' }] });
    const { Changes = [] } = await fixture.changeSet(name, template, {
      Tags: [{ Key: 'release', Value: '2' }],
    });
    expect(Changes).toMatchObject([
      { ResourceChange: { LogicalResourceId: 'Topic', Scope: ['Tags'], Replacement: 'False' } },
    ]);
  });

  it('keeps what a stack policy protects, and rolls the update back', async () => {
    await fixture.deploy(name, { Resources: { Topic: topic({ TopicName: 'one' }), Other: topic() } });
    const StackPolicyBody = JSON.stringify({
      Statement: [
        { Effect: 'Allow', Principal: '*', Action: 'Update:*', Resource: '*' },
        {
          Effect: 'Deny',
          Principal: '*',
          Action: ['Update:Replace', 'Update:Delete'],
          Resource: '*',
          Condition: { StringEquals: { ResourceType: ['AWS::SNS::Topic'] } },
        },
      ],
    });
    await fixture.send(new SetStackPolicyCommand({ StackName: name, StackPolicyBody }));
    const replaced = await fixture.deploy(name, {
      Resources: { Topic: topic({ TopicName: 'two' }), Other: topic() },
    });
    expect(replaced.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    const denied = (await fixture.events(name)).find((event) => event.ResourceStatus === 'UPDATE_FAILED');
    expect(denied?.ResourceStatusReason).toBe(
      'Action denied by stack policy: Statement [#2] does not allow [Update:Replace] for resource [Topic]',
    );
    const removed = await fixture.deploy(name, { Resources: { Topic: topic({ TopicName: 'one' }) } });
    expect(removed.StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(aliveOf(name)).toHaveLength(2);
    expect(
      (
        await fixture.deploy(name, {
          Resources: { Topic: topic({ TopicName: 'one', DisplayName: 'x' }), Other: topic() },
        })
      ).StackStatus,
    ).toBe('UPDATE_COMPLETE');
    await expect(fixture.send(new GetStackPolicyCommand({ StackName: name }))).resolves.toMatchObject({
      StackPolicyBody,
    });
  });

  it('deletes dependents first, retains what is to be retained, and can be asked again after a failure', async () => {
    const { StackId = '' } = await fixture.deploy(name, {
      Resources: {
        Topic: topic(),
        Queue: queue({}, { DependsOn: 'Topic' }),
        Kept: topic({}, { DeletionPolicy: 'RetainExceptOnCreate' }),
      },
    });
    journal.failing.set('delete Topic', 'In use.');
    await fixture.send(
      new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: true }),
    );
    await expect(fixture.send(new DeleteStackCommand({ StackName: name }))).rejects.toThrow(
      'TerminationProtection is enabled',
    );
    await fixture.send(
      new UpdateTerminationProtectionCommand({ StackName: name, EnableTerminationProtection: false }),
    );
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    const failed = await fixture.settled(name);
    expect(failed.StackStatus).toBe('DELETE_FAILED');
    expect(failed.StackStatusReason).toContain('The following resource(s) failed to delete: [Topic].');
    expect(journal.calls.slice(-2).map((call) => call.slice(0, 12))).toEqual([
      'delete Queue',
      'delete Topic',
    ]);
    await fixture.send(new DeleteStackCommand({ StackName: name, RetainResources: ['Topic'] }));
    expect((await fixture.settled(StackId)).StackStatus).toBe('DELETE_COMPLETE');
    expect(aliveOf(name).map((id) => id.split('-')[2])).toEqual(['Topic', 'Kept']);
    await expect(fixture.send(new DescribeStacksCommand({ StackName: name }))).rejects.toThrow(
      `Stack with id ${name} does not exist`,
    );
    await expect(fixture.send(new DeleteStackCommand({ StackName: name }))).resolves.toBeDefined();
  });

  it('deletes a stack that is still being created', async () => {
    journal.waiting.set('create Topic', new Promise(() => undefined));
    const { StackId = '' } = await fixture.send(
      new CreateStackCommand({
        StackName: name,
        TemplateBody: JSON.stringify({ Resources: { Topic: topic() } }),
      }),
    );
    while (journal.calls.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    expect((await fixture.settled(StackId)).StackStatus).toBe('DELETE_COMPLETE');
    expect(aliveOf(name)).toEqual([]);
  });
});
