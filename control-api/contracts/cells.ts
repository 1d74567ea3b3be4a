import { z } from 'zod';
import { quotas } from '../../lib/domain/capacity.ts';
import { cellStates, namedLimitsSchema, newCellSchema } from '../../lib/domain/cell.ts';
import { reasonSchema, timeSchema } from './common.ts';

const optionalReason = reasonSchema.partial();

export const cellRequestSchema = newCellSchema.extend(optionalReason.shape);
export const cellChangeSchema = optionalReason;
export const cellLimitsRequestSchema = optionalReason.extend({
  limits: namedLimitsSchema
    .refine((limits) => Object.keys(limits).length > 0, 'must name at least one limit')
    .describe('Those that are not named stay as they are'),
});

const quotaSchema = z.object({
  quota: z.enum(quotas),
  limit: z.number().int(),
  used: z.number().int(),
  free: z.number().int().describe('Below 0 where more is in use than the limit says'),
  dailyGrowth: z.number().describe('What was taken a day lately, less what was given back'),
  daysUntilFull: z.number().int().nullable().describe('At that rate; null when it is not growing'),
});

export const cellSchema = z
  .object({
    id: z.string(),
    accountId: z.string(),
    region: z.string(),
    roleArn: z.string().nullable().describe("Null for the control plane's own credentials"),
    domain: z.string(),
    hostedZoneId: z.string(),
    imageRegistry: z.string(),
    s3PrefixListId: z.string().nullable(),
    backupCopyRegion: z.string(),
    alarmEmail: z.string().nullable(),
    state: z.enum(cellStates),
    practices: z.number().int().describe('On record there, whatever their states'),
    quotas: z.array(quotaSchema),
    daysUntilFull: z.number().int().nullable().describe('Until the first quota is, at the recent rate'),
    firstFull: z.enum(quotas).nullable().describe('That quota'),
    createdBy: z.string(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'Cell' });
export type Cell = z.infer<typeof cellSchema>;

/** There are few cells: all on one page. */
export const cellPageSchema = z.object({ items: z.array(cellSchema), nextCursor: z.null() });

export const cellSetUpSchema = z
  .object({
    cellId: z.string(),
    roleArn: z.string(),
    externalId: z.string(),
    principalArn: z.string().describe('What the control plane is to AWS, without the path of its role'),
    commands: z.array(z.string()).describe("What an administrator of the cell's account runs, in this order"),
  })
  .meta({ id: 'CellSetUp' });
export type CellSetUp = z.infer<typeof cellSetUpSchema>;

/** A new cell with what lets the control plane in. */
export const addedCellSchema = z
  .object({ cell: cellSchema, setUp: cellSetUpSchema })
  .meta({ id: 'AddedCell' });
