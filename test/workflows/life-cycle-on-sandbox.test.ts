import { setMaxListeners } from 'node:events';
import { CloudWatchLogsClient, CreateLogGroupCommand } from '@aws-sdk/client-cloudwatch-logs';
import { sandboxDefaults } from '../../lib/config.ts';
import { listAudit } from '../../lib/db/audit-store.ts';
import { reservedBy } from '../../lib/db/capacity-store.ts';
import { listEvidence } from '../../lib/db/evidence-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { noAmounts } from '../../lib/domain/capacity.ts';
import { advanceDue } from '../../lib/reconcilers/advance-offboardings.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import {
  cancelOffboarding,
  offboardPractice,
  readOffboarding,
} from '../../lib/use-cases/offboard-practice.ts';
import { resumePractice, suspendPractice } from '../../lib/use-cases/practice-access.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { readDrift } from '../../lib/workflows/read-drift.ts';
import { freshKey } from '../builders/api.ts';
import { recordTestCell } from '../builders/cells.ts';
import { type SandboxedControlPlane, siloParts, startProvisionedSilo } from '../builders/provisioned-silo.ts';
import { silent } from '../builders/runs.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['security_admin'], requestId: 'test-request' };
const reason = 'asked for by the practice';
const dayMs = 86_400_000;

/** Every row of the audit trail that the life below leaves of the practice, each once and in this order. */
const wholeTrail = [
  'activated',
  'suspension_requested',
  'suspended',
  'resumption_requested',
  'resumed',
  'offboarding_requested',
  'offboarding_began',
  'offboarding_cancel_requested',
  'resumed',
  'offboarding_cancelled',
  'offboarding_requested',
  'offboarding_began',
  'offboarding_advanced',
  'final_snapshot_taken',
  'removal_began',
  'deprovisioned',
  'offboarding_advanced',
  'key_deletion_scheduled',
  'offboarding_cancel_requested',
  'key_kept',
  'offboarding_advanced',
  'key_deletion_scheduled',
  'offboarding_advanced',
  'shredded',
];

