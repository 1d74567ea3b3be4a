import { z } from 'zod';
import { rolloutStates, targetStates } from '../../lib/domain/rollout.ts';
import { holds, rings } from '../../lib/domain/schedule.ts';
import { pageOf, pageQuerySchema, reasonSchema, releaseIdSchema, timeSchema } from './common.ts';

const ringSchema = z.enum(rings);
const practicesPerWave = z.number().int().min(1).max(10_000);
const policyFields = {
  bakeMinutes: z
    .number()
    .int()
    .min(0)
    .max(20_160)
    .describe('How long updated practices are watched before the next wave'),
  expectedMinutes: z
    .number()
    .int()
    .min(1)
    .max(1_440)
    .describe('What one update takes: it has to fit into the window in which it starts'),
  concurrencyPerCell: z.number().int().min(1).max(1_000).describe('Updates at the same time in one cell'),
  failureBudget: z
    .strictObject({ failures: z.number().int().min(0).max(10_000) })
    .describe('More failed practices than this pause the rollout'),
  thresholds: z
    .strictObject({ errorRate: z.number().min(0).max(1), latencyRatio: z.number().min(1).max(100) })
    .describe('How much worse an updated app may be: errors as a share of requests, latency as a ratio'),
  practicesPerWave: z
    .strictObject({ canary: practicesPerWave, early: practicesPerWave, general: practicesPerWave })
    .partial()
    .describe('Practices in one wave, where a ring shall be more than one'),
};
const policySchema = z
  .object(policyFields)
  .extend({ practicesPerWave: policyFields.practicesPerWave.optional() })
  .meta({ id: 'RolloutPolicy' });

export const planRequestSchema = z.strictObject({
  releaseId: releaseIdSchema,
  policy: z
    .strictObject({ ...policyFields, thresholds: policyFields.thresholds.partial() })
    .partial()
    .optional()
    .describe('What is not given is as the default has it'),
  horizonDays: z
    .number()
    .int()
    .min(1)
    .max(180)
    .optional()
    .describe('How far ahead starts are planned; 70 unless given'),
});

export const rolloutRequestSchema = planRequestSchema.extend({
  ...reasonSchema.shape,
  start: z.boolean().default(false).describe('Whether it starts at once; else it is stored as planned'),
});

const reasonedSchema = z.object({ practiceId: z.string(), reason: z.string() });
const whoSchemas = {
  left: z.array(reasonedSchema).describe('Who gets no update by this plan'),
  late: z
    .array(reasonedSchema)
    .describe('Who does not have a security release at its deadline, whether planned after it or left'),
};
const otherRolloutSchema = z.object({ rolloutId: z.string(), releaseId: z.string() });

const plannedTargetSchema = z.object({
  practiceId: z.string(),
  timeZone: z.string().describe("Of the practice's window"),
  startsAt: timeSchema,
  latestStartAt: timeSchema.describe('Later than this the update would not fit any more'),
  yielded: z.array(z.enum(holds)).describe('What yields to the deadline of a security release'),
});

/** A plan that is stored nowhere. */
export const rolloutPlanSchema = z
  .object({
    releaseId: z.string(),
    deadline: timeSchema.nullable(),
    policy: policySchema,
    plannedUntil: timeSchema.describe('No start is later'),
    takesOver: otherRolloutSchema
      .nullable()
      .describe('The unfinished rollout of an older release that it supersedes when it starts'),
    blockedBy: z
      .array(otherRolloutSchema.extend({ practices: z.number().int() }))
      .describe('Unfinished rollouts that have practices of this plan: as long as they do, it cannot start'),
    waves: z.array(z.object({ ring: ringSchema, targets: z.array(plannedTargetSchema) })),
    ...whoSchemas,
  })
  .meta({ id: 'RolloutPlan' });
export type PlannedRollout = z.infer<typeof rolloutPlanSchema>;

const countsSchema = z
  .partialRecord(z.enum(targetStates), z.number().int())
  .describe('How many practices are in which state');

const rolloutFields = {
  id: z.uuid(),
  releaseId: z.string(),
  parentId: z.string().nullable().describe('The rollout that it took over from'),
  state: z.enum(rolloutStates),
  pausedBecause: z.string().nullable(),
  reason: z.string(),
  createdBy: z.string(),
  createdAt: timeSchema,
  startedAt: timeSchema.nullable(),
  finishedAt: timeSchema.nullable(),
  practices: countsSchema,
};

const rolloutOverviewSchema = z.object(rolloutFields).meta({ id: 'RolloutOverview' });
export const rolloutPageSchema = pageOf(rolloutOverviewSchema);
export type RolloutOverview = z.infer<typeof rolloutOverviewSchema>;

const childIdSchema = z.string().nullable().describe('The rollout that took over from it');

export const rolloutProgressSchema = z
  .object({
    ...rolloutFields,
    childId: childIdSchema,
    waves: z.array(z.object({ wave: z.number().int().describe('From 1'), practices: countsSchema })),
  })
  .meta({ id: 'RolloutProgress' });
export type RolloutProgress = z.infer<typeof rolloutProgressSchema>;

export const rolloutSchema = z
  .object({
    ...rolloutFields,
    childId: childIdSchema,
    policy: policySchema,
    plannedUntil: timeSchema.describe('No start is later'),
    waves: z.array(
      z.object({
        ring: ringSchema,
        firstStartAt: timeSchema.describe('As planned'),
        lastStartAt: timeSchema.describe('As planned'),
        yielded: z.number().int().describe('Practices whose pin, deferral or freeze yields to the deadline'),
        practices: countsSchema,
      }),
    ),
    ...whoSchemas,
  })
  .meta({ id: 'Rollout' });
export type Rollout = z.infer<typeof rolloutSchema>;

const rolloutTargetSchema = z
  .object({
    practiceId: z.string(),
    timeZone: z.string().describe("Of the practice's window"),
    wave: z.number().int().describe('From 1'),
    state: z.enum(targetStates),
    startsAt: timeSchema.describe('As it is to be now: a missed window moves it'),
    latestStartAt: timeSchema,
    runId: z.string().nullable(),
    rollBackRunId: z.string().nullable(),
    previousReleaseId: z.string().nullable(),
    bakedUntil: timeSchema.nullable(),
    note: z.string().nullable(),
    updatedAt: timeSchema,
  })
  .meta({ id: 'RolloutTarget' });
export const rolloutTargetPageSchema = pageOf(rolloutTargetSchema);
export type RolloutTarget = z.infer<typeof rolloutTargetSchema>;

export const rolloutQuerySchema = pageQuerySchema.extend({
  state: z.enum(rolloutStates).optional(),
  releaseId: releaseIdSchema.optional(),
});
export const rolloutTargetQuerySchema = pageQuerySchema.extend({
  state: z.enum(targetStates).optional(),
  wave: z.coerce.number().int().min(1).optional().describe('From 1'),
});
