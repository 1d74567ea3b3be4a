import { randomUUID } from 'node:crypto';
import type { Db, Trx } from '../../lib/db/database.ts';
import { toJson } from '../../lib/db/database.ts';
import { insertPractice } from '../../lib/db/practice-store.ts';
import type { RunEvent } from '../../lib/db/run-event-store.ts';
import { insertRun, type RunWithSteps, readRun } from '../../lib/db/run-store.ts';
import type { RunState } from '../../lib/domain/run.ts';
import type { Log } from '../../lib/ports/log.ts';

/** A log that nobody reads. */
export const silent: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

const freshNpi = (() => {
  let last = Number.parseInt(randomUUID().slice(0, 6), 16);
  return () => {
    last += 1;
    return String(1_000_000_000 + last);
  };
})();

/** Rows of a practice in `provisioning` and of its approved sign-up, as an approval leaves them. */
export function approvedPractice(id: string, now: Date) {
  const signUpId = randomUUID();
  return {
    signUp: {
      id: signUpId,
      state: 'approved' as const,
      legal_name: `${id} LLC`,
      display_name: id,
      disciplines: toJson(['aba']),
      npi: freshNpi(),
      contact: toJson({ name: 'Ana Ruiz', email: 'ana@example.com', phone: '+13125550143' }),
      us_state: 'IL',
      time_zone: 'America/Chicago',
      clinician_count: 3,
      plan_id: 'founding',
      agreement: toJson({ acceptedBy: 'Ana Ruiz', acceptedAt: now.toISOString(), version: '2026-01' }),
      practice_id: id,
      decided_by: 'token:test',
      decided_at: now,
      decision_reason: 'test',
      revision: 1,
      created_at: now,
      updated_at: now,
    },
    practice: {
      id,
      sign_up_id: signUpId,
      display_name: id,
      disciplines: toJson(['aba']),
      us_state: 'IL',
      time_zone: 'America/Chicago',
      plan_id: 'founding',
      plan_version: 1,
      shape: 'solo' as const,
      host_name: `${id}.practices.localhost`,
      state: 'provisioning' as const,
      revision: 1,
      created_at: now,
      updated_at: now,
    },
  };
}

async function insertApprovedPractice(trx: Trx, id: string, now: Date): Promise<void> {
  const { signUp, practice } = approvedPractice(id, now);
  await trx.insertInto('sign_up').values(signUp).execute();
  await insertPractice(trx, practice);
}

/** A practice with a queued `provision-practice` run, in one transaction with whatever `also` does (enqueue). */
export async function insertPracticeRun(
  db: Db,
  of: {
    readonly practiceId: string;
    readonly steps: readonly string[];
    readonly input?: Readonly<Record<string, unknown>>;
  },
  also: (trx: Trx, run: { id: string; practiceId: string; generation: number }) => Promise<void>,
): Promise<string> {
  const id = randomUUID();
  const now = new Date();
  await db.transaction().execute(async (trx) => {
    await insertApprovedPractice(trx, of.practiceId, now);
    await insertRun(trx, {
      id,
      workflow: 'provision-practice',
      practiceId: of.practiceId,
      input: of.input ?? {},
      steps: of.steps,
      requestedBy: 'token:test',
      now,
    });
    await also(trx, { id, practiceId: of.practiceId, generation: 1 });
  });
  return id;
}

/** Waits for a condition, asking often; fails after `withinMs` with what it was waiting for. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  withinMs = 90_000,
): Promise<T> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > deadline) throw new Error(`waited ${withinMs} ms in vain for ${what}`);
    await new Promise((resolve) => {
      setTimeout(resolve, 15);
    });
  }
}

export function runIn(db: Db, id: string, ...states: readonly RunState[]): Promise<RunWithSteps> {
  return eventually(`run ${id} to be ${states.join(' or ')}`, async () => {
    const run = await readRun(db, id);
    return run !== undefined && states.includes(run.state) ? run : undefined;
  });
}

/** The event with which CloudFormation begins to make a stack. */
export function beginsStackCreation({ body }: RunEvent): boolean {
  return (
    body.kind === 'resource' &&
    body.resourceType === 'AWS::CloudFormation::Stack' &&
    body.status === 'CREATE_IN_PROGRESS'
  );
}
