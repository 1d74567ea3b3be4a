import type { Schedule, ShownFreeze, UpcomingWindows } from './contracts/schedules.ts';

const practiceId = 'sunrise-aba';
const inWords = 'Sundays 02:00 for 4 h, America/Chicago';
const next: UpcomingWindows['windows'][number] = {
  startsAt: '2026-11-29T08:00:00.000Z',
  endsAt: '2026-11-29T12:00:00.000Z',
  heldBy: ['freeze'],
};
const frozen: Schedule['freezes'][number] = {
  id: '6f9b0f0e-1f0b-4c57-9c39-5a5d0f6c2b11',
  practiceId: null,
  reason: 'Holiday: nobody is on call',
  from: '2026-11-25T06:00:00.000Z',
  until: '2026-12-01T06:00:00.000Z',
  renewedBySecurity: false,
};
const freeze: ShownFreeze = {
  ...frozen,
  state: 'in_force',
  renewal: null,
  createdBy: 'night shift',
  createdAt: '2026-11-20T16:00:00.000Z',
  liftedBy: null,
  liftedAt: null,
};
const schedule: Schedule = {
  practiceId,
  window: {
    rule: 'FREQ=WEEKLY;BYDAY=SU;BYHOUR=2;BYMINUTE=0',
    durationMinutes: 240,
    timeZone: 'America/Chicago',
    inWords,
  },
  ring: 'general',
  pin: null,
  deferral: null,
  freezes: [frozen],
  next,
};

/** Of routes/schedules.ts and routes/freezes.ts, by the schema's name. */
export const scheduleExamples: Readonly<Record<string, unknown>> = {
  CalendarAddress: { practiceId, path: '/v1/calendars/<key>.ics' },
  Freeze: freeze,
  Schedule: schedule,
  UpcomingWindows: { practiceId, inWords, windows: [next] } satisfies UpcomingWindows,
};
