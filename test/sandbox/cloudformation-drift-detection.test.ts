import {
  DescribeStackDriftDetectionStatusCommand,
  DescribeStackResourceDriftsCommand,
  DetectStackDriftCommand,
} from '@aws-sdk/client-cloudformation';
import { type Fixture, queue, startFixture, topic } from './cloudformation-fixture.ts';

describe('a drift detection', () => {
  const StackName = 'looked-at';
  let fixture: Fixture;

  beforeAll(async () => {
    fixture = await startFixture();
    await fixture.deploy(StackName, { Resources: { Topic: topic(), Queue: queue() } });
  });
  afterAll(() => fixture.stop());
  beforeEach(() => {
    fixture.journal.failing.clear();
    fixture.journal.waiting.clear();
  });

  const begin = () => fixture.send(new DetectStackDriftCommand({ StackName }));
  const statusOf = (StackDriftDetectionId = '') =>
    fixture.send(new DescribeStackDriftDetectionStatusCommand({ StackDriftDetectionId }));
  async function detect() {
    const { StackDriftDetectionId } = await begin();
    for (;;) {
      const found = await statusOf(StackDriftDetectionId);
      if (found.DetectionStatus !== 'DETECTION_IN_PROGRESS') return found;
    }
  }
  const statuses = async () => {
    const { StackResourceDrifts = [] } = await fixture.send(
      new DescribeStackResourceDriftsCommand({ StackName }),
    );
    return StackResourceDrifts.map((drift) =>
      [drift.LogicalResourceId, drift.StackResourceDriftStatus, drift.DriftStatusReason].join(' ').trim(),
    );
  };

  test('that cannot read a resource fails with the reason, and keeps what it did find', async () => {
    fixture.journal.failing.set('read Topic', 'Access denied.');
    expect(await detect()).toMatchObject({
      DetectionStatus: 'DETECTION_FAILED',
      DetectionStatusReason: 'Failed to detect drift on resource(s) [Topic: Access denied.]',
      StackDriftStatus: 'UNKNOWN',
      DriftedStackResourceCount: 0,
    });
    expect(await statuses()).toEqual(['Queue IN_SYNC', 'Topic UNKNOWN Access denied.']);
    fixture.journal.failing.clear();
    expect(await detect()).toMatchObject({
      DetectionStatus: 'DETECTION_COMPLETE',
      StackDriftStatus: 'IN_SYNC',
    });
    expect(await statuses()).toEqual(['Queue IN_SYNC', 'Topic IN_SYNC']);
  });

  test('is the only one of its stack while it is under way', async () => {
    let goOn: () => void = () => {};
    fixture.journal.waiting.set('read Queue', new Promise((resolve) => (goOn = resolve)));
    const { StackDriftDetectionId } = await begin();
    await expect(begin()).rejects.toThrow(/already in progress/);
    expect(await statusOf(StackDriftDetectionId)).toMatchObject({ DetectionStatus: 'DETECTION_IN_PROGRESS' });
    goOn();
    for (;;) {
      const { DetectionStatus } = await statusOf(StackDriftDetectionId);
      if (DetectionStatus === 'DETECTION_COMPLETE') break;
    }
    await expect(detect()).resolves.toMatchObject({ DetectionStatus: 'DETECTION_COMPLETE' });
  });
});
