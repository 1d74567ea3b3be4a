import { type Practice, practiceSchema } from '../control-api/contracts/practices.ts';
import {
  type Schedule,
  type ShownWindow,
  scheduleSchema,
  upcomingWindowsSchema,
} from '../control-api/contracts/schedules.ts';
import { approvalSchema } from '../control-api/contracts/sign-ups.ts';
import { commandError } from './commands/command-error.ts';
import type { Session } from './commands/session.ts';
import { explain } from './commands/watch.ts';
import { provision, signUp } from './demo-practices.ts';

/** A fictional practice; its window is the default of its zone unless it has one of its own. */
interface Sketch {
  readonly displayName: string;
  readonly npi: string;
  readonly usState: string;
  readonly timeZone: string;
  readonly ring: Schedule['ring'];
  readonly window?: { readonly rule: string; readonly durationMinutes: number };
}

const sketches: readonly Sketch[] = [
  {
    displayName: 'Hudson Speech',
    npi: '1203456714',
    usState: 'NY',
    timeZone: 'America/New_York',
    ring: 'canary',
    window: { rule: 'FREQ=DAILY;BYHOUR=1;BYMINUTE=0', durationMinutes: 120 },
  },
  {
    displayName: 'Lakeshore ABA',
    npi: '1304567823',
    usState: 'IL',
    timeZone: 'America/Chicago',
    ring: 'early',
  },
  {
    displayName: 'Front Range OT',
    npi: '1405678933',
    usState: 'CO',
    timeZone: 'America/Denver',
    ring: 'early',
    window: { rule: 'FREQ=WEEKLY;BYDAY=WE;BYHOUR=22;BYMINUTE=30', durationMinutes: 180 },
  },
  {
    displayName: 'Saguaro Kids',
    npi: '1506789043',
    usState: 'AZ',
    timeZone: 'America/Phoenix',
    ring: 'general',
  },
  {
    displayName: 'Pacific Counseling',
    npi: '1607890153',
    usState: 'CA',
    timeZone: 'America/Los_Angeles',
    ring: 'general',
    window: { rule: 'FREQ=WEEKLY;BYDAY=FR,SA;BYHOUR=23;BYMINUTE=0', durationMinutes: 120 },
  },
  {
    displayName: 'Windward OT',
    npi: '1708901263',
    usState: 'HI',
    timeZone: 'Pacific/Honolulu',
    ring: 'general',
  },
];

/** A practice of the fleet, with its schedule and windows as the control plane tells them before any rollout. */
export interface Member {
  readonly practice: Practice;
  readonly schedule: Schedule;
  readonly windows: readonly ShownWindow[];
}

/** Of the windows of a practice, so many are looked up: those of weeks to come. */
const windowsKept = 60;

/** Signs six practices up, approves and provisions them, and sets who of them is updated when. @throws CommandError when one is not active */
export async function makeFleet(session: Session): Promise<Member[]> {
  const approved = [];
  for (const sketch of sketches) {
    const practiceId = await approvedPractice(session, sketch);
    approved.push({ practiceId, displayName: sketch.displayName, isNew: true, ownerLink: null });
  }
  for (const { practice, run } of await provision(session, approved)) {
    if (practice.state === 'active') continue;
    throw commandError('internal', `${practice.displayName} is ${practice.state}, not active.`, {
      hint: explain(run),
    });
  }
  return Promise.all(approved.map(({ practiceId }, place) => member(session, practiceId, sketches[place])));
}

async function approvedPractice({ api }: Session, sketch: Sketch): Promise<string> {
  const { displayName, npi, usState, timeZone } = sketch;
  const id = await signUp(api, {
    legalName: `${displayName} LLC`,
    displayName,
    npi,
    usState,
    timeZone,
    disciplines: ['speech'],
    contact: { name: 'Sam Example', email: `office@${npi}.example.com`, phone: '+12125550100' },
    clinicianCount: 5,
    plan: 'founding',
    agreement: { acceptedBy: 'Sam Example', acceptedAt: '2026-01-12T15:30:00Z', version: '2026-01' },
  });
  const body = { reason: 'Demo: a fictional practice' };
  return (await api.post(`/v1/signups/${id}/approve`, approvalSchema, { body })).practiceId;
}

async function member({ api }: Session, practiceId: string, sketch: Sketch | undefined): Promise<Member> {
  if (sketch === undefined) throw new Error(`${practiceId} is not of the fleet`);
  const path = `/v1/practices/${practiceId}`;
  const { ring, timeZone } = sketch;
  const { etag } = await api.getTagged(`${path}/schedule`, scheduleSchema);
  const window = sketch.window === undefined ? null : { ...sketch.window, timeZone };
  const body = { window, ring, reason: 'Demo: as the practice wishes' };
  const schedule = await api.put(`${path}/schedule`, scheduleSchema, { body, etag });
  const { windows } = await api.get(`${path}/maintenance-windows`, upcomingWindowsSchema, {
    query: { limit: windowsKept },
  });
  return { practice: await api.get(path, practiceSchema), schedule, windows };
}
