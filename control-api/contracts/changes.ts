import { z } from 'zod';
import { overridableEffects } from '../../lib/domain/change-review.ts';
import { shapes } from '../../lib/domain/practice.ts';
import { components } from '../../lib/domain/release.ts';
import { pageOf, reasonSchema, releaseIdSchema, timeSchema } from './common.ts';

export const deploymentRequestSchema = reasonSchema.extend({
  releaseId: releaseIdSchema,
});

const settingSchema = z.object({
  name: z.string(),
  type: z.enum(['integer', 'text']),
  value: z.union([z.string(), z.number()]).describe('In effect, or in effect once the silo is updated'),
  isSet: z.boolean().describe("Whether the practice has set it; otherwise the value is its plan's"),
  default: z.union([z.string(), z.number()]),
  bounds: z.string(),
  description: z.string(),
});

export const settingsSchema = z
  .object({ practiceId: z.string(), shape: z.enum(shapes), settings: z.array(settingSchema) })
  .meta({ id: 'Settings' });
export type Settings = z.infer<typeof settingsSchema>;

export const settingsChangeSchema = reasonSchema.extend({
  settings: z
    .record(z.string().max(60), z.union([z.string().max(200), z.number()]))
    .describe("Every setting that is not to be as the plan has it; what is left out goes back to the plan's"),
});

export const changedSettingsSchema = settingsSchema
  .extend({
    runId: z.uuid().nullable().describe('Brings the silo to the settings; null when it has them already'),
  })
  .meta({ id: 'ChangedSettings' });

export const overrideRequestSchema = reasonSchema.extend({
  component: z.enum(components),
  logicalId: z
    .string()
    .regex(/^[A-Za-z0-9]{1,255}$/, 'must be a logical id: letters and digits')
    .describe('The resource, as the template of the release that the practice runs names it'),
  effect: z.enum(overridableEffects),
  expiresInMinutes: z.number().int().min(1).max(1440, 'must be at most 1440: one day'),
});

export const overrideSchema = z
  .object({
    id: z.uuid(),
    practiceId: z.string(),
    component: z.enum(components),
    logicalId: z.string(),
    resourceType: z.string(),
    effect: z.enum(overridableEffects),
    state: z.enum(['usable', 'used', 'revoked', 'expired']),
    reason: z.string(),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema,
    usedByRun: z.uuid().nullable(),
    usedAt: timeSchema.nullable(),
    guardRestoredAt: timeSchema
      .nullable()
      .describe(
        'When the stack policy was whole again after the use; null with a use means that it may be relaxed now',
      ),
    revokedBy: z.string().nullable(),
    revokedAt: timeSchema.nullable(),
  })
  .meta({ id: 'ChangeOverride' });
export type Override = z.infer<typeof overrideSchema>;
export const overridePageSchema = pageOf(overrideSchema);
