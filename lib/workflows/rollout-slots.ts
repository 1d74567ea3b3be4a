import type { Connection } from '../db/database.ts';
import type { RolloutAtWork } from '../db/rollout-progress-store.ts';
import { readFreezes, readSchedules } from '../db/schedule-store.ts';
import type { Slot, TargetView } from '../domain/rollout-progress.ts';
import { slotFor } from '../domain/rollout-slot.ts';

/** Where each of these practices of a rollout would be placed now, by the schedules and freezes as they are now. */
export async function slotsOf(
  connection: Connection,
  rollout: Pick<RolloutAtWork, 'release' | 'policy' | 'until'>,
  targets: readonly TargetView[],
  now: Date,
): Promise<(practiceId: string) => Slot> {
  const places = new Map(targets.map((target) => [target.practiceId, target]));
  const freezes = await readFreezes(connection, now);
  const read = await readSchedules(connection, [...places.keys()]);
  const schedules = new Map(read.map((schedule) => [schedule.practiceId, schedule]));
  return (practiceId) => {
    const [target, schedule] = [places.get(practiceId), schedules.get(practiceId)];
    if (target === undefined || schedule === undefined) throw new Error(`nobody has read ${practiceId}`);
    const { window, ring, pin, deferral } = schedule;
    const { state, ordinal } = target.practice;
    const practice = { id: practiceId, state, cellId: target.cellId, currentOrdinal: ordinal };
    return slotFor({ ...practice, window, ring, pin, deferral }, { ...rollout, freezes, now });
  };
}
