import type { PlanTerms } from '../../lib/domain/plan/terms.ts';
import type { SignUpRequest } from '../../lib/domain/sign-up.ts';

/** A fictional practice, for the API's documentation. */
export const signUpExample = {
  legalName: 'Sunrise ABA Therapy LLC',
  displayName: 'Sunrise ABA',
  disciplines: ['aba'],
  npi: '1234567893',
  contact: { name: 'Dana Reyes', email: 'dana@sunrise-aba.example.com', phone: '+13125550143' },
  usState: 'IL',
  timeZone: 'America/Chicago',
  clinicianCount: 6,
  plan: 'founding',
  agreement: { acceptedBy: 'Dana Reyes', acceptedAt: '2026-11-20T15:04:05Z', version: '2026-01' },
} as const satisfies Omit<SignUpRequest, 'disciplines'> & { readonly disciplines: readonly string[] };

export const termsExample = {
  currency: 'USD',
  interval: 'month',
  rates: { base: 14_900, perClinician: 2_900, perLocation: 1_900 },
  freeDays: 90,
  freeFrom: 'activation',
  lock: { months: 24, from: 'first_charged_day' },
  cap: 100,
  enrolment: { from: null, until: null },
  disciplines: ['aba', 'speech', 'occupational', 'physical', 'behavioral_health'],
  shape: 'solo',
  cancellation: { noticeDays: 30 },
  priceChange: { noticeDays: 60 },
} satisfies PlanTerms;
