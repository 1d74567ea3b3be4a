import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { listAudit } from '../../lib/db/audit-store.ts';
import { type Database, migrate, openServer } from '../../lib/db/database.ts';
import { claimDriftCheck, recordDrift, requestDriftCheck } from '../../lib/db/drift-store.ts';
import { lockPractice } from '../../lib/db/practice-store.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import { readRun } from '../../lib/db/run-store.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { noFindings } from '../../lib/domain/drift.ts';
import { DomainError } from '../../lib/domain/errors.ts';
import { createRunEngine, type RunEngine } from '../../lib/runs/engine.ts';
import type { WorkflowDefinition } from '../../lib/runs/workflow.ts';
import { answerOnce } from '../../lib/use-cases/answer-once.ts';
import { approveSignUp } from '../../lib/use-cases/approve-sign-up.ts';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { submitSignUp } from '../../lib/use-cases/submit-sign-up.ts';
import { ensureFirstToken, revokeToken } from '../../lib/use-cases/tokens.ts';
import { workflowSteps } from '../../lib/workflows/all-workflows.ts';
import { placeWaiting } from '../../lib/workflows/place-waiting.ts';
import { openAccess, recordTestCell } from '../builders/cells.ts';
import {
  type CreatedDatabase,
  createEmptyDatabase,
  openTestDatabase,
  publishTestRelease,
} from '../builders/database.ts';
import { leaveRoomFor, raceForTheLastPlace } from '../builders/placement.ts';
import { insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { signUpRequest } from '../builders/sign-up.ts';
import { testTermsSigner } from '../builders/terms-signer.ts';

const clock = { now: () => new Date() };
const steps = ['one', 'two', 'three'];
const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };
const wide = Array.from({ length: 16 });

