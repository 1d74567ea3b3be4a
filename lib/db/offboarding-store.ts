import type { Selectable, Updateable } from 'kysely';
import {
  type CameFrom,
  type FinalSnapshot,
  type KeptResource,
  keysGoneBefore,
  type OffboardingClock,
  type OffboardingStage,
  type OffboardingTerms,
} from '../domain/offboarding.ts';
import { type Connection, type Trx, toJson } from './database.ts';
import type { OffboardingTable } from './practice-tables.ts';

export interface Offboarding extends OffboardingClock, OffboardingTerms {
  readonly id: string;
  readonly practiceId: string;
  readonly cameFrom: CameFrom;
  readonly reason: string;
  readonly requestedBy: string;
  readonly requestedAt: Date;
  /** The run at work on the stage, or the one that failed there; null while nothing is to be done. */
  readonly runId: string | null;
  readonly cancelledAt: Date | null;
  readonly cancelledBy: string | null;
  readonly cancelReason: string | null;
  readonly keyArn: string | null;
  readonly finalSnapshot: FinalSnapshot | null;
  readonly kept: readonly KeptResource[];
}

export async function insertOffboarding(
  trx: Trx,
  asked: OffboardingTerms &
    Pick<Offboarding, 'id' | 'practiceId' | 'cameFrom' | 'reason' | 'requestedBy' | 'requestedAt' | 'runId'>,
): Promise<Offboarding> {
  const row = await trx
    .insertInto('offboarding')
    .values({
      id: asked.id,
      practice_id: asked.practiceId,
      stage: 'closing',
      came_from: asked.cameFrom,
      reason: asked.reason,
      requested_by: asked.requestedBy,
      requested_at: asked.requestedAt,
      grace_days: asked.graceDays,
      retention_days: asked.retentionDays,
      exception: asked.exception,
      run_id: asked.runId,
      kept: toJson([]),
    })
    .returningAll()
    .executeTakeFirstOrThrow();
  return toOffboarding(row);
}

