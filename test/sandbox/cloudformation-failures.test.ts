/** Stacks that end where people have to help them: roll-backs and deletions that fail, and the ways out. */
import {
  ContinueUpdateRollbackCommand,
  DeleteStackCommand,
  DescribeStackResourceCommand,
  RollbackStackCommand,
} from '@aws-sdk/client-cloudformation';
import { type Fixture, queue, startFixture, topic } from './cloudformation-fixture.ts';

let fixture: Fixture;
let name: string;
let count = 0;

beforeAll(async () => {
  fixture = await startFixture();
});
afterAll(() => fixture.stop());
beforeEach(async () => {
  name = `failing-${(count += 1)}`;
  await fixture.control('DELETE faults');
});

const aliveOf = (stackName: string) =>
  [...fixture.journal.alive].filter((id) => id.includes(`${stackName}-`));
const statusOf = async (LogicalResourceId: string) => {
  const command = new DescribeStackResourceCommand({ StackName: name, LogicalResourceId });
  return (await fixture.send(command)).StackResourceDetail?.ResourceStatus;
};
const failing = (rule: object, message: string) =>
  fixture.control('POST faults', { match: name, ...rule, effect: { kind: 'fail', message } });

const content = (text: string) => ({
  Resources: {
    Topic: topic({ DisplayName: text }),
    Queue: queue({ QueueName: { 'Fn::Sub': `${text}-\${Topic}` } }),
    Second: queue({ DelaySeconds: text.length }, { DependsOn: 'Topic' }),
  },
});

/** An update whose queue fails, and whose topic then does not go back. */
async function failTheRollback(times?: number): Promise<void> {
  await fixture.deploy(name, content('one'));
  const update = { action: 'update', times: 1 };
  await failing({ resourceType: 'AWS::SQS::Queue', ...update, during: 'work' }, 'No.');
  await failing(
    { resourceType: 'AWS::SNS::Topic', action: 'update', during: 'rollback', ...(times && { times }) },
    'Stuck.',
  );
  const stack = await fixture.deploy(name, content('three'));
  expect(stack.StackStatus).toBe('UPDATE_ROLLBACK_FAILED');
  expect(stack.StackStatusReason).toBe('The following resource(s) failed to update: [Topic].');
}