describe('the life of a practice, on the sandbox cloud', () => {
  const practiceId = 'dawn-aba';
  let silo: SandboxedControlPlane;
  let ahead = 0;
  const clock = { now: () => new Date(Date.now() + ahead) };
  const call = () => ({ idempotencyKey: freshKey() });
  const stateOf = async (id: string) => (await findPractice(silo.database.db, id))?.state;
  const ended = async (runId: string | null) => {
    if (runId === null) throw new Error('no run was begun');
    return silo.ended(runId);
  };
  const done = async (runId: string | null) => {
    const { state, error } = await ended(runId);
    expect({ state, error }).toEqual({ state: 'succeeded', error: null });
  };
  const statusAt = async (id: string) =>
    (await silo.cloud.ports.probe.get(`${id}.${sandboxDefaults.domain}`, '/')).status;
  /** Lets days pass, here and in the cloud, and begins what is due then; answers the run of this practice. */
  const pass = async (days: number, id: string) => {
    ahead += days * dayMs;
    await silo.cloud.advanceDays(days);
    await advanceDue({ ...silo.core, log: silent });
    return (await readOffboarding(silo.core, id)).runId;
  };

  beforeAll(async () => {
    silo = await startProvisionedSilo(practiceId, clock);
  });
  afterAll(() => silo?.stop());

  it('goes from active through suspension and offboarding to the destruction of its key', async () => {
    const { core, database } = silo;
    const change = { practiceId, reason };
    const outputs = await silo.outputs(practiceId);
    await recordTestCell(core);

    const suspension = (await suspendPractice(core, change, call(), actor)).body;
    expect(await stateOf(practiceId)).toBe('active');
    await done(suspension.runId);
    expect(await stateOf(practiceId)).toBe('suspended');
    expect(await statusAt(practiceId)).toBe(503);
    const evidence = await listEvidence(database.db, { practiceId, limit: 200 });
    const closed = evidence.filter(
      ({ runId, check }) => runId === suspension.runId && check.startsWith('closed-'),
    );
    expect(closed.length).toBeGreaterThan(2);
    expect(closed.filter(({ passed }) => !passed)).toEqual([]);
    expect(await driftOf(silo, practiceId)).toMatchObject({ differences: [], problems: [] });

    await done((await resumePractice(core, change, call(), actor)).body.runId);
    expect(await stateOf(practiceId)).toBe('active');
    expect(await statusAt(practiceId)).not.toBe(503);

    const asked = { ...change, confirm: practiceId };
    await done((await offboardPractice(core, asked, call(), actor)).body.runId);
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'grace', canBeTakenBack: true });
    expect(await statusAt(practiceId)).toBe(503);
    await done((await cancelOffboarding(core, change, call(), actor)).body.runId);
    expect(await stateOf(practiceId)).toBe('active');
    expect((await readOffboarding(core, practiceId)).stage).toBe('cancelled');

    const databaseLog = await logOfDatabase(silo.cloud.endpoint, outputs['DatabaseInstanceId'] ?? '');
    await done((await offboardPractice(core, asked, call(), actor)).body.runId);
    expect(await pass(29, practiceId)).toBeNull();
    await done(await pass(1, practiceId));
    expect(await stateOf(practiceId)).toBe('deprovisioned');
    const gone = await readOffboarding(core, practiceId);
    expect(gone).toMatchObject({ stage: 'retention', canBeTakenBack: false });
    expect(gone.kept).toContainEqual({ type: 'AWS::Logs::LogGroup', id: databaseLog });
    const room = await reservedBy(database.db, practiceId);
    expect(room?.amounts).toEqual({ ...noAmounts, keys: 1, databaseSnapshots: 1, backupVaults: 1 });
    const removal = silo.cloud.ports.removal(practiceId);
    const snapshot = await removal.snapshot(gone.finalSnapshot?.id ?? '');
    expect(snapshot).toMatchObject({ status: 'available', encrypted: true, keyArn: outputs['KeyArn'] });
    expect(await silo.cloud.ports.silo.databaseExists(outputs['DatabaseInstanceId'] ?? '')).toBe(false);

    await done(await pass(2_557, practiceId));
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'key_deletion_pending' });
    await done((await cancelOffboarding(core, { ...change, retentionDays: 10 }, call(), actor)).body.runId);
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'retention' });
    expect(await removal.keyLife(outputs['KeyArn'] ?? '')).toMatchObject({ state: 'Enabled' });

    await done(await pass(10, practiceId));
    expect(await pass(30, practiceId)).toBeNull();
    await done(await pass(1, practiceId));
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'shredded', kept: [] });
    expect(await reservedBy(database.db, practiceId)).toBeUndefined();
    expect(await removal.snapshot(gone.finalSnapshot?.id ?? '')).toBeUndefined();
    expect(await removal.keyLife(outputs['KeyArn'] ?? '')).toBeUndefined();
    expect(await silo.cloud.ports.silo.logGroups(databaseLog)).toEqual([]);
    const { items } = await listAudit(database.db, { subjectId: practiceId, limit: 100 });
    expect(items.map(({ action }) => action.replace(/^practice\./, '')).reverse()).toEqual(wholeTrail);
  });

  it('removes nothing without a final snapshot, goes back until the first removal, and forward after it', async () => {
    const { core, cloud } = silo;
    const id = 'dusk-aba';
    const change = { practiceId: id, reason };
    const offboarding = { ...change, confirm: id, graceDays: 7, retentionDays: 3_000 };

    // One that never was active goes the same way, and comes back as what it was.
    const verifies = { service: 'kms', operation: 'GetKeyPolicy', times: 1, effect: denied };
    await cloud.fault(verifies);
    const provisioning = await silo.provision(id);
    expect(provisioning).toMatchObject({ state: 'failed', error: { step: 'verify' } });
    await done((await offboardPractice(core, offboarding, call(), actor)).body.runId);
    expect(await stateOf(id)).toBe('offboarding');
    expect(await cloud.ports.stacks.describe(`lumenality-${id}-service`)).toBeUndefined();
    await cancelOffboarding(core, change, call(), actor);
    expect(await stateOf(id)).toBe('provisioning_failed');
    await retryRun(core, provisioning.id, actor);
    await done(provisioning.id);
    expect(await stateOf(id)).toBe('active');
    const { DatabaseInstanceId: database = '' } = await silo.outputs(id);
    const databaseIsThere = () => cloud.ports.silo.databaseExists(database);

    await done((await suspendPractice(core, change, call(), actor)).body.runId);
    await done((await offboardPractice(core, offboarding, call(), actor)).body.runId);
    const takenBack = (await cancelOffboarding(core, change, call(), actor)).body;
    expect(takenBack).toMatchObject({ stage: 'cancelled', runId: null, cancelReason: reason });
    expect(await stateOf(id)).toBe('suspended');

    await done((await offboardPractice(core, offboarding, call(), actor)).body.runId);
    await cloud.fault({ service: 'rds', operation: 'CreateDBSnapshot', times: 1, effect: denied });
    const refused = await pass(7, id);
    const failure = await ended(refused);
    expect(failure).toMatchObject({ state: 'failed', error: { step: 'final-snapshot' } });
    expect(await databaseIsThere()).toBe(true);
    expect((await cloud.ports.stacks.describe(`lumenality-${id}-service`))?.status).toMatch(/_COMPLETE$/);

    await cancelRun(core, { runId: refused ?? '', reason }, actor);
    expect((await ended(refused)).state).toBe('cancelled');
    expect(await readOffboarding(core, id)).toMatchObject({
      stage: 'grace',
      finalSnapshot: null,
      runId: null,
    });

    await cloud.fault({ service: 'rds', operation: 'DeleteDBInstance', times: 1, effect: denied });
    const halfway = await pass(7, id);
    expect(await ended(halfway)).toMatchObject({ state: 'failed', error: { step: 'remove-data' } });
    await expect(cancelRun(core, { runId: halfway ?? '', reason }, actor)).rejects.toMatchObject({
      code: 'wrong_state',
      publicMessage: expect.stringContaining('nothing of that comes back') as string,
    });
    expect(await databaseIsThere()).toBe(true);
    await retryRun(core, halfway ?? '', actor);
    await done(halfway);
    expect(await databaseIsThere()).toBe(false);
    expect(await readOffboarding(core, id)).toMatchObject({ stage: 'retention' });
  });
});

const denied = { kind: 'error', code: 'AccessDenied', message: 'not allowed', status: 403 };

/** RDS makes it with the first line that it exports, outside every stack; the sandbox exports none. */
async function logOfDatabase(endpoint: string, databaseInstanceId: string): Promise<string> {
  const { region, credentials } = sandboxDefaults;
  const logs = new CloudWatchLogsClient({ endpoint, region, credentials });
  const logGroupName = `/aws/rds/instance/${databaseInstanceId}/postgresql`;
  await logs.send(new CreateLogGroupCommand({ logGroupName }));
  logs.destroy();
  return logGroupName;
}

/** What a look at a silo finds, as the reconciler would. */
async function driftOf({ database, cloud, core }: SandboxedControlPlane, id: string) {
  const practice = await findPractice(database.db, id);
  if (practice === undefined) throw new Error('the practice is gone');
  const { signal } = new AbortController();
  setMaxListeners(200, signal);
  const now = () => core.clock.now();
  return readDrift({ ...siloParts, cloud: cloud.ports, db: database.db, now, signal }, practice);
}
