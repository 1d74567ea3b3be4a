import { z } from 'zod';
import { mostDays, offboardingStages } from '../../lib/domain/offboarding.ts';
import { practiceStates } from '../../lib/domain/practice.ts';
import { reasonSchema, releaseIdSchema, timeSchema } from './common.ts';

export const suspensionRequestSchema = reasonSchema;

export const resumptionRequestSchema = reasonSchema.extend({
  releaseId: releaseIdSchema
    .optional()
    .describe(
      'Brings the silo to this release before it is opened; the one that the practice has unless given',
    ),
});

export const accessChangeSchema = z
  .object({
    practiceId: z.string(),
    state: z.enum(practiceStates).describe('Still holds, until the run has seen another'),
    runId: z.uuid(),
  })
  .meta({ id: 'AccessChange' });

const daysSchema = z.number().int().min(0).max(mostDays);

export const offboardingRequestSchema = reasonSchema.extend({
  confirm: z.string().max(80).describe('The id of the practice once more'),
  graceDays: daysSchema.optional().describe('30 unless given; less than 7 needs an exception'),
  retentionDays: daysSchema
    .optional()
    .describe('2557 (7 years) unless given; less than 2190 (6 years) needs an exception'),
  exception: z
    .string()
    .trim()
    .min(10, 'must say why a time may be shorter, in 10 characters or more')
    .max(500)
    .optional(),
});

export const offboardingCancelSchema = reasonSchema.extend({
  retentionDays: daysSchema
    .optional()
    .describe("While the key's deletion is pending: how long the retention goes on; 365 unless given"),
});

export const offboardingSchema = z
  .object({
    practiceId: z.string(),
    stage: z.enum(offboardingStages),
    cameFrom: z.string().describe('The state that the practice was in'),
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: timeSchema,
    graceDays: z.number().int(),
    retentionDays: z.number().int(),
    exception: z.string().nullable().describe('Why a time is shorter than it should be'),
    runId: z.uuid().nullable().describe('The run at work on the stage, or the one that failed there'),
    canBeTakenBack: z.boolean().describe('Whether it can be cancelled now'),
    stages: z.array(
      z.object({
        stage: z.string(),
        state: z.enum(['done', 'current', 'planned']),
        beginsAt: timeSchema.nullable().describe('Of a planned stage: when it would begin'),
        canBeTakenBackUntil: timeSchema.nullable(),
      }),
    ),
    finalSnapshot: z
      .object({
        id: z.string(),
        arn: z.string(),
        allocatedGib: z.number(),
        engineVersion: z.string(),
        createdAt: z.string(),
      })
      .nullable(),
    keyArn: z.string().nullable(),
    kept: z
      .array(z.object({ type: z.string(), id: z.string() }))
      .describe('What the removed stacks left standing on purpose'),
    cancelledAt: timeSchema.nullable(),
    cancelledBy: z.string().nullable(),
    cancelReason: z.string().nullable(),
  })
  .meta({ id: 'Offboarding' });
export type Offboarding = z.infer<typeof offboardingSchema>;
