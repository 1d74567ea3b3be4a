import type { StoredFreeze } from '../lib/use-cases/freezes.ts';
import type { ScheduleOfPractice, UpcomingWindow } from '../lib/use-cases/schedules.ts';
import type { Schedule, ShownFreeze, ShownWindow } from './contracts/schedules.ts';

type FreezeOfSchedule = Schedule['freezes'][number];

export function toSchedule(schedule: ScheduleOfPractice): Schedule {
  const { practiceId, window, inWords, ring, pin, deferral, freezes, next } = schedule;
  return {
    practiceId,
    window: { ...window, inWords },
    ring,
    pin: pin === null ? null : { ...pin, until: pin.until.toISOString() },
    deferral: deferral === null ? null : { ...deferral, until: deferral.until.toISOString() },
    freezes: freezes.map(toFreezeOfSchedule),
    next: next === null ? null : toWindow(next),
  };
}

export function toWindow({ startsAt, endsAt, heldBy }: UpcomingWindow): ShownWindow {
  return { startsAt: startsAt.toISOString(), endsAt: endsAt.toISOString(), heldBy: [...heldBy] };
}

export function toFreeze(freeze: StoredFreeze, state: ShownFreeze['state']): ShownFreeze {
  const { renewal, createdBy, createdAt, liftedBy, liftedAt } = freeze;
  return {
    ...toFreezeOfSchedule(freeze),
    state,
    renewal: renewal === null ? null : { ...renewal, at: renewal.at.toISOString() },
    createdBy,
    createdAt: createdAt.toISOString(),
    liftedBy,
    liftedAt: liftedAt?.toISOString() ?? null,
  };
}

function toFreezeOfSchedule(freeze: ScheduleOfPractice['freezes'][number]): FreezeOfSchedule {
  const { id, practiceId, reason, from, until, renewedBySecurity } = freeze;
  return { id, practiceId, reason, from: from.toISOString(), until: until.toISOString(), renewedBySecurity };
}
