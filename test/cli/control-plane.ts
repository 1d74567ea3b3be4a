import type { AddressInfo } from 'node:net';
import pino from 'pino';
import { type AppDeps, buildApp } from '../../control-api/app.ts';
import { toJson } from '../../lib/db/database.ts';
import { appendEvidence } from '../../lib/db/evidence-store.ts';
import { appendRunEvents } from '../../lib/db/run-event-store.ts';
import type { RunError, RunEventBody, RunState, StepState } from '../../lib/domain/run.ts';
import type { ReadinessCheck } from '../../lib/use-cases/check-readiness.ts';
import { freshKey, startTestApi, type TestApi } from '../builders/api.ts';
import { noClouds, noSilo } from '../builders/cells.ts';
import { publishTestRelease } from '../builders/database.ts';
import { testNoticePorts } from '../builders/notices.ts';
import { signUpRequest } from '../builders/sign-up.ts';

/** The real control API on a port of its own; in place of its workers, a test says what happens in a run. */
export interface ControlPlane {
  readonly url: string;
  readonly token: string;
  readonly api: TestApi;
  /** What /readyz asks; a test may break it. */
  readonly cloud: { answers: boolean };
  /** Event streams that are open now. */
  streams(): number;
  signUp(displayName: string, changes?: Parameters<typeof signUpRequest>[0]): Promise<string>;
  /** A sign-up that was approved: its run is queued. */
  approved(displayName: string): Promise<{ readonly practiceId: string; readonly runId: string }>;
  step(runId: string, name: string, state: StepState, attempt?: number): Promise<void>;
  tell(runId: string, ...events: RunEventBody[]): Promise<void>;
  end(runId: string, state: RunState, error?: RunError, kept?: string[]): Promise<void>;
  evidence(practiceId: string, check: string, passed: boolean, expected?: string): Promise<void>;
  /** Cuts every open connection; the server goes on. */
  cut(): void;
  stop(): Promise<void>;
  /** Listens again on the same port, over the same database. */
  start(): Promise<void>;
  close(): Promise<void>;
}

/** @param parts what a test adds to what the API is built from. */
export async function startControlPlane(parts: Partial<AppDeps> = {}): Promise<ControlPlane> {
  const cloud = { answers: true };
  const readiness: ReadinessCheck[] = [
    {
      part: 'cloud',
      check: async () => {
        if (!cloud.answers) throw new Error('no route to the cloud');
      },
    },
  ];
  const api = await startTestApi();
  api.clock.at = new Date();
  const releaseId = await publishTestRelease(api.database, 'a', new Date());
  const { db } = api.database;
  let open = 0;
  const serve = async (port: number) => {
    const app = await buildApp({
      core: { ...api.core, clock: { now: () => new Date() } },
      clouds: noClouds,
      releaseKeys: async () => [],
      siloOf: noSilo,
      notices: testNoticePorts(),
      log: pino({ level: 'silent' }),
      version: '0.1.0',
      practiceUrl: (hostName) => `https://${hostName}`,
      readiness,
      limits: { signUpsPerMinute: 100_000, failedSignInsPerMinute: 100_000 },
      eventStream: { pollInterval: 20, heartbeatInterval: 1_000 },
      ...parts,
    });
    app.server.on('request', (request) => {
      if (request.headers.accept !== 'text/event-stream') return;
      open += 1;
      request.once('close', () => {
        open -= 1;
      });
    });
    await app.listen({ host: '127.0.0.1', port });
    return app;
  };
  let app = await serve(0);
  const { port } = app.server.address() as AddressInfo;

  const signUp: ControlPlane['signUp'] = async (displayName, changes) => {
    const answer = await api.call({
      method: 'POST',
      url: '/v1/signups',
      headers: { 'idempotency-key': freshKey() },
      payload: signUpRequest({ displayName, ...changes }),
    });
    return answer.json<{ id: string }>().id;
  };
  const tell: ControlPlane['tell'] = (runId, ...events) =>
    db.transaction().execute((trx) => appendRunEvents(trx, runId, events, new Date()));
  return {
    url: `http://127.0.0.1:${port}`,
    token: api.administrator,
    api,
    cloud,
    streams: () => open,
    signUp,
    tell,
    approved: async (displayName) => {
      const id = await signUp(displayName);
      const answer = await api.call({
        method: 'POST',
        url: `/v1/signups/${id}/approve`,
        payload: { reason: 'test' },
      });
      return answer.json();
    },
    step: async (runId, name, state, attempt = 1) => {
      const now = new Date();
      const times = state === 'running' ? { started_at: now, finished_at: null } : { finished_at: now };
      await db
        .updateTable('run_step')
        .set({ state, attempt, ...times })
        .where('run_id', '=', runId)
        .where('name', '=', name)
        .execute();
      await db
        .updateTable('run')
        .set((eb) => ({ state: 'running', started_at: eb.fn.coalesce('started_at', eb.val(now)) }))
        .where('id', '=', runId)
        .execute();
      await tell(runId, { kind: 'step', step: name, state, attempt });
    },
    end: async (runId, state, error, kept = []) => {
      const run = await db
        .updateTable('run')
        .set({
          state,
          finished_at: new Date(),
          error: error === undefined ? null : toJson(error),
          kept: toJson(kept),
        })
        .where('id', '=', runId)
        .returning(['practice_id', 'input'])
        .executeTakeFirstOrThrow();
      const brought = run.input['releaseId'];
      const change =
        state === 'succeeded'
          ? ({
              state: 'active',
              release_id: typeof brought === 'string' ? brought : releaseId,
              activated_at: new Date(),
            } as const)
          : ({ state: 'provisioning_failed' } as const);
      await db.updateTable('practice').set(change).where('id', '=', run.practice_id).execute();
      await tell(runId, { kind: 'run', state });
    },
    evidence: (practiceId, check, passed, expected = 'enabled') =>
      appendEvidence(db, { practiceId, runId: null }, [
        {
          check,
          title: check,
          safeguards: ['45 CFR 164.312(a)(2)(iv)'],
          expected,
          observed: passed ? expected : 'disabled',
          passed,
          observedAt: new Date().toISOString(),
          source: 'kms:DescribeKey',
        },
      ]),
    cut: () => app.server.closeAllConnections(),
    stop: async () => app.close(),
    start: async () => {
      app = await serve(port);
    },
    close: async () => {
      await app.close();
      await api.close();
    },
  };
}
