import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from 'fastify';
import type { DestinationStream } from 'pino';
import { siloShapes } from '../../bin/silo-shapes.ts';
import { buildApp } from '../../control-api/app.ts';
import type { AppDeps } from '../../control-api/deps.ts';
import { createLogger } from '../../control-api/logger.ts';
import type { Database } from '../../lib/db/database.ts';
import type { Role } from '../../lib/domain/access.ts';
import type { CellAccess } from '../../lib/ports/cell-access.ts';
import type { RunQueue } from '../../lib/runs/queue.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { ensureFirstToken } from '../../lib/use-cases/tokens.ts';
import { workflowSteps } from '../../lib/workflows/all-workflows.ts';
import { noClouds, noSilo, openAccess, recordTestCell } from './cells.ts';
import { openTestDatabase } from './database.ts';
import { testNoticePorts } from './notices.ts';
import { testTermsSigner } from './terms-signer.ts';

export const provisioningSteps = ['prepare', 'deploy-foundation', 'verify', 'activate'] as const;
export const updateSteps = ['prepare', 'deploy-foundation', 'verify', 'finish'] as const;

/** The control API over a database in memory, with a clock that the test moves and a queue that only records. */
export interface TestApi {
  readonly app: FastifyInstance;
  readonly database: Database;
  readonly core: Core;
  /** Token with every role. */
  readonly administrator: string;
  /** `fault`, once set, is what the clock and the queue throw. */
  readonly clock: { at: Date; fault?: Error };
  readonly queue: { fault?: Error };
  readonly enqueued: { readonly id: string; readonly practiceId: string; readonly generation: number }[];
  /** Log lines, as they were written. */
  readonly log: string[];
  /** Sends a request as the administrator, unless it brings an authorization header of its own. */
  call(options: InjectOptions): Promise<LightMyRequestResponse>;
  /** Creates a token with these roles. */
  tokenWith(
    roles: readonly Role[],
    expiresInDays?: number,
  ): Promise<{ readonly id: string; readonly token: string }>;
  close(): Promise<void>;
}

let keys = 0;

/** An Idempotency-Key that no other call in this process got. */
export function freshKey(): string {
  keys += 1;
  return `test-key-${keys}`;
}

export async function startTestApi(
  overrides: Partial<AppDeps> = {},
  access: CellAccess = openAccess,
  given?: Database,
): Promise<TestApi> {
  const database = given ?? (await openTestDatabase());
  const clock: TestApi['clock'] = { at: new Date('2026-11-20T12:00:00Z') };
  const faults: TestApi['queue'] = {};
  const enqueued: { id: string; practiceId: string; generation: number }[] = [];
  const queue: RunQueue = {
    enqueue: async (_trx, run) => {
      if (faults.fault !== undefined) throw faults.fault;
      enqueued.push({ ...run });
    },
  };
  const core: Core = {
    db: database.db,
    clock: {
      now: () => {
        if (clock.fault !== undefined) throw clock.fault;
        return clock.at;
      },
    },
    queue,
    cellAccess: access,
    secondApprovalCents: 50_000,
    termsSigner: testTermsSigner,
    steps: { ...workflowSteps, 'provision-practice': provisioningSteps, 'update-practice': updateSteps },
    shapes: siloShapes,
  };
  await recordTestCell(core, { domain: 'practices.test' });
  const log: string[] = [];
  const destination: DestinationStream = { write: (line) => void log.push(line) };
  const app = await buildApp({
    core,
    clouds: noClouds,
    releaseKeys: async () => [],
    siloOf: noSilo,
    notices: testNoticePorts(),
    log: createLogger('debug', destination),
    version: '0.0.0-test',
    practiceUrl: (hostName) => `https://${hostName}`,
    readiness: [],
    ...overrides,
    limits: { signUpsPerMinute: 100_000, failedSignInsPerMinute: 100_000, ...overrides.limits },
  });
  let administrator = '';
  await ensureFirstToken(core, async (token) => {
    administrator = token;
  });
  const call: TestApi['call'] = (options) =>
    app.inject({ ...options, headers: { authorization: `Bearer ${administrator}`, ...options.headers } });
  return {
    app,
    database,
    core,
    administrator,
    clock,
    queue: faults,
    enqueued,
    log,
    call,
    tokenWith: async (roles, expiresInDays = 30) => {
      const answer = await call({
        method: 'POST',
        url: '/v1/tokens',
        headers: { 'idempotency-key': freshKey() },
        payload: { name: `test ${roles.join(' ')}`, roles, expiresInDays },
      });
      return answer.json();
    },
    close: async () => {
      await app.close();
      await database.close();
    },
  };
}
