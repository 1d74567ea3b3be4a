import { z } from 'zod';
import { exportedKinds } from '../../lib/domain/charge-export.ts';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';
import { centsSchema, chargeSchema, currencySchema } from './ledger.ts';

export const chargeQuerySchema = pageQuerySchema.extend({
  from: daySchema.describe("First day, of the practices' own calendars"),
  until: daySchema.describe('The day after the last'),
  format: z
    .enum(['json', 'csv'])
    .default('json')
    .describe('csv: the same rows; the next page is in the header `link` with rel="next"'),
});

const exportedChargeSchema = z
  .object({
    id: z.uuid().describe('Of the ledger transaction: the same in every export'),
    statement: z.string().nullable().describe('Its number; null until the period is closed'),
    practiceId: z.string(),
    practice: z.string().describe('Display name'),
    kind: z.enum(exportedKinds),
    day: z.iso.date().describe("On which it counts, of the practice's calendar"),
    amountCents: centsSchema.describe('Cents: above 0 the practice owes more by it, below 0 less'),
    currency: currencySchema,
    charge: chargeSchema.nullable().describe('What a charge is for'),
    reverses: z.uuid().nullable().describe('The transaction that this one undoes'),
    description: z.string(),
  })
  .meta({ id: 'ExportedCharge' });
export type ExportedCharge = z.infer<typeof exportedChargeSchema>;
export const chargePageSchema = pageOf(exportedChargeSchema);

export const statementExportQuerySchema = pageQuerySchema.extend({
  state: z.enum(['pending', 'exported']).optional(),
  practiceId: z.string().max(80).optional(),
});

const statementExportSchema = z
  .object({
    statement: z.string().describe('Its number'),
    practiceId: z.string(),
    state: z.enum(['pending', 'exported']),
    target: z
      .enum(['files', 'stripe'])
      .nullable()
      .describe('Where to; null until a process has begun, whose configuration then decides'),
    externalId: z
      .string()
      .nullable()
      .describe('What the other side calls it; null for a statement without lines'),
    tries: z.number().int(),
    nextTryAt: timeSchema.nullable(),
    lastError: z.string().nullable().describe('Why the last try did not do'),
    exportedAt: timeSchema.nullable(),
  })
  .meta({ id: 'StatementExport' });
export type ShownExport = z.infer<typeof statementExportSchema>;
export const statementExportPageSchema = pageOf(statementExportSchema);
