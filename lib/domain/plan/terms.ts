import { z } from 'zod';
import { shapes } from '../practice.ts';
import { disciplines } from '../sign-up.ts';
import { daySchema } from './day.ts';

const whole = (least: number, most: number) =>
  z
    .number('must be a whole number')
    .int('must be a whole number')
    .min(least, `must be at least ${least}`)
    .max(most, `must be at most ${most}`);

const cents = whole(0, 100_000_000);

/** Integer cents for one whole interval. */
export const ratesSchema = z.strictObject({ base: cents, perClinician: cents, perLocation: cents });
export type Rates = Readonly<z.infer<typeof ratesSchema>>;

/** Whether amounts of a currency (ISO 4217) are counted in hundredths of its unit. */
function hasCents(currency: string): boolean {
  if (!Intl.supportedValuesOf('currency').includes(currency)) return false;
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().maximumFractionDigits === 2;
}

const enrolmentSchema = z
  .strictObject({ from: daySchema.nullable(), until: daySchema.nullable() })
  .refine(({ from, until }) => from === null || until === null || from <= until, {
    path: ['until'],
    message: 'must not be before the first day of enrolment',
  });

const lockSchema = z.strictObject({
  /** Calendar months; 0: no lock. */
  months: whole(0, 120),
  from: z.enum(['first_charged_day', 'activation']),
});

/** The terms of one version of a plan. They never change once it is published. */
export const planTermsSchema = z.strictObject({
  currency: z
    .string()
    .refine(hasCents, 'must be the ISO 4217 code of a currency with cents, for example USD'),
  interval: z.enum(['month', 'year']),
  rates: ratesSchema,
  /** Days in which nothing is charged, the first of them included. */
  freeDays: whole(0, 730),
  /** The event on whose day the free period begins. */
  freeFrom: z.enum(['activation', 'approval']),
  lock: lockSchema,
  /** The most members of the plan, over all its versions; null: no limit. */
  cap: whole(1, 1_000_000).nullable(),
  /** The first and the last day on which a practice may enrol; null: no limit. */
  enrolment: enrolmentSchema,
  /** A practice of at least one of these may enrol. */
  disciplines: z
    .array(z.enum(disciplines))
    .min(1, 'must name at least one discipline')
    .refine((list) => new Set(list).size === list.length, 'must not name a discipline twice'),
  /** Of the silo. */
  shape: z.enum(shapes),
  cancellation: z.strictObject({ noticeDays: whole(0, 365) }),
  priceChange: z.strictObject({ noticeDays: whole(0, 365) }),
});
export type PlanTerms = Readonly<z.infer<typeof planTermsSchema>>;

export const quantitiesSchema = z.strictObject({ clinicians: whole(1, 5_000), locations: whole(1, 1_000) });
/** What is counted in a practice. */
export type Quantities = Readonly<z.infer<typeof quantitiesSchema>>;
