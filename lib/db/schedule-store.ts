import { defaultWindow, type MaintenanceWindow } from '../domain/maintenance-window.ts';
import { isSiloGone, practiceStates } from '../domain/practice.ts';
import type { Deferral, Freeze, Pin, PracticeSchedule, Ring } from '../domain/schedule.ts';
import type { Connection, Trx } from './database.ts';
import { openFreezes, toFreeze } from './freeze-store.ts';

/** Schedules by practice id, of these practices or of all that there ever were. A pin or a deferral that has passed is still in it. */
export async function readSchedules(
  connection: Connection,
  practiceIds?: readonly string[],
): Promise<PracticeSchedule[]> {
  if (practiceIds?.length === 0) return [];
  let query = connection
    .selectFrom('practice')
    .leftJoin('practice_schedule as schedule', 'schedule.practice_id', 'practice.id')
    .select([
      'practice.id',
      'practice.time_zone as practice_time_zone',
      'schedule.rule',
      'schedule.duration_minutes',
      'schedule.time_zone',
      'schedule.ring',
      'schedule.pin_release_id',
      'schedule.pin_until',
      'schedule.pin_reason',
      'schedule.deferral_until',
      'schedule.deferral_reason',
      'schedule.revision',
    ])
    .orderBy('practice.id');
  if (practiceIds !== undefined) query = query.where('practice.id', 'in', practiceIds);
  const rows = await query.execute();
  return rows.map((row) => {
    const { rule, duration_minutes: durationMinutes, time_zone: timeZone } = row;
    const { pin_release_id: releaseId, pin_until, pin_reason, deferral_until, deferral_reason } = row;
    const isSet = rule !== null && durationMinutes !== null && timeZone !== null;
    const isPinned = releaseId !== null && pin_until !== null && pin_reason !== null;
    const isDeferred = deferral_until !== null && deferral_reason !== null;
    return {
      practiceId: row.id,
      window: isSet ? { rule, durationMinutes, timeZone } : defaultWindow(row.practice_time_zone),
      ring: row.ring ?? 'general',
      pin: isPinned ? { releaseId, until: pin_until, reason: pin_reason } : null,
      deferral: isDeferred ? { until: deferral_until, reason: deferral_reason } : null,
      revision: row.revision ?? 0,
    };
  });
}

/** Practices with a silo that are kept on a release, and until when. */
export async function practicesPinnedTo(
  connection: Connection,
  releaseId: string,
  now: Date,
): Promise<{ readonly practiceId: string; readonly until: Date }[]> {
  const rows = await connection
    .selectFrom('practice_schedule as schedule')
    .innerJoin('practice', 'practice.id', 'schedule.practice_id')
    .select(['practice.id as practiceId', 'schedule.pin_until as until'])
    .where('schedule.pin_release_id', '=', releaseId)
    .where('schedule.pin_until', '>', now)
    .where('practice.state', 'not in', practiceStates.filter(isSiloGone))
    .orderBy('practice.id')
    .execute();
  return rows.flatMap(({ practiceId, until }) => (until === null ? [] : [{ practiceId, until }]));
}

/** What is to change; what is left out stays. */
export interface ScheduleChange {
  /** Null for the default window of the practice's zone. */
  readonly window?: MaintenanceWindow | null;
  readonly ring?: Ring;
  readonly pin?: Pin | null;
  readonly deferral?: Deferral | null;
}

/** Changes a practice's schedule, or begins one. */
export async function putSchedule(
  trx: Trx,
  practiceId: string,
  change: ScheduleChange,
  at: Date,
): Promise<void> {
  const { window, ring, pin, deferral } = change;
  const values = {
    ...(window === undefined
      ? {}
      : {
          rule: window?.rule ?? null,
          duration_minutes: window?.durationMinutes ?? null,
          time_zone: window?.timeZone ?? null,
        }),
    ...(ring === undefined ? {} : { ring }),
    ...(pin === undefined
      ? {}
      : {
          pin_release_id: pin?.releaseId ?? null,
          pin_until: pin?.until ?? null,
          pin_reason: pin?.reason ?? null,
        }),
    ...(deferral === undefined
      ? {}
      : { deferral_until: deferral?.until ?? null, deferral_reason: deferral?.reason ?? null }),
    updated_at: at,
  };
  await trx
    .insertInto('practice_schedule')
    .values({ practice_id: practiceId, ...values, revision: 1 })
    .onConflict((conflict) =>
      conflict
        .column('practice_id')
        .doUpdateSet((eb) => ({ ...values, revision: eb('practice_schedule.revision', '+', 1) })),
    )
    .execute();
}

/** Freezes that hold now or later, earliest first; neither those that were lifted nor those that are over. */
export async function readFreezes(connection: Connection, now: Date): Promise<Freeze[]> {
  const rows = await openFreezes(connection, now).orderBy('starts_at').orderBy('id').execute();
  return rows.map(toFreeze);
}