/** The practice's offboarding that is not cancelled, or else the newest that is. */
export async function findOffboarding(
  connection: Connection,
  practiceId: string,
): Promise<Offboarding | undefined> {
  const row = await connection
    .selectFrom('offboarding')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .orderBy((eb) => eb('stage', '=', 'cancelled'))
    .orderBy('requested_at', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row === undefined ? undefined : toOffboarding(row);
}

/** The practice's offboarding that is not cancelled, with its row locked until the transaction ends. */
export async function lockOffboarding(trx: Trx, practiceId: string): Promise<Offboarding | undefined> {
  const row = await trx
    .selectFrom('offboarding')
    .selectAll()
    .where('practice_id', '=', practiceId)
    .where('stage', '<>', 'cancelled')
    .forUpdate()
    .executeTakeFirst();
  return row === undefined ? undefined : toOffboarding(row);
}

/** What may change of an offboarding; what is left out stays. */
export interface OffboardingChange {
  readonly stage?: OffboardingStage;
  readonly runId?: string | null;
  readonly graceBeganAt?: Date | null;
  readonly graceEndsAt?: Date | null;
  readonly deprovisioningBeganAt?: Date | null;
  readonly removalBeganAt?: Date;
  readonly deprovisionedAt?: Date;
  readonly retentionEndsAt?: Date;
  readonly keyDeletionScheduledAt?: Date | null;
  readonly keyDeletionAt?: Date | null;
  readonly shreddedAt?: Date;
  readonly purgeAgainAt?: Date | null;
  readonly cancelledAt?: Date;
  readonly cancelledBy?: string;
  readonly cancelReason?: string;
  readonly keyArn?: string | null;
  readonly finalSnapshot?: FinalSnapshot | null;
  readonly kept?: readonly KeptResource[];
}

const columns = {
  stage: 'stage',
  runId: 'run_id',
  graceBeganAt: 'grace_began_at',
  graceEndsAt: 'grace_ends_at',
  deprovisioningBeganAt: 'deprovisioning_began_at',
  removalBeganAt: 'removal_began_at',
  deprovisionedAt: 'deprovisioned_at',
  retentionEndsAt: 'retention_ends_at',
  keyDeletionScheduledAt: 'key_deletion_scheduled_at',
  keyDeletionAt: 'key_deletion_at',
  shreddedAt: 'shredded_at',
  purgeAgainAt: 'purge_again_at',
  cancelledAt: 'cancelled_at',
  cancelledBy: 'cancelled_by',
  cancelReason: 'cancel_reason',
  keyArn: 'key_arn',
} as const satisfies Partial<Record<keyof OffboardingChange, keyof OffboardingTable>>;

/** Changes the practice's offboarding that is not cancelled. False when there is none. */
export async function changeOffboarding(
  trx: Trx,
  practiceId: string,
  change: OffboardingChange,
): Promise<boolean> {
  const { finalSnapshot, kept, ...plain } = change;
  const set: Updateable<OffboardingTable> = Object.fromEntries(
    Object.entries(plain).map(([name, value]) => [columns[name as keyof typeof columns], value]),
  );
  const { numUpdatedRows } = await trx
    .updateTable('offboarding')
    .set({
      ...set,
      ...(finalSnapshot === undefined
        ? {}
        : { final_snapshot: finalSnapshot === null ? null : toJson(finalSnapshot) }),
      ...(kept === undefined ? {} : { kept: toJson(kept) }),
    })
    .where('practice_id', '=', practiceId)
    .where('stage', '<>', 'cancelled')
    .executeTakeFirstOrThrow();
  return numUpdatedRows === 1n;
}

/** Practices of which a clock has run out and no run is at work on the next stage, those first that wait longest. */
export async function dueOffboardings(connection: Connection, now: Date, limit: number): Promise<string[]> {
  const rows = await connection
    .selectFrom('offboarding')
    .select((eb) => [
      'practice_id',
      eb.fn.coalesce('purge_again_at', 'key_deletion_at', 'retention_ends_at', 'grace_ends_at').as('since'),
    ])
    .where('run_id', 'is', null)
    .where((eb) =>
      eb.or([
        eb.and([eb('stage', '=', 'grace'), eb('grace_ends_at', '<=', now)]),
        eb.and([eb('stage', '=', 'retention'), eb('retention_ends_at', '<=', now)]),
        eb.and([eb('stage', '=', 'key_deletion_pending'), eb('key_deletion_at', '<=', keysGoneBefore(now))]),
        eb.and([eb('stage', '=', 'shredded'), eb('purge_again_at', '<=', now)]),
      ]),
    )
    .orderBy('since')
    .limit(limit)
    .execute();
  return rows.map((row) => row.practice_id);
}

function toOffboarding(row: Selectable<OffboardingTable>): Offboarding {
  return {
    id: row.id,
    practiceId: row.practice_id,
    stage: row.stage,
    cameFrom: row.came_from,
    reason: row.reason,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    graceDays: row.grace_days,
    retentionDays: row.retention_days,
    exception: row.exception,
    runId: row.run_id,
    graceBeganAt: row.grace_began_at,
    graceEndsAt: row.grace_ends_at,
    deprovisioningBeganAt: row.deprovisioning_began_at,
    removalBeganAt: row.removal_began_at,
    deprovisionedAt: row.deprovisioned_at,
    retentionEndsAt: row.retention_ends_at,
    keyDeletionScheduledAt: row.key_deletion_scheduled_at,
    keyDeletionAt: row.key_deletion_at,
    shreddedAt: row.shredded_at,
    purgeAgainAt: row.purge_again_at,
    cancelledAt: row.cancelled_at,
    cancelledBy: row.cancelled_by,
    cancelReason: row.cancel_reason,
    keyArn: row.key_arn,
    finalSnapshot: row.final_snapshot,
    kept: row.kept,
  };
}