/** A PostgreSQL server with many sessions at once: what production runs on, and what the embedded database cannot show. */
describe('on a PostgreSQL server', () => {
  describe('two engines', () => {
    let created: CreatedDatabase;
    const databases: Database[] = [];
    const engines: RunEngine[] = [];
    beforeAll(async () => {
      created = await createEmptyDatabase();
      const { url } = created;
      databases.push(openServer(url, { maxConnections: 5 }), openServer(url, { maxConnections: 5 }));
      // Both at once, as two replicas that start together do.
      await Promise.all(databases.map(({ db }) => migrate(db)));
    });
    afterAll(async () => {
      await Promise.all(engines.map((engine) => engine.stop()));
      await Promise.all(databases.map((database) => database.close()));
      await created.drop();
    });

    test('share the runs between them, and each step of each run is run once', async () => {
      const runs = 12;
      const calls: string[] = [];
      const workers = new Map<string, number>();
      const definition = (worker: string): WorkflowDefinition => ({
        name: 'provision-practice',
        steps: steps.map((name) => ({
          name,
          output: z.object({ worker: z.string() }),
          run: async ({ run, checkpoint }) => {
            calls.push(`${run.practiceId} ${name}`);
            workers.set(worker, (workers.get(worker) ?? 0) + 1);
            await checkpoint();
            return { worker };
          },
        })),
        failed: async () => undefined,
        cancel: async () => [],
        cancelled: async () => undefined,
      });
      for (const [place, database] of databases.entries()) {
        const engine = createRunEngine({
          database,
          definitions: [definition(`worker-${place}`)],
          clock,
          log: silent,
          concurrency: 3,
        });
        await engine.start();
        engines.push(engine);
      }
      const [database] = databases;
      const [engine] = engines;
      if (database === undefined || engine === undefined) throw new Error('no engine');
      const ids = await Promise.all(
        Array.from({ length: runs }, (_, place) =>
          insertPracticeRun(database.db, { practiceId: `practice-${place}`, steps }, (trx, run) =>
            engine.queue.enqueue(trx, run),
          ),
        ),
      );
      // Recovery at the same moment must not add a second job to anything.
      await Promise.all(engines.map((each) => each.recover()));
      await Promise.all(ids.map((id) => runIn(database.db, id, 'succeeded')));
      expect(calls.toSorted()).toEqual(
        ids.flatMap((_, place) => steps.map((step) => `practice-${place} ${step}`)).toSorted(),
      );
      expect([...workers.keys()].toSorted()).toEqual(['worker-0', 'worker-1']);
    });
  });

  describe('of callers at the same moment', () => {
    let database: Database;
    let core: Core;
    let releaseId: string;
    const enqueued: { readonly id: string; readonly generation: number }[] = [];
    beforeAll(async () => {
      database = await openTestDatabase({ maxConnections: 16 });
      const queue = {
        enqueue: async (_trx: unknown, run: (typeof enqueued)[number]) => void enqueued.push(run),
      };
      core = {
        db: database.db,
        clock,
        queue,
        cellAccess: openAccess,
        secondApprovalCents: 50_000,
        termsSigner: testTermsSigner,
        steps: { ...workflowSteps, 'provision-practice': steps, 'update-practice': steps },
        shapes: siloShapes,
      };
      await recordTestCell(core);
      releaseId = await publishTestRelease(database, 'a', clock.now());
    });
    afterAll(() => database.close());

    const signUp = (idempotencyKey: string = randomUUID(), request = signUpRequest()) =>
      submitSignUp(core, request, { idempotencyKey }, actor);
    const failedRun = async (): Promise<{ readonly runId: string; readonly practiceId: string }> => {
      const { body } = await signUp();
      const approved = await approveSignUp(core, { signUpId: body.id, reason: 'checked' }, actor);
      await database.db
        .updateTable('run')
        .set({ state: 'failed' })
        .where('id', '=', approved.runId)
        .execute();
      await database.db
        .updateTable('practice')
        .set({ state: 'provisioning_failed' })
        .where('id', '=', approved.practiceId)
        .execute();
      return approved;
    };

    const activePractice = async (): Promise<string> => {
      const { practiceId, runId } = await failedRun();
      await database.db.updateTable('run').set({ state: 'succeeded' }).where('id', '=', runId).execute();
      await database.db
        .updateTable('practice')
        .set({ state: 'active', release_id: releaseId, activated_at: clock.now() })
        .where('id', '=', practiceId)
        .execute();
      return practiceId;
    };

    test('one approves a sign-up: one practice, one run, one audit row, and the others hear its state', async () => {
      const { body } = await signUp();
      const answers = await Promise.allSettled(
        wide.map(() => approveSignUp(core, { signUpId: body.id, reason: 'checked' }, actor)),
      );
      expect(codesOf(answers)).toEqual({ done: 1, wrong_state: 15 });
      const practices = await database.db
        .selectFrom('practice')
        .innerJoin('run', 'run.practice_id', 'practice.id')
        .select(['practice.id', 'run.state'])
        .where('sign_up_id', '=', body.id)
        .execute();
      expect(practices).toMatchObject([{ state: 'queued' }]);
      const subject = { subjectType: 'sign_up', subjectId: body.id, action: 'sign_up.approved' };
      expect((await listAudit(database.db, { ...subject, limit: 10 })).items).toHaveLength(1);
    });

    test('practices of one name each get an id of their own', async () => {
      const named = await Promise.all(
        wide.map(() => signUp(randomUUID(), signUpRequest({ displayName: 'Same Name' }))),
      );
      const approved = await Promise.all(
        named.map(({ body }) => approveSignUp(core, { signUpId: body.id, reason: 'checked' }, actor)),
      );
      expect(approved.map(({ practiceId }) => practiceId).toSorted()).toEqual(
        wide.map((_, place) => (place === 0 ? 'same-name' : `same-name-${place + 1}`)).toSorted(),
      );
    });

    test('one gets the last place of a cell, fifty times over: the others wait', async () => {
      const { used, limit, ...outcome } = await raceForTheLastPlace(database, core);
      expect(outcome).toEqual({ placed: 1, waiting: 49 });
      expect(used).toBe(limit);
      await leaveRoomFor(database, 1_000);
      // Two processes place them at the same moment: each practice once.
      const placements = await Promise.all([placeWaiting(core), placeWaiting(core)]);
      expect(new Set(placements.flat().map(({ practiceId }) => practiceId)).size).toBe(49);
      expect(placements.flat()).toHaveLength(49);
    });

    test('each silo is looked at by one of many that look for drift', async () => {
      const ids = await Promise.all(wide.slice(0, 8).map(() => activePractice()));
      const startedAt = clock.now();
      await Promise.all(ids.map((id) => requestDriftCheck(database.db, id, startedAt)));
      const until = new Date(startedAt.getTime() + 60_000);
      const claims = await Promise.all(wide.map(() => claimDriftCheck(database.db, { startedAt, until })));
      const claimed = claims.flatMap((claim) => claim?.practiceId ?? []);
      expect(claimed.filter((id) => ids.includes(id)).toSorted()).toEqual(ids.toSorted());
    });

    test('what a look found is recorded while somebody asks for the next one, and neither waits for the other for ever', async () => {
      const practiceId = await activePractice();
      const startedAt = clock.now();
      await requestDriftCheck(database.db, practiceId, startedAt);
      const until = new Date(startedAt.getTime() + 60_000);
      const claim = await claimDriftCheck(database.db, { startedAt, until });
      if (claim?.practiceId !== practiceId) throw new Error('another practice was claimed');
      const recorded = await database.db.transaction().execute(async (asking) => {
        await lockPractice(asking, practiceId);
        const look = { releaseId, findings: noFindings, nextCheckAt: until };
        const change = await database.db.transaction().execute((trx) => recordDrift(trx, claim, look));
        await requestDriftCheck(asking, practiceId, clock.now());
        return change;
      });
      expect(recorded).toMatchObject({ state: 'in_sync', recorded: true });
    }, 10_000);

    test('one signs up with an NPI', async () => {
      const request = signUpRequest();
      const answers = await Promise.allSettled(wide.map(() => signUp(randomUUID(), request)));
      expect(codesOf(answers)).toEqual({ done: 1, conflict: 15 });
    });

    test('one does the work of an idempotency key; the others get its answer or hear that theirs differs', async () => {
      const [key, request] = [randomUUID(), signUpRequest()];
      const others = wide.map(() => signUp(key, signUpRequest({ npi: request.npi, displayName: 'Other' })));
      const answers = await Promise.allSettled([...wide.map(() => signUp(key, request)), ...others]);
      expect(codesOf(answers)).toEqual({ done: 16, idempotency_mismatch: 16 });
      const bodies = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value] : []));
      expect(new Set(bodies.map(({ body }) => body.id)).size).toBe(1);
      expect(bodies.filter(({ replayed }) => !replayed)).toHaveLength(1);
    });

    test('a key whose first call came to nothing is free for the one that waited', async () => {
      const call = { scope: 'test', key: randomUUID(), request: {} };
      let begun = (): void => undefined;
      const first = new Promise<void>((resolve) => {
        begun = resolve;
      });
      const refused = answerOnce(core, call, async () => {
        begun();
        await delay(50);
        throw new DomainError('conflict', 'no');
      });
      await first;
      const second = answerOnce(core, call, async () => ({ status: 201, body: { made: true } }));
      await expect(refused).rejects.toThrow('no');
      expect(await second).toEqual({ status: 201, body: { made: true }, replayed: false });
    });

    test('a retry and a cancel of a failed run never both stand as the last word', async () => {
      const { runId, practiceId } = await failedRun();
      const answers = await Promise.allSettled(
        wide.map((_, place) =>
          place % 2 === 0
            ? retryRun(core, runId, actor)
            : cancelRun(core, { runId, reason: 'the practice withdrew' }, actor),
        ),
      );
      const done = answers.filter(({ status }) => status === 'fulfilled').length;
      expect([1, 2]).toContain(done);
      expect(codesOf(answers)).toEqual({ done, wrong_state: wide.length - done });
      const run = await readRun(database.db, runId);
      // Whoever came first, the cancel was asked for and nothing takes it back.
      expect(run).toMatchObject({ state: 'cancelling', generation: 1 + done });
      const jobs = enqueued.filter(({ id }) => id === runId).map(({ generation }) => generation);
      expect(jobs).toEqual(Array.from({ length: 1 + done }, (_, place) => place + 1));
      const events = await listRunEvents(database.db, runId, { afterSeq: 0, limit: 100 });
      expect(events.at(-1)?.body).toMatchObject({ kind: 'run', state: 'cancelling' });
      expect(practiceId).toMatch(/^harbor-speech/);
    });

    test('one first token is made, and of the last two one stays', async () => {
      const made: string[] = [];
      await Promise.all(wide.map(() => ensureFirstToken(core, async (token) => void made.push(token))));
      expect(made).toHaveLength(1);
      await database.db.updateTable('api_token').set({ expires_at: clock.now() }).execute();
      await ensureFirstToken(core, async (token) => void made.push(token));
      await database.db.updateTable('api_token').set({ expires_at: null }).execute();
      const ids = made.map((token) => token.split('_')[1] ?? '');
      const answers = await Promise.allSettled(ids.map((id) => revokeToken(core, id, actor)));
      expect(codesOf(answers)).toEqual({ done: 1, conflict: 1 });
    });
  });
});

/** How many were done, and how many were refused with each code. */
function codesOf(answers: readonly PromiseSettledResult<unknown>[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const answer of answers) {
    const reason: unknown = answer.status === 'rejected' ? answer.reason : undefined;
    const code =
      answer.status === 'fulfilled' ? 'done' : reason instanceof DomainError ? reason.code : String(reason);
    counts[code] = (counts[code] ?? 0) + 1;
  }
  return counts;
}
