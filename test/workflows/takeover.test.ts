import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, openServer } from '../../lib/db/database.ts';
import { findPractice } from '../../lib/db/practice-store.ts';
import { publishRelease } from '../../lib/db/release-store.ts';
import { listRunEvents } from '../../lib/db/run-event-store.ts';
import { components } from '../../lib/domain/release.ts';
import { createRunEngine } from '../../lib/runs/engine.ts';
import { ensureFirstToken } from '../../lib/use-cases/tokens.ts';
import { provisioningSteps } from '../../lib/workflows/provision-practice.ts';
import { builtEntry } from '../builders/built-entries.ts';
import { builtRelease } from '../builders/built-release.ts';
import { createTestDatabase } from '../builders/database.ts';
import { freePort, type Started, start } from '../builders/process.ts';
import { beginsStackCreation, eventually, insertPracticeRun, runIn, silent } from '../builders/runs.ts';
import { type SandboxCloud, startSandboxCloud } from '../builders/sandbox-cloud.ts';

const clock = { now: () => new Date() };

/** Replicas on a database of their own, with one practice's run that waits for the first of them. */
interface Scene {
  readonly database: Database;
  readonly runId: string;
  start(name: 'worker' | 'control-api', env?: Record<string, string>): Promise<Started>;
  end(): Promise<void>;
}

