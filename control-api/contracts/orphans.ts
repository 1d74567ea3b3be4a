import { z } from 'zod';

export const orphansQuerySchema = z.strictObject({
  cell: z
    .string()
    .max(63)
    .optional()
    .describe('Only this cell; all that are active or draining unless given'),
});

const findingSchema = z
  .object({
    verdict: z
      .enum(['orphan', 'kept'])
      .describe('`orphan`: nobody needs it; `kept`: on purpose, for the reason given'),
    cellId: z.string(),
    arn: z.string(),
    kind: z.string().describe('Service and type, as in the ARN'),
    name: z.string(),
    practiceId: z.string().describe('The practice that it is tagged with'),
    reason: z.string(),
    nextAction: z.string(),
    createdAt: z.iso.datetime().nullable().describe('Null where AWS does not tell it in a list'),
    monthlyNanoUsd: z
      .number()
      .int()
      .nonnegative()
      .nullable()
      .describe(
        'List price of a month by being there, in thousand-millionths of a US dollar; null where it depends',
      ),
  })
  .meta({ id: 'OrphanFinding' });
export type OrphanFinding = z.infer<typeof findingSchema>;

export const orphansSchema = z
  .object({
    checkedAt: z.iso.datetime(),
    cells: z.array(
      z.object({
        id: z.string(),
        resources: z
          .number()
          .int()
          .nullable()
          .describe("How many carry a practice's tag; null when the cell could not be read"),
        problem: z.string().nullable().describe('Why the cell could not be read'),
      }),
    ),
    findings: z.array(findingSchema).describe('Orphans first'),
  })
  .meta({ id: 'Orphans' });
export type Orphans = z.infer<typeof orphansSchema>;
