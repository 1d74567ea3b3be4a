import { randomUUID } from 'node:crypto';
import type { Database } from '../../lib/db/database.ts';
import type { Actor } from '../../lib/domain/access.ts';
import { type Approval, approveSignUp } from '../../lib/use-cases/approve-sign-up.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { submitSignUp } from '../../lib/use-cases/submit-sign-up.ts';
import { signUpRequest } from './sign-up.ts';

const actor: Actor = { id: 'token:test', name: 'test', roles: ['operator'], requestId: 'test-request' };

/** A sign-up that is ready to be approved, with a plan that has places for all of them. */
export async function submitted(core: Core): Promise<string> {
  const { body } = await submitSignUp(
    core,
    signUpRequest({ plan: 'standard' }),
    { idempotencyKey: randomUUID() },
    actor,
  );
  return body.id;
}

export function approved(core: Core, signUpId: string): Promise<Approval> {
  return approveSignUp(core, { signUpId, reason: 'checked' }, actor);
}

/** Leaves this many practices' worth of stacks in the cell `main`; each practice of a test's release uses three. */
export async function leaveRoomFor({ db }: Database, practices: number): Promise<void> {
  const { used } = await db
    .selectFrom('capacity_ledger')
    .select((eb) => eb.fn.coalesce(eb.fn.sum<number>('amount'), eb.lit(0)).as('used'))
    .where('cell_id', '=', 'main')
    .where('quota', '=', 'stacks')
    .executeTakeFirstOrThrow();
  const cell = await db
    .selectFrom('cell')
    .select('limits')
    .where('id', '=', 'main')
    .executeTakeFirstOrThrow();
  const limits = JSON.stringify({ ...cell.limits, stacks: used + 3 * practices });
  await db.updateTable('cell').set({ limits }).where('id', '=', 'main').execute();
}

/** Fifty sign-ups approved at the same moment, with room for one: how many were placed, and how many wait. */
export async function raceForTheLastPlace(
  database: Database,
  core: Core,
): Promise<{
  readonly placed: number;
  readonly waiting: number;
  readonly used: number;
  readonly limit: number;
}> {
  const signUps: string[] = [];
  for (let each = 0; each < 50; each += 1) signUps.push(await submitted(core));
  await leaveRoomFor(database, 1);
  const approvals = await Promise.all(signUps.map((id) => approved(core, id)));
  const placed = approvals.filter(({ cellId }) => cellId !== null).length;
  const cell = await database.db
    .selectFrom('cell')
    .innerJoin('capacity_ledger', 'capacity_ledger.cell_id', 'cell.id')
    .select((eb) => ['cell.limits', eb.fn.sum<number>('amount').as('used')])
    .where('cell.id', '=', 'main')
    .where('quota', '=', 'stacks')
    .groupBy('cell.limits')
    .executeTakeFirstOrThrow();
  return {
    placed,
    waiting: approvals.length - placed,
    used: cell.used,
    limit: cell.limits.stacks,
  };
}
