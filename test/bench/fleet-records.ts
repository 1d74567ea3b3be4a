import { sql } from 'kysely';
import { sandboxDefaults } from '../../lib/config.ts';
import { insertCell } from '../../lib/db/cell-store.ts';
import { type Trx, toJson } from '../../lib/db/database.ts';
import { generousLimits, quotas } from '../../lib/domain/capacity.ts';
import type { PlanPractice } from '../../lib/domain/rollout-input.ts';
import type { Core } from '../../lib/use-cases/core.ts';
import { demandCounter } from '../../lib/workflows/find-room.ts';
import { approvedPractice } from '../builders/runs.ts';

/** Rows of one statement: PostgreSQL takes 65,535 values. */
const batch = 1_000;

/**
 * Writes a fleet on record, many rows a statement, as sign-up, approval and provisioning leave it: active practices with a release, a
 * schedule, a run that has ended, its deployment, and what they use of their cells.
 */
export async function insertFleet(
  core: Core,
  practices: readonly PlanPractice[],
  releaseId: string,
): Promise<void> {
  const now = core.clock.now();
  await core.db.transaction().execute(async (trx) => {
    await insertCells(trx, practices, now);
    for (let start = 0; start < practices.length; start += batch) {
      await insertPractices(trx, practices.slice(start, start + batch), { releaseId, now });
    }
    await insertRuns(trx, releaseId, now);
    await reserve(core, trx, releaseId, now);
  });
}

async function insertCells(trx: Trx, practices: readonly PlanPractice[], now: Date): Promise<void> {
  const ids = new Set(practices.flatMap(({ cellId }) => (cellId === null ? [] : [cellId])));
  for (const [place, id] of [...ids].entries()) {
    await insertCell(trx, {
      id,
      accountId: String(100_000_000_000 + place),
      region: sandboxDefaults.region,
      roleArn: null,
      externalId: null,
      domain: `${id}.practices.localhost`,
      hostedZoneId: sandboxDefaults.hostedZoneId,
      imageRegistry: sandboxDefaults.imageRegistry,
      s3PrefixListId: null,
      backupCopyRegion: 'us-west-2',
      alarmEmail: null,
      limits: generousLimits,
      state: 'active',
      revision: 1,
      createdBy: 'bench',
      createdAt: now,
      updatedAt: now,
    });
  }
}

async function insertPractices(
  trx: Trx,
  practices: readonly PlanPractice[],
  { releaseId, now }: { readonly releaseId: string; readonly now: Date },
): Promise<void> {
  const approved = practices.map(({ id }) => approvedPractice(id, now));
  await trx
    .insertInto('sign_up')
    .values(approved.map(({ signUp }) => signUp))
    .execute();
  const rows = approved.map(({ practice }, place) => ({
    ...practice,
    state: 'active' as const,
    activated_at: now,
    release_id: releaseId,
    cell_id: practices[place]?.cellId ?? null,
  }));
  await trx.insertInto('practice').values(rows).execute();
  await trx
    .insertInto('practice_schedule')
    .values(
      practices.map(({ id, window, ring, pin, deferral }) => ({
        practice_id: id,
        rule: window.rule,
        duration_minutes: window.durationMinutes,
        time_zone: window.timeZone,
        ring,
        pin_release_id: pin?.releaseId ?? null,
        pin_until: pin?.until ?? null,
        pin_reason: pin?.reason ?? null,
        deferral_until: deferral?.until ?? null,
        deferral_reason: deferral?.reason ?? null,
        revision: 1,
        updated_at: now,
      })),
    )
    .execute();
}

async function insertRuns(trx: Trx, releaseId: string, now: Date): Promise<void> {
  await sql`insert into run (id, workflow, practice_id, state, input, requested_by, created_at, started_at, finished_at)
    select gen_random_uuid(), 'provision-practice', id, 'succeeded', '{}', 'bench', ${now}, ${now}, ${now} from practice`.execute(
    trx,
  );
  await sql`insert into deployment (id, practice_id, release_id, run_id, state, started_at, finished_at)
    select gen_random_uuid(), practice_id, ${releaseId}, id, 'succeeded', ${now}, ${now} from run`.execute(
    trx,
  );
}

/** Each practice has reserved what the release uses. */
async function reserve(core: Core, trx: Trx, releaseId: string, now: Date): Promise<void> {
  const demandIn = await demandCounter(core.shapes)(trx, { releaseId, shape: 'solo', settings: {} });
  const demand = demandIn(sandboxDefaults.region);
  const rows = quotas.map((quota) => ({ quota, amount: demand[quota] })).filter(({ amount }) => amount > 0);
  await sql`insert into capacity_ledger (cell_id, practice_id, entry, quota, amount, reason, at)
    select cell_id, practice.id, 'reservation', used.quota, used.amount, 'placed', ${now}
    from practice cross join jsonb_to_recordset(${toJson(rows)}::jsonb) as used(quota text, amount integer)`.execute(
    trx,
  );
}