describe('a roll-back that fails', () => {
  it('tells the first failure and the one that keeps it from going back, and goes on when it is asked to', async () => {
    await failTheRollback(1);
    const events = (await fixture.events(name)).filter(({ ResourceStatus }) =>
      ResourceStatus?.endsWith('_FAILED'),
    );
    const cancelled = 'Resource update cancelled';
    expect(
      events
        .filter(({ ResourceStatusReason }) => ResourceStatusReason !== cancelled)
        .map((event) => [
          event.ResourceType?.split('::')[2],
          event.ResourceStatus,
          event.ResourceStatusReason,
        ]),
    ).toEqual([
      ['Queue', 'UPDATE_FAILED', 'No.'],
      ['Topic', 'UPDATE_FAILED', 'Stuck.'],
      ['Stack', 'UPDATE_ROLLBACK_FAILED', 'The following resource(s) failed to update: [Topic].'],
    ]);
    await expect(fixture.deploy(name, content('four'))).rejects.toThrow(
      'is in UPDATE_ROLLBACK_FAILED state and can not be updated',
    );
    await fixture.send(new ContinueUpdateRollbackCommand({ StackName: name, ClientRequestToken: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect((await fixture.deploy(name, content('four'))).StackStatus).toBe('UPDATE_COMPLETE');
  });

  it('skips what never goes back, and only that', async () => {
    await failTheRollback();
    await fixture.send(new ContinueUpdateRollbackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_FAILED');
    await expect(
      fixture.send(new ContinueUpdateRollbackCommand({ StackName: name, ResourcesToSkip: ['Second'] })),
    ).rejects.toThrow('cannot be skipped: [Second]');
    await fixture.send(new ContinueUpdateRollbackCommand({ StackName: name, ResourcesToSkip: ['Topic'] }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(await statusOf('Topic')).toBe('UPDATE_COMPLETE');
    await expect(fixture.send(new ContinueUpdateRollbackCommand({ StackName: name }))).rejects.toThrow(
      'is in UPDATE_ROLLBACK_COMPLETE state and its rollback can not be continued.',
    );
  });

  it('is deleted whole, what it was to replace and what was to replace it among it', async () => {
    const named = (text: string) => ({
      Resources: {
        Replaced: topic({ TopicName: text }),
        Topic: topic({ DisplayName: text }),
        Queue: queue({ DelaySeconds: text.length }, { DependsOn: ['Replaced', 'Topic'] }),
      },
    });
    await fixture.deploy(name, named('one'));
    await failing({ resourceType: 'AWS::SQS::Queue', action: 'update', times: 1 }, 'No.');
    await failing({ resourceType: 'AWS::SNS::Topic', action: 'update', during: 'rollback' }, 'Stuck.');
    const stack = await fixture.deploy(name, named('three'));
    expect(stack.StackStatus).toBe('UPDATE_ROLLBACK_FAILED');
    expect(aliveOf(name)).toHaveLength(4);
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    expect((await fixture.settled(stack.StackId ?? '')).StackStatus).toBe('DELETE_COMPLETE');
    expect(aliveOf(name)).toEqual([]);
  });

  it('leaves a creation in ROLLBACK_FAILED, from which it can be deleted', async () => {
    await failing({ resourceType: 'AWS::SQS::Queue', action: 'create', times: 1 }, 'No.');
    await failing({ resourceType: 'AWS::SNS::Topic', action: 'delete', during: 'rollback' }, 'In use.');
    const stack = await fixture.deploy(name, content('one'));
    expect(stack.StackStatus).toBe('ROLLBACK_FAILED');
    expect(stack.StackStatusReason).toBe('The following resource(s) failed to delete: [Topic].');
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    expect((await fixture.settled(stack.StackId ?? '')).StackStatus).toBe('DELETE_COMPLETE');
    expect(aliveOf(name)).toEqual([]);
  });
});

describe('a failure that is left as it is', () => {
  it('is rolled back when somebody asks for it', async () => {
    await failing({ resourceType: 'AWS::SQS::Queue', action: 'create', times: 1 }, 'No.');
    const failed = await fixture.deploy(name, content('one'), { OnStackFailure: 'DO_NOTHING' });
    expect(failed.StackStatus).toBe('CREATE_FAILED');
    expect(aliveOf(name).length).toBeGreaterThan(0);
    await fixture.send(new RollbackStackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('ROLLBACK_COMPLETE');
    expect(aliveOf(name)).toEqual([]);
    await expect(fixture.send(new RollbackStackCommand({ StackName: name }))).rejects.toThrow(
      'is in ROLLBACK_COMPLETE state and can not be rolled back',
    );
  });

  it('gives an update back what it was', async () => {
    await fixture.deploy(name, content('one'));
    await failing({ resourceType: 'AWS::SQS::Queue', action: 'update', times: 1 }, 'No.');
    const failed = await fixture.deploy(name, content('three'), { OnStackFailure: 'DO_NOTHING' });
    expect(failed.StackStatus).toBe('UPDATE_FAILED');
    await fixture.send(new RollbackStackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('UPDATE_ROLLBACK_COMPLETE');
    expect(fixture.journal.calls).toContain('update Topic {"DisplayName":"one"}');
    const { Status } = await fixture.changeSet(name, content('one'));
    expect(Status).toBe('FAILED'); // There is nothing to change.
  });
});

describe('a deletion that fails', () => {
  it('can be forced, and leaves behind what would not go', async () => {
    const { StackId = '' } = await fixture.deploy(name, content('one'));
    await expect(
      fixture.send(new DeleteStackCommand({ StackName: name, DeletionMode: 'FORCE_DELETE_STACK' })),
    ).rejects.toThrow('only when they are in the DELETE_FAILED state');
    await failing({ resourceType: 'AWS::SNS::Topic', action: 'delete' }, 'In use.');
    await fixture.send(new DeleteStackCommand({ StackName: name }));
    expect((await fixture.settled(name)).StackStatus).toBe('DELETE_FAILED');
    await fixture.send(new DeleteStackCommand({ StackName: name, DeletionMode: 'FORCE_DELETE_STACK' }));
    expect((await fixture.settled(StackId)).StackStatus).toBe('DELETE_COMPLETE');
    expect(aliveOf(name).map((id) => id.split('-')[2])).toEqual(['Topic']);
  });

  it('refuses a fault rule that names a part of an operation beside a call', async () => {
    const effect = { kind: 'throttle' };
    await expect(
      fixture.control('POST faults', { service: 'kms', during: 'rollback', effect }),
    ).rejects.toThrow('"action" and "during" go with "resourceType" only.');
    await expect(
      fixture.control('POST faults', { resourceType: 'AWS::KMS::Key', during: 'later', effect }),
    ).rejects.toThrow('"during" must be work, rollback or cleanup.');
  });
});
