/**
 * Approvals at the same moment for one plan: `[postgres:// URL] [approvals]`. Sends what became of them to its parent, for a plan with
 * places for a tenth of them and for one with places for all.
 */
import { randomUUID } from 'node:crypto';
import { siloShapes } from '../../../bin/silo-shapes.ts';
import { migrate, openServer } from '../../../lib/db/database.ts';
import { systemActor } from '../../../lib/domain/access.ts';
import { DomainError } from '../../../lib/domain/errors.ts';
import { approveSignUp } from '../../../lib/use-cases/approve-sign-up.ts';
import type { Core } from '../../../lib/use-cases/core.ts';
import { submitSignUp } from '../../../lib/use-cases/submit-sign-up.ts';
import { workflowSteps } from '../../../lib/workflows/all-workflows.ts';
import { openAccess, recordTestCell } from '../../builders/cells.ts';
import { publishTestRelease } from '../../builders/database.ts';
import { makePlan } from '../../builders/plans.ts';
import { signUpRequest } from '../../builders/sign-up.ts';
import { testTermsSigner } from '../../builders/terms-signer.ts';
import type { Race, Races } from '../enrolment.ts';

const [url = '', approvals = '0'] = process.argv.slice(2);
const count = Number(approvals);
// Those that wait for a connection wait as long as those that wait for the lock.
const database = openServer(url, { maxConnections: 20, patience: { connectionTimeoutMillis: 300_000 } });
const core: Core = {
  db: database.db,
  clock: { now: () => new Date() },
  queue: { enqueue: async () => undefined },
  cellAccess: openAccess,
  secondApprovalCents: 50_000,
  steps: workflowSteps,
  shapes: siloShapes,
  termsSigner: testTermsSigner,
};
await migrate(database.db);
await recordTestCell(core);
await publishTestRelease(database, 'e', core.clock.now());
const race = async (cap: number | null) => {
  const plan = await makePlan(database.db, { cap });
  const signUps: string[] = [];
  for (let each = 0; each < count; each += 1) signUps.push(await signUp(plan));
  return approveAll(signUps);
};
// What the first calls compile and connect is not counted.
await race(count);
process.send?.({ capped: await race(count / 10), uncapped: await race(null) } satisfies Races);
await database.close();
process.disconnect?.();

async function signUp(plan: string): Promise<string> {
  const { body } = await submitSignUp(
    core,
    // Many of one name would each try the ids of all before it.
    signUpRequest({ plan, displayName: `Practice ${randomUUID()}` }),
    { idempotencyKey: randomUUID() },
    systemActor,
  );
  return body.id;
}

async function approveAll(signUps: readonly string[]): Promise<Race> {
  const begun = performance.now();
  const answers = await Promise.all(
    signUps.map(async (signUpId) => {
      const isMember = await approve(signUpId);
      return { isMember, milliseconds: performance.now() - begun };
    }),
  );
  const enrolled = answers.filter(({ isMember }) => isMember).length;
  const [first, ...others] = answers.map(({ milliseconds }) => milliseconds);
  if (first === undefined) throw new Error('nothing was approved');
  return {
    enrolled,
    waiting: answers.length - enrolled,
    seconds: (performance.now() - begun) / 1_000,
    milliseconds: [first, ...others],
  };
}

/** Whether it got a place. */
async function approve(signUpId: string): Promise<boolean> {
  try {
    await approveSignUp(core, { signUpId, reason: 'benchmark' }, systemActor);
    return true;
  } catch (error) {
    if (error instanceof DomainError && error.code === 'plan_full') return false;
    throw error;
  }
}
