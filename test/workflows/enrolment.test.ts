import { randomUUID } from 'node:crypto';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { factsOf, readSubscription } from '../../lib/db/subscription-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { timelineOf } from '../../lib/domain/plan/timeline.ts';
import type { Workflow } from '../../lib/domain/run.ts';
import type { StepDefinition, WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { approveSignUp } from '../../lib/use-cases/approve-sign-up.ts';
import { enrolEarlierPractices } from '../../lib/use-cases/enrol-earlier.ts';
import { cancelOffboarding, offboardPractice } from '../../lib/use-cases/offboard-practice.ts';
import { submitSignUp } from '../../lib/use-cases/submit-sign-up.ts';
import { readSubscriptionOf } from '../../lib/use-cases/subscriptions.ts';
import { provisioningCancelled } from '../../lib/workflows/provision-practice.ts';
import { prepared } from '../../lib/workflows/steps/prepare.ts';
import { beginGrace, resume } from '../../lib/workflows/steps/record-life.ts';
import { activate } from '../../lib/workflows/steps/record-release.ts';
import { recordTestCell } from '../builders/cells.ts';
import { type CoreWithWorker, startCoreWithWorker } from '../builders/core-with-worker.ts';
import { makePlan } from '../builders/plans.ts';
import { approvedPractice } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';
import { smallRelease } from '../builders/small-silo.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };
const release = smallRelease({});
const releaseId = release.manifest.id;
/** Evening of 19 November in Los Angeles, where the practices are, unless a test moves on. */
const start = new Date('2026-11-20T05:00:00Z');
const clock = { at: start, now: () => clock.at };

/** In place of a silo: it comes at once, or never for a practice with such a name. */
const prepare: StepDefinition = {
  ...prepared,
  run: async ({ run }) => {
    if (run.practiceId.startsWith('never')) throw new Error('it never comes');
    return { releaseId, hostName: 'host.test', standing: {} };
  },
};
const provisioning: WorkflowDefinition = {
  name: 'provision-practice',
  steps: [prepare, activate],
  failed: async (trx, run) => {
    await trx
      .updateTable('practice')
      .set({ state: 'provisioning_failed' })
      .where('id', '=', run.practiceId)
      .execute();
  },
  cancel: async () => [],
  cancelled: provisioningCancelled,
};

/** A workflow of nothing but its last step, which records what it came to. */
const recording = (name: Workflow, ...steps: StepDefinition[]): WorkflowDefinition => ({
  name,
  steps,
  failed: async () => undefined,
  cancel: async () => [],
  cancelled: async () => undefined,
});

let plane: CoreWithWorker;
beforeAll(async () => {
  plane = await startCoreWithWorker({
    definitions: [
      provisioning,
      recording('offboard-practice', beginGrace),
      recording('resume-practice', prepare, resume(siloShapes)),
    ],
    releases: [release],
    clock,
  });
  await recordTestCell(plane.core);
});
afterAll(() => plane.stop());

async function approved(displayName: string, plan = 'founding') {
  const request = signUpRequest({ displayName, plan });
  const { body } = await submitSignUp(plane.core, request, { idempotencyKey: randomUUID() }, actor);
  return approveSignUp(plane.core, { signUpId: body.id, reason: 'checked' }, actor);
}

test('the free period begins with the step that activates the practice', async () => {
  const { practiceId, runId } = await approved('Soon');
  expect((await plane.ended(runId)).state).toBe('succeeded');
  const found = await readSubscriptionOf(plane.core, practiceId);
  expect(found).toMatchObject({
    state: 'trialing',
    chargedFrom: '2027-02-17',
    timeline: { enrolledOn: '2026-11-19', activatedOn: '2026-11-19' },
  });
  expect(await factsOf(plane.database.db, practiceId)).toMatchObject([
    { kind: 'enrolled', actor: 'token:test', reason: 'checked' },
    { kind: 'activated', actor: 'system' },
  ]);
});

test('a provisioning that is cancelled ends the subscription, and its place is free', async () => {
  const plan = await makePlan(plane.database.db, { cap: 1 });
  const { practiceId, runId } = await approved('Never', plan);
  expect((await plane.ended(runId)).state).toBe('failed');
  await expect(approved('Next', plan)).rejects.toMatchObject({ code: 'plan_full' });
  expect((await plane.cancel(runId)).state).toBe('cancelled');
  expect(await readSubscription(plane.database.db, practiceId)).toMatchObject({ state: 'cancelled' });
  await expect(approved('Other', plan)).rejects.toMatchObject({
    code: 'plan_full',
    context: { waitingListPosition: 2 },
  });
});

test('charges pause when an offboarding closes access, and go on when it is taken back', async () => {
  const { practiceId, runId } = await approved('Undecided');
  await plane.ended(runId);
  const { db } = plane.database;
  const call = () => ({ idempotencyKey: randomUUID() });
  const change = { practiceId, reason: 'the practice leaves' };
  const asked = { ...change, confirm: practiceId };
  const { body: leaving } = await offboardPractice(plane.core, asked, call(), actor);
  expect((await plane.ended(leaving.runId ?? '')).state).toBe('succeeded');
  const suspensions = async () => timelineOf(await factsOf(db, practiceId)).suspensions;
  expect(await suspensions()).toEqual([{ from: '2026-11-19', until: null }]);
  expect(await readSubscription(db, practiceId)).toMatchObject({ state: 'trialing', endsOn: null });

  clock.at = new Date('2026-11-22T20:00:00Z');
  const { body: staying } = await cancelOffboarding(plane.core, change, call(), actor);
  expect((await plane.ended(staying.runId ?? '')).state).toBe('succeeded');
  expect(await suspensions()).toEqual([{ from: '2026-11-19', until: '2026-11-22' }]);
  clock.at = start;
});

describe('a practice from before there were subscriptions', () => {
  const longAgo = new Date('2026-02-10T18:00:00Z');

  async function earlier(id: string, changes: object = {}): Promise<void> {
    const { signUp, practice } = approvedPractice(id, longAgo);
    const { db } = plane.database;
    await db.insertInto('sign_up').values(signUp).execute();
    await db
      .insertInto('practice')
      .values({ ...practice, ...changes })
      .execute();
  }
  const active = { state: 'active', release_id: releaseId, activated_at: longAgo } as const;

  test('gets one at the next start, once, signed, and no day before that start is charged', async () => {
    await earlier('early-bird', active);
    // Two processes that start at the same moment.
    await Promise.all([enrolEarlierPractices(plane.core), enrolEarlierPractices(plane.core)]);
    await enrolEarlierPractices(plane.core);
    const found = await readSubscriptionOf(plane.core, 'early-bird');
    expect(found).toMatchObject({
      state: 'active',
      planId: 'founding',
      planVersion: 1,
      chargedFrom: '2026-11-19',
      lockedUntil: '2028-11-19',
      now: { quantities: { clinicians: 3, locations: 1 } },
      signature: { objection: null },
    });
    const facts = await factsOf(plane.database.db, 'early-bird');
    expect(facts.map(({ kind }) => kind)).toEqual(['enrolled', 'activated', 'trial_extended']);
    expect(timelineOf(facts)).toMatchObject({ enrolledOn: '2026-02-10', activatedOn: '2026-02-10' });
  });

  test('keeps what is left of its free period, and waits for its activation as before', async () => {
    const lately = new Date('2026-11-10T18:00:00Z');
    await earlier('latecomer', { ...active, activated_at: lately });
    await earlier('on-its-way');
    await enrolEarlierPractices(plane.core);
    expect(await readSubscription(plane.database.db, 'latecomer')).toMatchObject({
      state: 'trialing',
      chargedFrom: '2027-02-08',
    });
    expect(await readSubscription(plane.database.db, 'on-its-way')).toMatchObject({
      state: 'pending',
      chargedFrom: null,
    });
  });

  test('that is gone takes no place', async () => {
    await earlier('gone', { state: 'provisioning_cancelled' });
    await earlier('left', { ...active, state: 'deprovisioned' });
    await enrolEarlierPractices(plane.core);
    for (const id of ['gone', 'left']) {
      expect(await readSubscription(plane.database.db, id)).toMatchObject({
        state: 'cancelled',
        endsOn: '2026-02-10',
      });
    }
  });
});
