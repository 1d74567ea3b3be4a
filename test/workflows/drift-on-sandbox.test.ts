import { setMaxListeners } from 'node:events';
import { listAudit } from '../../lib/db/audit-store.ts';
import type { Database } from '../../lib/db/database.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { detectDrift } from '../../lib/reconcilers/detect-drift.ts';
import type { Repeating } from '../../lib/reconcilers/periodically.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import {
  listDriftHistory,
  type PracticeDrift,
  readDrift,
  requestDriftCheck,
} from '../../lib/use-cases/practice-drift.ts';
import { readDrift as compareSilo } from '../../lib/workflows/read-drift.ts';
import { type SandboxedControlPlane, siloParts, startProvisionedSilo } from '../builders/provisioned-silo.ts';
import { eventually, silent } from '../builders/runs.ts';
import type { SandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };
const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };
const practiceId = 'alder-aba';

describe('drift, on the sandbox cloud', () => {
  let silo: SandboxedControlPlane;
  let cloud: SandboxCloud;
  let database: Database;
  let drift: Repeating | undefined;
  let core: Core;
  let outputs: Record<string, string>;

  beforeAll(async () => {
    silo = await startProvisionedSilo(practiceId);
    ({ cloud, database, core } = silo);
    outputs = await silo.outputs(practiceId);
    drift = detectDrift({
      sourcesOf: async () => ({ ...siloParts, cloud: cloud.ports }),
      db: database.db,
      clock,
      log: silent,
      everyMs: 86_400_000,
      passEveryMs: 50,
    });
  }, 180_000);
  afterAll(async () => {
    await drift?.stop();
    await silo.stop();
  });

  const look = async (): Promise<PracticeDrift> => {
    const requestedAt = await requestDriftCheck(core, practiceId, actor);
    return eventually('a look at the silo', async () => {
      const seen = await readDrift(core, practiceId);
      return seen.checkedAt !== null && seen.checkedAt >= requestedAt ? seen : undefined;
    });
  };
  const output = (name: string): string => outputs[name] ?? '';
  const where = ({ differences }: PracticeDrift) =>
    differences.map(({ kind, resource }) => `${kind} ${resource}`);

  test('a change made by hand is named, with what to do about it, and cleared when it is set back', async () => {
    // A silo as it was deployed is in sync: what is meant to differ is not told as drift.
    expect(await look()).toMatchObject({ state: 'in_sync', differences: [], problems: [] });

    const [entrance = ''] = (await cloud.ports.silo.loadBalancer(output('LoadBalancerArn'))).securityGroupIds;
    await cloud.damage.openToAll(entrance);
    await cloud.damage.keepLogs(output('AppLogGroupName'), 30);
    const redirectAgain = await cloud.damage.answerPlainly(output('LoadBalancerArn'));
    const drifted = await look();
    expect(drifted.state).toBe('drifted');
    expect(drifted.differences).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          component: 'foundation',
          kind: 'resource',
          type: 'AWS::EC2::SecurityGroup',
          physicalId: entrance,
          property: expect.stringMatching(/^\/SecurityGroupIngress/),
          actual: expect.stringContaining('0.0.0.0/0'),
          nextAction: expect.stringContaining('CloudTrail'),
        }),
        expect.objectContaining({
          type: 'AWS::Logs::LogGroup',
          property: '/RetentionInDays',
          expected: '2192',
          actual: '30',
        }),
      ]),
    );
    expect(where(drifted).toSorted()).toEqual([
      'check entrance-plain-redirected',
      'check logs-kept',
      'check only-entrance-open',
      'resource AppLogGroup',
      expect.stringMatching(/^resource .*LoadBalancer/),
    ]);

    // Nothing is set back by itself, and a second look at the same silo tells no news.
    expect((await look()).since).toEqual(drifted.since);

    await redirectAgain();
    await cloud.damage.shut(entrance);
    await cloud.damage.keepLogs(output('AppLogGroupName'), 2192);
    expect(await look()).toMatchObject({ state: 'in_sync', differences: [] });

    const history = await listDriftHistory(core, practiceId, { limit: 3 });
    expect(history.items.map(({ state }) => state)).toEqual(['in_sync', 'drifted', 'in_sync']);
    const trail = await listAudit(database.db, { subjectId: practiceId, limit: 50 });
    const told = trail.items
      .map(({ action }) => action)
      .filter((action) => /drift_(appear|clear|change)/.test(action));
    expect(told.slice(0, 2)).toEqual(['practice.drift_cleared', 'practice.drift_appeared']);
  });

  test('what no template says is found too: rules beside it, an open default group, a stack without protection', async () => {
    const group = await cloud.ports.silo.defaultSecurityGroup(output('VpcId'));
    await cloud.damage.openToAll(group.id);
    await cloud.damage.openToAll(output('AppSecurityGroupId'));
    await cloud.ports.stacks.setTerminationProtection(`lumenality-${practiceId}-data`, false);
    expect(where(await look())).toEqual([
      'stack lumenality-alder-aba-data',
      'check default-security-group-closed',
      'check only-entrance-open',
    ]);
    await cloud.damage.shut(group.id);
    await cloud.damage.shut(output('AppSecurityGroupId'));
    await cloud.ports.stacks.setTerminationProtection(`lumenality-${practiceId}-data`, true);
    expect((await look()).state).toBe('in_sync');
  });

  test('a silo that cannot be read whole is unknown, never in sync, and says what was refused', async () => {
    const lift = await cloud.fault({
      service: 'cloudformation',
      operation: 'DetectStackDrift',
      match: `lumenality-${practiceId}-service`,
      effect: { kind: 'error', code: 'AccessDenied', message: 'User is not authorized', status: 403 },
    });
    expect(await look()).toMatchObject({
      state: 'unknown',
      differences: [],
      problems: [expect.stringContaining('DetectStackDrift answered AccessDenied')],
    });
    await lift();
    expect((await look()).state).toBe('in_sync');
  });

  test('a silo that AWS has no time to show is looked at again later, and nothing is concluded', async () => {
    const lift = await cloud.fault({
      service: 'kms',
      operation: 'DescribeKey',
      effect: { kind: 'error', code: 'KMSInternalException', message: 'busy', status: 500 },
    });
    const practice = await findPractice(database.db, practiceId);
    if (practice === undefined) throw new Error('no practice');
    const { signal } = new AbortController();
    setMaxListeners(100, signal);
    const sources = { ...siloParts, db: database.db, cloud: cloud.ports, now: clock.now, signal };
    await expect(compareSilo(sources, practice)).rejects.toMatchObject({
      retryable: true,
      publicMessage: expect.stringContaining('kms:DescribeKey answered KMSInternalException'),
    });
    await lift();
    expect((await compareSilo(sources, practice)).problems).toEqual([]);
  });
});
