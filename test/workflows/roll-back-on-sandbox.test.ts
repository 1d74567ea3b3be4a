import { randomUUID } from 'node:crypto';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { sandboxDefaults } from '../../lib/config.ts';
import { listDeployments } from '../../lib/db/deployment-store.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { insertRollout, setRolloutStarted } from '../../lib/db/rollout-store.ts';
import { newestRunOf } from '../../lib/db/run-store.ts';
import { putSchedule } from '../../lib/db/schedule-store.ts';
import type { Component } from '../../lib/domain/release.ts';
import { defaultPolicy } from '../../lib/domain/rollout.ts';
import { planRollout } from '../../lib/domain/rollout-plan.ts';
import type { SiloMetrics } from '../../lib/ports/silo-metrics.ts';
import { advanceDue } from '../../lib/reconcilers/advance-rollouts.ts';
import { provisionPractice } from '../../lib/workflows/provision-practice.ts';
import { readDrift } from '../../lib/workflows/read-drift.ts';
import { rollBackPractice } from '../../lib/workflows/roll-back-practice.ts';
import { updatePractice } from '../../lib/workflows/update-practice.ts';
import { recordTestCell } from '../builders/cells.ts';
import { type CoreWithWorker, startCoreWithWorker, withoutApp } from '../builders/core-with-worker.ts';
import { runIn, silent } from '../builders/runs.ts';
import { type SmallCloud, smallRelease, startSmallCloud } from '../builders/small-silo.ts';

const first = smallRelease({});
const bad = smallRelease({ retentionDays: 60 });

let cloud: SmallCloud;
let plane: CoreWithWorker;

const parts = () => ({
  ports: cloud.ports,
  shapes: siloShapes,
  cell: sandboxDefaults,
  pollIntervalMs: 20,
});

beforeAll(async () => {
  cloud = await startSmallCloud();
  plane = await startCoreWithWorker({
    definitions: [provisionPractice(parts()), updatePractice(parts()), rollBackPractice(parts())].map(
      withoutApp('close-default-security-group'),
    ),
    releases: [first, bad],
  });
  await recordTestCell(plane.core);
});
afterAll(async () => {
  await plane.stop();
  await cloud.stop();
});

const loud: SiloMetrics = {
  figures: async () => ({ requests: 0, errors: 0, latencyMs: null }),
  alarms: async () => ['app-errors'],
};
const pass = async () =>
  (await advanceDue({ ...plane.core, log: silent, metricsOf: async () => loud })).map(({ did }) => did);
const releaseOf = async (practiceId: string, component: Component) =>
  (await cloud.ports.stacks.describe(`lumenality-${practiceId}-${component}`))?.tags['lumenality:release'];

/** The newest run of a practice, once it is over. */
async function ended(practiceId: string) {
  const newest = await newestRunOf(plane.database.db, practiceId);
  return runIn(plane.database.db, newest?.id ?? '', 'succeeded', 'failed');
}

/** An active practice whose window is open now, and a rollout of the bad release to it. */
async function begun(practiceId: string): Promise<void> {
  const { db } = plane.database;
  expect((await plane.provision(practiceId)).error).toBeNull();
  await db.updateTable('practice').set({ cell_id: 'main' }).where('id', '=', practiceId).execute();
  const now = new Date();
  const rule = `FREQ=DAILY;BYHOUR=${now.getUTCHours()};BYMINUTE=0`;
  const window = { rule, durationMinutes: 240, timeZone: 'Etc/UTC' };
  const practice = {
    id: practiceId,
    ring: 'canary',
    state: 'active',
    cellId: 'main',
    currentOrdinal: 1,
  } as const;
  const policy = { ...defaultPolicy, bakeMinutes: 0 };
  const releaseId = bad.manifest.id;
  const plan = planRollout({
    now,
    release: { id: releaseId, ordinal: 2, kind: 'fix', deadline: null },
    practices: [{ ...practice, window, pin: null, deferral: null }],
    freezes: [],
    policy,
    horizonDays: 2,
  });
  const id = randomUUID();
  await db.transaction().execute(async (trx) => {
    await putSchedule(trx, practiceId, { window, ring: 'canary' }, now);
    const stored = { id, releaseId, parentId: null, policy, plan, reason: 'monthly', createdBy: 'test' };
    await insertRollout(trx, { ...stored, now });
    await setRolloutStarted(trx, id, { parentId: null, now });
    // Plans go by whole minutes.
    await trx.updateTable('rollout_target').set({ starts_at: now }).where('rollout_id', '=', id).execute();
  });
}

/** The app is what it was before; what holds records stays at the newer release. */
async function expectBack(practiceId: string): Promise<void> {
  expect(await findPractice(plane.database.db, practiceId)).toMatchObject({
    state: 'active',
    release_id: first.manifest.id,
  });
  expect(await releaseOf(practiceId, 'service')).toBe(first.manifest.id);
  expect(await releaseOf(practiceId, 'foundation')).toBe(bad.manifest.id);
  expect(await releaseOf(practiceId, 'data')).toBe(bad.manifest.id);
  expect(await cloud.templateOf(`lumenality-${practiceId}-data`)).toBe(bad.templates.data);
  const practice = await findPractice(plane.database.db, practiceId);
  if (practice === undefined) throw new Error(`there is no ${practiceId}`);
  const { signal } = new AbortController();
  const looking = { ...parts(), db: plane.database.db, cloud: cloud.ports, now: () => new Date(), signal };
  expect((await readDrift(looking, practice)).differences).toEqual([]);
}

test('a release that rings an alarm is taken back: the service stack goes back, foundation and data stay', async () => {
  await begun('loud-aba');
  expect(await pass()).toEqual(['start']);
  expect(await ended('loud-aba')).toMatchObject({ workflow: 'update-practice', state: 'succeeded' });
  expect(await releaseOf('loud-aba', 'service')).toBe(bad.manifest.id);
  expect(await pass()).toEqual(['bake']);
  expect(await pass()).toEqual(['roll_back']);
  expect(await pass()).toEqual(['pause']);
  expect(await ended('loud-aba')).toMatchObject({ workflow: 'roll-back-practice', error: null });
  expect(await pass()).toEqual(['rolled_back']);
  await expectBack('loud-aba');
  // Whatever changes the practice from now on leaves what holds records where it is, until it gets another release.
  expect((await plane.update('loud-aba', first)).error).toBeNull();
  await expectBack('loud-aba');
  expect((await plane.update('loud-aba', first)).error).toBeNull();
  await expectBack('loud-aba');
  const { items } = await listDeployments(plane.database.db, { practiceId: 'loud-aba', limit: 10 });
  expect(items.slice(2).map(({ releaseId, state }) => [releaseId, state])).toEqual([
    [first.manifest.id, 'succeeded'],
    [bad.manifest.id, 'succeeded'],
    [first.manifest.id, 'succeeded'],
  ]);
});

test('an update that fails half way is taken back, whatever CloudFormation itself has taken back by then', async () => {
  await cloud.fault({
    resourceType: 'AWS::IAM::Role',
    action: 'update',
    match: 'broken-aba',
    times: 1,
    effect: { kind: 'fail', message: 'the image does not start' },
  });
  await begun('broken-aba');
  expect(await pass()).toEqual(['start']);
  const update = await ended('broken-aba');
  expect(update).toMatchObject({ state: 'failed', error: { step: 'deploy-service' } });
  expect(await pass()).toContain('roll_back');
  expect(await ended('broken-aba')).toMatchObject({ workflow: 'roll-back-practice', error: null });
  expect(await pass()).toContain('rolled_back');
  await expectBack('broken-aba');
});