describe('of two replicas on one PostgreSQL', () => {
  let cloud: SandboxCloud;
  const scenes: Scene[] = [];
  // Both stories wait most of their time, so they are told at the same time.
  let killed: Promise<void>;
  let stopped: Promise<void>;
  beforeAll(async () => {
    cloud = await startSandboxCloud();
    killed = dieAndTakeOver();
    stopped = stopAndHandOver();
    // Each is awaited in a test of its own.
    for (const story of [killed, stopped]) story.catch(() => undefined);
  }, 180_000);
  afterAll(async () => {
    await Promise.all(scenes.map((scene) => scene.end()));
    await cloud.stop();
  });

  test('one dies by kill -9 and the other finishes its run', () => killed);
  test('one is asked to stop, and the other goes on at once', () => stopped);

  async function setScene(practiceId: string): Promise<Scene> {
    const { url, drop } = await createTestDatabase();
    const database = openServer(url);
    await publishRelease(database.db, cloud.release, { publishedBy: 'test', now: clock.now() });
    const enqueuer = createRunEngine({ database, definitions: [], clock, log: silent, concurrency: 0 });
    await enqueuer.start();
    await cloud.fault({
      resourceType: 'AWS::EC2::VPC',
      action: 'create',
      match: practiceId,
      times: 1,
      effect: { kind: 'delay', ms: 3_000 },
    });
    const input = { releaseId: cloud.release.manifest.id };
    const runId = await insertPracticeRun(
      database.db,
      { practiceId, steps: provisioningSteps, input },
      (trx, run) => enqueuer.queue.enqueue(trx, run),
    );
    await enqueuer.stop();
    const replicas: Started[] = [];
    const scene: Scene = {
      database,
      runId,
      start: async (name, env = {}) => {
        const replica = start(process.execPath, [await builtEntry(`bin/${name}`)], {
          DATABASE_URL: url,
          AWS_ENDPOINT_URL: cloud.endpoint,
          LUMENALITY_LOG_LEVEL: 'info',
          ...env,
        });
        replicas.push(replica);
        void replica.ended;
        await eventually(`${name} to be ready`, () => {
          if (replica.child.exitCode !== null) throw new Error(replica.output());
          return /The (worker|control plane) is ready/.test(replica.output()) || undefined;
        });
        return replica;
      },
      end: async () => {
        for (const { child } of replicas) child.kill('SIGKILL');
        await Promise.all(replicas.map(({ ended }) => ended));
        await database.close();
        await drop();
      },
    };
    scenes.push(scene);
    return scene;
  }

  /** The first stack is being made, and the VPC takes its time. */
  const inTheMiddle = ({ database, runId }: Scene) =>
    eventually('the first stack to be in creation', async () =>
      (await listRunEvents(database.db, runId, { afterSeq: 0, limit: 200 })).find(
        ({ body }) => body.kind === 'resource' && body.logicalId === 'NetworkVpc',
      ),
    );

  /** Each stack was made once, and only the step in which the run changed hands was begun twice. */
  async function assertDoneOnce({ database, runId }: Scene, practiceId: string): Promise<void> {
    const run = await runIn(database.db, runId, 'succeeded', 'failed');
    expect(run.error).toBeNull();
    expect((await findPractice(database.db, practiceId))?.state).toBe('active');
    const events = await listRunEvents(database.db, runId, { afterSeq: 0, limit: 10_000 });
    expect(events.filter(beginsStackCreation)).toHaveLength(components.length);
    expect(run.steps.map(({ name, attempt }) => [name, attempt])).toEqual(
      provisioningSteps.map((name) => [name, name === 'deploy-foundation' ? 2 : 1]),
    );
  }

  async function dieAndTakeOver(): Promise<void> {
    const scene = await setScene('aspen-speech');
    const doomed = await scene.start('worker');
    await inTheMiddle(scene);
    doomed.child.kill('SIGKILL');
    await doomed.ended;
    await scene.start('worker');
    await assertDoneOnce(scene, 'aspen-speech');
  }

  async function stopAndHandOver(): Promise<void> {
    const scene = await setScene('birch-therapy');
    let token = '';
    await ensureFirstToken({ db: scene.database.db, clock }, async (made) => {
      token = made;
    });
    const [{ release, cell }, port] = await Promise.all([builtRelease(), freePort()]);
    const data = mkdtempSync(join(tmpdir(), 'lumenality-replica-'));
    cpSync(cell, join(data, 'cell'), { recursive: true });
    const leaving = await scene.start('control-api', {
      PORT: String(port),
      LUMENALITY_DATA_DIR: data,
      LUMENALITY_RELEASE_DIR: release,
      LUMENALITY_DRAIN_SECONDS: '3',
    });
    const api = `http://127.0.0.1:${port}`;
    await inTheMiddle(scene);
    const staying = scene.start('worker');
    const stream = await fetch(`${api}/v1/runs/${scene.runId}/events`, {
      headers: { authorization: `Bearer ${token}`, accept: 'text/event-stream' },
    });
    const streamed = stream.text();
    leaving.child.kill('SIGTERM');
    const unready = await eventually('the replica not to be ready', async () => {
      const answer = await fetch(`${api}/readyz`);
      return answer.status === 503 ? answer.json() : undefined;
    });
    expect(unready).toEqual({
      status: 'not_ready',
      parts: [{ part: 'process', ready: false }],
      warnings: [],
    });
    // Until load balancers have noticed, it serves.
    const headers = { authorization: `Bearer ${token}` };
    expect((await fetch(`${api}/v1/runs/${scene.runId}`, { headers })).status).toBe(200);
    // The stream ends as an answer should, after a hint when to come back, and not with the run's end.
    const text = await streamed;
    expect(text).toMatch(/retry: \d+\n\n$/);
    expect(text).not.toContain('event: end');
    const lastSeen = Number(
      text
        .match(/^id: (\d+)$/gm)
        ?.at(-1)
        ?.slice(4),
    );
    expect(lastSeen).toBeGreaterThan(0);
    const code = await leaving.ended;
    expect([code, code === 0 ? '' : leaving.output()]).toEqual([0, '']);
    await staying;
    await assertDoneOnce(scene, 'birch-therapy');
    const after = await listRunEvents(scene.database.db, scene.runId, { afterSeq: lastSeen, limit: 10_000 });
    expect(after.at(-1)?.body).toMatchObject({ kind: 'run', state: 'succeeded' });
    rmSync(data, { recursive: true, force: true });
  }
});
