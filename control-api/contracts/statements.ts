import { z } from 'zod';
import { pageOf, timeSchema } from './common.ts';
import { centsSchema, currencySchema, ledgerTransactionSchema } from './ledger.ts';

export const statementSummarySchema = z
  .object({
    number: z.string().describe('Of the practice and the first day of the period'),
    practiceId: z.string(),
    from: z.iso.date(),
    until: z.iso.date().describe('The day after the last'),
    currency: currencySchema,
    openingCents: centsSchema.describe('Owed before: what the statement before closed with'),
    totals: z
      .object({
        charge: centsSchema,
        credit: centsSchema,
        adjustment: centsSchema,
        payment: centsSchema,
        reversal: centsSchema,
      })
      .describe('What came to be owed by each kind of transaction; below 0 what is not owed any more'),
    costCents: centsSchema.describe('What the period cost: all of the above without money that came in'),
    closingCents: centsSchema.describe('Owed at the end; below 0 when the practice is owed that much'),
    closedAt: timeSchema,
  })
  .meta({ id: 'StatementSummary' });
export type StatementSummary = z.infer<typeof statementSummarySchema>;
export const statementPageSchema = pageOf(statementSummarySchema);

export const statementSchema = statementSummarySchema
  .extend({ lines: z.array(ledgerTransactionSchema).describe('In the order of their days') })
  .meta({ id: 'Statement' });
export type ShownStatement = z.infer<typeof statementSchema>;
