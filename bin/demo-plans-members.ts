import { setTimeout as delay } from 'node:timers/promises';
import { practicePageSchema } from '../control-api/contracts/practices.ts';
import { approvalSchema } from '../control-api/contracts/sign-ups.ts';
import { isNpi, type SignUpRequest } from '../lib/domain/sign-up.ts';
import { commandError } from './commands/command-error.ts';
import type { Session } from './commands/session.ts';
import { signUp } from './demo-practices.ts';

const towns = [
  'Hudson',
  'Lakeshore',
  'Front Range',
  'Saguaro',
  'Pacific',
  'Windward',
  'Piedmont',
  'Bayou',
  'Tidewater',
  'Prairie',
  'Redwood',
  'Harbor',
  'Juniper',
  'Cascade',
  'Sandhill',
  'Granite',
  'Magnolia',
] as const;
const trades = [
  { name: 'Speech', discipline: 'speech' },
  { name: 'ABA', discipline: 'aba' },
  { name: 'OT', discipline: 'occupational' },
  { name: 'Physio', discipline: 'physical' },
  { name: 'Counseling', discipline: 'behavioral_health' },
  { name: 'Kids', discipline: 'speech' },
] as const;
const places = [
  { usState: 'NY', timeZone: 'America/New_York' },
  { usState: 'IL', timeZone: 'America/Chicago' },
  { usState: 'CO', timeZone: 'America/Denver' },
  { usState: 'AZ', timeZone: 'America/Phoenix' },
  { usState: 'CA', timeZone: 'America/Los_Angeles' },
  { usState: 'AK', timeZone: 'America/Anchorage' },
  { usState: 'HI', timeZone: 'Pacific/Honolulu' },
  { usState: 'PR', timeZone: 'America/Puerto_Rico' },
] as const;

/** How many clinicians the practice of a number has when it signs up. */
export const cliniciansOf = (index: number): number => 1 + ((index * 7) % 12);

export const mailboxOf = (index: number): string => `office@practice-${index}.example.com`;

/** The practice of a number, counted from 0: the same in every demo. */
function requestOf(index: number): SignUpRequest {
  const town = towns[index % towns.length];
  const trade = trades[index % trades.length];
  const place = places[index % places.length];
  if (town === undefined || trade === undefined || place === undefined) throw new Error('there is none');
  const displayName = `${town} ${trade.name}`;
  return {
    legalName: `${displayName} LLC`,
    displayName,
    npi: npiOf(index),
    ...place,
    disciplines: [trade.discipline],
    contact: { name: 'Sam Example', email: mailboxOf(index), phone: '+12125550100' },
    clinicianCount: cliniciansOf(index),
    plan: 'founding',
    agreement: { acceptedBy: 'Sam Example', acceptedAt: '2026-01-12T15:30:00Z', version: '2026-01' },
  };
}

export function npiOf(index: number): string {
  const nine = String(140_000_000 + index);
  const npi = Array.from({ length: 10 }, (_, digit) => `${nine}${digit}`).find((each) => isNpi(each));
  if (npi === undefined) throw new Error('one of ten digits is right');
  return npi;
}

export const signUpMember = ({ api }: Session, index: number): Promise<string> =>
  signUp(api, requestOf(index));

/** @throws CommandError `plan_full` where there is no place */
export async function approve(
  { api }: Session,
  signUpId: string,
  body: { readonly plan?: string; readonly locations?: number } = {},
): Promise<string> {
  const { practiceId } = await api.post(`/v1/signups/${signUpId}/approve`, approvalSchema, {
    body: { reason: 'Demo: a fictional practice', ...body },
  });
  return practiceId;
}

const pollMs = 250;
/** Real time in which practices have to be there: seconds each, minutes on a machine that has much else to do. */
const patienceMs = 600_000;

/** @throws CommandError when one of the practices is not there in time */
export async function untilState(
  { api }: Session,
  practices: readonly string[],
  state: 'active' | 'suspended',
): Promise<void> {
  const deadline = performance.now() + patienceMs;
  for (;;) {
    const { items } = await api.list('/v1/practices', practicePageSchema, { limit: undefined });
    const others = items.filter((practice) => practices.includes(practice.id) && practice.state !== state);
    if (others.length === 0) return;
    const failed = others.find((practice) => practice.state === 'provisioning_failed');
    if (failed !== undefined || performance.now() > deadline) {
      const { id, state: now } = failed ?? others[0] ?? { id: '-', state: '-' };
      throw commandError('internal', `${id} is ${now}, not ${state}.`);
    }
    await delay(pollMs);
  }
}
