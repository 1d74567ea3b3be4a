import type { Selectable } from 'kysely';
import { defaultWindow } from '../domain/maintenance-window.ts';
import type { Freeze, PracticeSchedule } from '../domain/schedule.ts';
import type { Connection } from './database.ts';
import type { UpdateFreezeTable } from './schema.ts';

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

/** Freezes that hold now or later, earliest first; neither those that were lifted nor those that are over. */
export async function readFreezes(connection: Connection, now: Date): Promise<Freeze[]> {
  const rows = await connection
    .selectFrom('update_freeze')
    .selectAll()
    .where('lifted_at', 'is', null)
    .where('ends_at', '>', now)
    .orderBy('starts_at')
    .orderBy('id')
    .execute();
  return rows.map(toFreeze);
}

function toFreeze(row: Selectable<UpdateFreezeTable>): Freeze {
  return {
    id: row.id,
    practiceId: row.practice_id,
    reason: row.reason,
    from: row.starts_at,
    until: row.ends_at,
    renewedBySecurity: row.renewed_at !== null,
  };
}
