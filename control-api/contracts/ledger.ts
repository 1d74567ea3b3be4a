import { z } from 'zod';
import { ledgerAccounts, ledgerKinds } from '../../lib/domain/ledger.ts';
import { components } from '../../lib/domain/plan/charges.ts';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { pageOf, reasonSchema, timeSchema } from './common.ts';

export const centsSchema = z.number().int().describe('Whole cents');
export const currencySchema = z.string().describe('ISO 4217');

/** Of what is asked: bounds are what a number holds exactly. */
const amountSchema = z
  .number('must be a whole number of cents')
  .int(`must be a whole number of cents, and at most ${Number.MAX_SAFE_INTEGER}`);
const postingSchema = reasonSchema.extend({
  amountCents: amountSchema.min(1, 'must be above 0').describe('Cents, above 0'),
  day: daySchema
    .optional()
    .describe(
      "The day on which it counts, of the practice's calendar: today unless given; none to come, and none of a closed period",
    ),
});

export const creditRequestSchema = postingSchema;
export const paymentRequestSchema = postingSchema;
export const adjustmentRequestSchema = postingSchema.extend({
  amountCents: amountSchema
    .refine((cents) => cents !== 0, 'must not be 0')
    .describe('Cents: above 0 the practice owes more by it, below 0 less'),
});

export const chargeSchema = z.object({
  component: z.enum(components),
  from: z.iso.date(),
  until: z.iso.date().describe('The day after the last'),
  quantity: z.number().int(),
  rateCents: centsSchema.describe('For a whole interval of the plan and one of what is counted'),
  planId: z.string(),
  planVersion: z.number().int(),
  locked: z.boolean(),
});

export const ledgerTransactionSchema = z
  .object({
    id: z.uuid(),
    practiceId: z.string(),
    kind: z.enum(ledgerKinds),
    day: z.iso.date().describe("On which it counts, of the practice's calendar"),
    owedCents: centsSchema.describe('Cents: above 0 the practice owes more by it, below 0 less'),
    currency: currencySchema,
    entries: z
      .array(z.object({ account: z.enum(ledgerAccounts), amountCents: centsSchema }))
      .describe('Double entry: debits above 0, credits below; they sum to 0'),
    reason: z.string(),
    author: z.string(),
    approvedBy: z.string().nullable().describe('The second person, where it took one'),
    charge: chargeSchema.nullable().describe('What a charge is for'),
    reverses: z.uuid().nullable().describe('The transaction that this one undoes'),
    reversedBy: z.uuid().nullable().describe('The transaction that undoes this one'),
    at: timeSchema.describe('When it was posted'),
  })
  .meta({ id: 'LedgerTransaction' });
export type ShownTransaction = z.infer<typeof ledgerTransactionSchema>;

export const ledgerPageSchema = pageOf(ledgerTransactionSchema).extend({
  balanceCents: centsSchema.describe(
    'What the practice owes by its whole ledger; below 0 when it is owed that much',
  ),
  currency: currencySchema,
});
