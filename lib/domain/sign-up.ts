import { z } from 'zod';
import { oneLine } from './one-line.ts';
import { isTimeZone } from './time-zone.ts';

export const disciplines = ['aba', 'speech', 'occupational', 'physical', 'behavioral_health'] as const;
export type Discipline = (typeof disciplines)[number];

/** `requested → approved | rejected`; an approved one is `closed` when its practice was never made or is gone. */
export const signUpStates = ['requested', 'approved', 'rejected', 'closed'] as const;
export type SignUpState = (typeof signUpStates)[number];

const usStates = (
  'AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA ' +
  'RI SC SD TN TX UT VT VA WA WV WI WY AS GU MP PR VI'
).split(' ');

/**
 * Whether ten digits are a National Provider Identifier: the Luhn check digit is computed over the prefix 80840
 * and the number (45 CFR 162.406; CMS, "NPI check digit").
 */
export function isNpi(value: string): boolean {
  if (!/^\d{10}$/.test(value)) return false;
  const digits = `80840${value}`.split('').map(Number);
  const sum = digits.reverse().reduce((total, digit, place) => {
    if (place % 2 === 0) return total + digit;
    return total + (digit * 2 > 9 ? digit * 2 - 9 : digit * 2);
  }, 0);
  return sum % 10 === 0;
}

const line = (maximum: number) =>
  oneLine(
    z.string().trim().min(1, 'must not be empty').max(maximum, `must have at most ${maximum} characters`),
  );

/** The business associate agreement (45 CFR 164.504(e)) as the practice accepted it. */
export const agreementSchema = z.strictObject({
  acceptedBy: line(120),
  acceptedAt: z.iso.datetime({ offset: true, error: 'must be a date and time with offset (RFC 3339)' }),
  version: z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/, 'must be a version such as 2026-01'),
});
export type Agreement = z.infer<typeof agreementSchema>;

export const contactSchema = z.strictObject({
  name: line(120),
  email: z.email('must be an e-mail address').max(254),
  phone: z
    .string()
    .regex(/^\+[1-9]\d{6,14}$/, 'must be a phone number in E.164 form, for example +13125550143'),
});

/** What a practice sends to sign up; no other field is accepted. */
export const signUpRequestSchema = z.strictObject({
  legalName: line(200),
  /** What people call the practice; its id is made from it. It needs a letter or digit to make one from. */
  displayName: line(80).refine(
    (name) => /[A-Za-z]/.test(name.normalize('NFKD')),
    'must contain a letter from A to Z',
  ),
  disciplines: z
    .array(z.enum(disciplines))
    .min(1, 'must name at least one discipline')
    .max(disciplines.length)
    .refine((list) => new Set(list).size === list.length, 'must not name a discipline twice'),
  npi: z.string().refine(isNpi, 'must be a National Provider Identifier: 10 digits with a valid check digit'),
  contact: contactSchema,
  usState: z.enum(usStates, 'must be the two-letter code of a US state or territory'),
  timeZone: z.string().max(64).refine(isTimeZone, 'must be an IANA time zone, for example America/Chicago'),
  clinicianCount: z
    .number('must be a whole number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(5_000, 'must be at most 5000'),
  plan: z.string().regex(/^[a-z][a-z0-9-]{1,30}$/, 'must be the id of a plan'),
  /** May be missing at sign-up; approval is refused until it is recorded. */
  agreement: agreementSchema.optional(),
});
export type SignUpRequest = z.infer<typeof signUpRequestSchema>;

/** Who a practice belongs to, in law: the new owner has to accept the agreement as its own. */
export const practiceOwnerSchema = signUpRequestSchema
  .pick({ legalName: true, npi: true, contact: true })
  .extend({ agreement: agreementSchema });
export type PracticeOwner = z.infer<typeof practiceOwnerSchema>;
