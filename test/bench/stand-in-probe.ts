import type { Db } from '../../lib/db/database.ts';
import { listSiloStacks } from '../../lib/db/silo-stack-store.ts';
import type { HealthProbe } from '../../lib/ports/health-probe.ts';

/**
 * Answers in place of practice apps that a sandbox without data plane does not run: what an app in good order would
 * say. It takes what it says from what the control plane has recorded of the practice, so the checks on the app's own
 * answers prove nothing here; all other checks read the sandbox.
 */
export function standInProbe(db: Db): HealthProbe {
  return {
    get: async (hostName, path) => ({
      status: 200,
      body: JSON.stringify(await answer(db, hostName, path)),
      tls: null,
      durationMs: 0,
    }),
  };
}

async function answer(db: Db, hostName: string, path: string): Promise<object> {
  const practice = await db
    .selectFrom('practice')
    .innerJoin('deployment', 'deployment.practice_id', 'practice.id')
    .select(['practice.id', 'deployment.release_id'])
    .where('practice.host_name', '=', hostName)
    .orderBy('deployment.started_at', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  const identity = { practiceId: practice.id, releaseId: practice.release_id };
  if (path === '/version') return { ...identity, appVersion: 'stand-in', migration: 'stand-in' };
  if (path === '/healthz') return { status: 'ok' };
  const stacks = await listSiloStacks(db, [practice.id]);
  const outputs = Object.assign({}, ...stacks.map((stack) => stack.outputs)) as Record<string, string>;
  return {
    status: 'ready',
    ...identity,
    database: { roundTripMs: 1, tls: true },
    key: { arn: outputs['KeyArn'] },
  };
}
