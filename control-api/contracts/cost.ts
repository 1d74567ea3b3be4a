import { z } from 'zod';
import { shapes } from '../../lib/domain/practice.ts';
import { components } from '../../lib/domain/release.ts';

export const costQuerySchema = z.strictObject({
  shape: z.enum(shapes),
  releaseId: z.string().max(80).optional().describe('The newest release unless given'),
});

const nanoUsd = (what: string) =>
  z.number().int().nonnegative().describe(`${what}, in thousand-millionths of a US dollar`);

const costLineSchema = z
  .object({
    component: z.enum(components),
    logicalId: z.string(),
    resourceType: z.string(),
    item: z.string(),
    basis: z.enum(['fixed', 'usage']).describe('By being there, or by what is assumed to happen in it'),
    quantity: z.number().nonnegative(),
    unit: z.string(),
    unitPriceNanoUsd: nanoUsd('List price of one unit'),
    monthlyNanoUsd: nanoUsd('List price of the quantity'),
  })
  .meta({ id: 'CostLine' });

/** What a silo costs a month of 730 hours, at list prices. */
export const costSchema = z
  .object({
    shape: z.enum(shapes),
    releaseId: z.string(),
    region: z.string(),
    currency: z.literal('USD'),
    pricesAsOf: z.iso.date().describe('When the prices were looked up'),
    usage: z
      .object({ clinicians: z.number(), requests: z.number() })
      .describe('What a month is assumed to bring, in short'),
    lines: z.array(costLineSchema),
    fixedNanoUsd: nanoUsd('Sum of the fixed lines'),
    usageNanoUsd: nanoUsd('Sum of the lines by usage'),
    monthlyNanoUsd: nanoUsd('Sum of all lines'),
    withoutCharge: z
      .array(z.object({ resourceType: z.string(), count: z.number().int(), reason: z.string() }))
      .describe('Resource types that cost nothing by themselves, and why not'),
  })
  .meta({ id: 'Cost' });
export type Cost = z.infer<typeof costSchema>;

export const practiceCostSchema = costSchema.extend({ practiceId: z.string() }).meta({ id: 'PracticeCost' });
