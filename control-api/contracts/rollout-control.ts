import { z } from 'zod';
import { rolloutStates, targetStates } from '../../lib/domain/rollout.ts';
import { reasonSchema, releaseIdSchema, timeSchema } from './common.ts';

export const rolloutChangeSchema = reasonSchema;

export const controlledRolloutSchema = z
  .object({
    id: z.uuid(),
    releaseId: releaseIdSchema,
    state: z.enum(rolloutStates),
    pausedBecause: z.string().nullable().describe('Null unless it is paused'),
  })
  .meta({ id: 'ControlledRollout' });
export type ControlledRollout = z.infer<typeof controlledRolloutSchema>;

export const controlledTargetSchema = z
  .object({
    rolloutId: z.uuid(),
    practiceId: z.string(),
    wave: z.number().int().describe('From 1'),
    state: z.enum(targetStates),
    startsAt: timeSchema.describe('Its turn as it is planned now. RFC 3339, UTC'),
    latestStartAt: timeSchema,
    note: z.string().nullable(),
  })
  .meta({ id: 'ControlledTarget' });
