import { listAudit } from '../../lib/db/audit-store.ts';
import { listEvidence } from '../../lib/db/evidence-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { advanceDue } from '../../lib/reconcilers/advance-offboardings.ts';
import {
  cancelOffboarding,
  offboardPractice,
  readOffboarding,
} from '../../lib/use-cases/offboard-practice.ts';
import { resumePractice, suspendPractice } from '../../lib/use-cases/practice-access.ts';
import { freshKey } from '../builders/api.ts';
import { type ProvisionedSilo, startProvisionedSilo } from '../builders/provisioned-silo.ts';
import { runIn, silent } from '../builders/runs.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['security_admin'], requestId: 'test-request' };
const practiceId = 'dawn-aba';
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
  let silo: ProvisionedSilo;
  let ahead = 0;
  const clock = { now: () => new Date(Date.now() + ahead) };
  const change = () => ({ practiceId, reason });
  const call = () => ({ idempotencyKey: freshKey() });
  const practice = async () => {
    const found = await findPractice(silo.database.db, practiceId);
    if (found === undefined) throw new Error('the practice is gone');
    return found;
  };
  const ended = async (runId: string | null) => {
    if (runId === null) throw new Error('no run was begun');
    const run = await runIn(silo.database.db, runId, 'succeeded', 'failed', 'cancelled');
    if (run.error !== null) throw new Error(`${run.error.step}: ${run.error.message}`);
    return run;
  };
  const evidenceOf = async (runId: string) =>
    (await listEvidence(silo.database.db, { practiceId, limit: 500 })).filter((row) => row.runId === runId);
  const answers = async () => {
    const { host_name: host } = await practice();
    return (await silo.cloud.ports.probe.get(host ?? '', '/')).status;
  };
  /** Lets days pass, here and in the cloud, and begins what is due then. */
  const pass = async (days: number) => {
    ahead += days * dayMs;
    await silo.cloud.advanceDays(days);
    return advanceDue({ ...silo.core, log: silent });
  };

  beforeAll(async () => {
    silo = await startProvisionedSilo(practiceId, clock);
  });
  afterAll(() => silo?.stop());

  it('goes from active through suspension and offboarding to the destruction of its key', async () => {
    const { core } = silo;
    const outputs = await silo.outputs();

    const suspension = (await suspendPractice(core, change(), call(), actor)).body;
    expect((await practice()).state).toBe('active');
    await ended(suspension.runId);
    expect((await practice()).state).toBe('suspended');
    expect(await answers()).toBe(503);
    const closed = (await evidenceOf(suspension.runId)).filter(({ check }) => check.startsWith('closed-'));
    expect(closed.length).toBeGreaterThan(2);
    expect(closed.filter(({ passed }) => !passed)).toEqual([]);

    await ended((await resumePractice(core, change(), call(), actor)).body.runId);
    expect((await practice()).state).toBe('active');
    expect(await answers()).not.toBe(503);

    const asked = { ...change(), confirm: practiceId };
    await ended((await offboardPractice(core, asked, call(), actor)).body.runId);
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'grace', canBeTakenBack: true });
    expect(await answers()).toBe(503);
    await ended((await cancelOffboarding(core, change(), call(), actor)).body.runId);
    expect((await practice()).state).toBe('active');
    expect((await readOffboarding(core, practiceId)).stage).toBe('cancelled');

    await ended((await offboardPractice(core, asked, call(), actor)).body.runId);
    expect(await pass(29)).toEqual([]);
    const [deprovisioning] = await pass(1);
    await ended(deprovisioning ?? null);
    expect((await practice()).state).toBe('deprovisioned');
    const gone = await readOffboarding(core, practiceId);
    expect(gone).toMatchObject({ stage: 'retention', canBeTakenBack: false });
    const removal = silo.cloud.ports.removal(practiceId);
    const snapshot = await removal.snapshot(gone.finalSnapshot?.id ?? '');
    expect(snapshot).toMatchObject({ status: 'available', encrypted: true, keyArn: outputs['KeyArn'] });
    expect(await silo.cloud.ports.silo.databaseExists(outputs['DatabaseInstanceId'] ?? '')).toBe(false);

    const [shredding] = await pass(2_557);
    await ended(shredding ?? null);
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'key_deletion_pending' });
    await ended(
      (await cancelOffboarding(core, { ...change(), retentionDays: 10 }, call(), actor)).body.runId,
    );
    expect(await readOffboarding(core, practiceId)).toMatchObject({ stage: 'retention' });
    expect(await removal.keyLife(outputs['KeyArn'] ?? '')).toMatchObject({ state: 'Enabled' });

    const [again] = await pass(10);
    await ended(again ?? null);
    expect(await pass(30)).toEqual([]);
    const [purge] = await pass(1);
    await ended(purge ?? null);
    const end = await readOffboarding(core, practiceId);
    expect(end.stage).toBe('shredded');
    expect(await removal.snapshot(gone.finalSnapshot?.id ?? '')).toBeUndefined();
    expect(end.kept).toEqual([]);
    const { items } = await listAudit(silo.database.db, { subjectId: practiceId, limit: 100 });
    expect(items.map(({ action }) => action.replace(/^practice\./, '')).reverse()).toEqual(wholeTrail);
  });
});
