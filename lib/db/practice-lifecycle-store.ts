import type { Updateable } from 'kysely';
import type { HealthState, PracticeState } from '../domain/practice.ts';
import type { Connection, Trx } from './database.ts';
import { hostNameOf } from './practice-store.ts';
import type { PracticeTable } from './practice-tables.ts';

/** Changes a practice, as a new revision. False, and nothing is written, when it is in none of the states `from`. */
export async function changePractice(
  trx: Trx,
  practice: { readonly id: string; readonly from: readonly PracticeState[]; readonly now: Date },
  change: Updateable<PracticeTable>,
): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('practice')
    .set((eb) => ({ ...change, revision: eb('revision', '+', 1), updated_at: practice.now }))
    .where('id', '=', practice.id)
    .where('state', 'in', [...practice.from])
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** A release that a practice was just seen to run, by a verification. */
interface Verified {
  readonly id: string;
  readonly releaseId: string;
  readonly now: Date;
}

/** `provisioning → active`. False, and nothing is written, when the practice is in another state. */
export function activatePractice(trx: Trx, practice: Verified): Promise<boolean> {
  return recordVerified(trx, practice, ['provisioning'], { state: 'active', activated_at: practice.now });
}

/** An active practice runs another release, or the same one with other settings. False, and nothing is written, when it is not active. */
export function recordUpdated(trx: Trx, practice: Verified): Promise<boolean> {
  return recordVerified(trx, practice, ['active'], {});
}

/** `suspended | offboarding → active`: the silo was verified as at an activation. False, and nothing is written, from another state. */
export function reactivatePractice(trx: Trx, practice: Verified): Promise<boolean> {
  return recordVerified(trx, practice, ['suspended', 'offboarding'], { state: 'active' });
}

/**
 * The practice's app was seen to be out of reach: `to` is what it is from now on, and nobody asks for its health any more. False, and
 * nothing is written, when it is in none of the states `from`.
 */
export function recordClosed(
  trx: Trx,
  practice: {
    readonly id: string;
    readonly from: readonly PracticeState[];
    readonly to: 'suspended' | 'offboarding' | 'deprovisioned';
    readonly now: Date;
  },
): Promise<boolean> {
  return changePractice(trx, practice, { state: practice.to, health: 'unknown', health_checked_at: null });
}

function recordVerified(
  trx: Trx,
  { id, releaseId, now }: Verified,
  from: readonly PracticeState[],
  also: { readonly state?: PracticeState; readonly activated_at?: Date },
): Promise<boolean> {
  const seen = { release_id: releaseId, health: 'healthy', health_checked_at: now } as const;
  return changePractice(trx, { id, from, now }, { ...also, ...seen });
}

/** Moves a practice on whose provisioning ended without success. Answers whether it was in one of the states `from`. */
export function endProvisioning(
  trx: Trx,
  practiceId: string,
  to: 'provisioning_failed' | 'provisioning_cancelled',
  now: Date,
): Promise<boolean> {
  const from: PracticeState[] = ['waiting', 'provisioning', 'provisioning_failed'];
  return changePractice(trx, { id: practiceId, from, now }, { state: to });
}

/** Closes the sign-up of a practice that was never made: its NPI may sign up again. Answers its id, if it was open. */
export async function closeSignUpOf(trx: Trx, practiceId: string, now: Date): Promise<string | undefined> {
  const closed = await trx
    .updateTable('sign_up')
    .set((eb) => ({ state: 'closed', revision: eb('revision', '+', 1), updated_at: now }))
    .where('practice_id', '=', practiceId)
    .where('state', '=', 'approved')
    .returning('id')
    .executeTakeFirst();
  return closed?.id;
}

/** Where the app of each active practice answers. */
export async function activePracticeHosts(
  connection: Connection,
): Promise<{ readonly id: string; readonly host_name: string }[]> {
  const rows = await connection
    .selectFrom('practice')
    .select(['id', 'host_name'])
    .where('state', '=', 'active')
    .orderBy('id')
    .execute();
  return rows.map((row) => ({ id: row.id, host_name: hostNameOf(row) }));
}

/** What the app's health was at a time: a field of its own, which neither changes the state nor the revision. */
export async function recordHealth(
  connection: Connection,
  practiceId: string,
  health: HealthState,
  checkedAt: Date,
): Promise<void> {
  await connection
    .updateTable('practice')
    .set({ health, health_checked_at: checkedAt })
    .where('id', '=', practiceId)
    // Its access may have been closed since it was asked.
    .where('state', '=', 'active')
    .execute();
}
