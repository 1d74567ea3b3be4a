import type { PlanPractice } from '../../lib/domain/rollout-input.ts';
import type { Ring } from '../../lib/domain/schedule.ts';

const day = 86_400_000;
const zones = [
  'America/New_York',
  'America/Chicago',
  'America/Denver',
  'America/Phoenix',
  'America/Los_Angeles',
  'America/Anchorage',
  'Pacific/Honolulu',
];
const rules = [
  'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
  'FREQ=WEEKLY;BYDAY=SA,SU;BYHOUR=1;BYMINUTE=30',
  'FREQ=WEEKLY;BYDAY=TU,TH;BYHOUR=22;BYMINUTE=0',
  'FREQ=DAILY;BYHOUR=3;BYMINUTE=0',
  'FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2;BYMINUTE=0',
];

/** Active practices on the first release, of seven zones and five kinds of windows, in cells of 200; some are pinned to that release or deferred. */
export function variedFleet(
  count: number,
  { now, releaseId }: { readonly now: Date; readonly releaseId: string },
): PlanPractice[] {
  const until = new Date(now.getTime() + 25 * day);
  return Array.from({ length: count }, (_, at): PlanPractice => {
    const ring: Ring = at % 100 === 0 ? 'canary' : at % 10 === 1 ? 'early' : 'general';
    return {
      id: `practice-${at}`,
      state: 'active',
      cellId: `cell-${Math.floor(at / 200)}`,
      ring,
      currentOrdinal: 1,
      window: {
        // Most have chosen nothing.
        rule: rules[at % 3 === 0 ? Math.floor(at / 3) % rules.length : 0] ?? '',
        durationMinutes: 240,
        timeZone: zones[at % zones.length] ?? '',
      },
      pin: at % 50 === 3 ? { releaseId, until, reason: 'audit season' } : null,
      deferral: at % 50 === 4 ? { until, reason: 'move of the clinic' } : null,
    };
  });
}
