import { z } from 'zod';
import { differenceKinds, driftStates } from '../../lib/domain/drift.ts';
import { components } from '../../lib/domain/release.ts';
import { pageOf, timeSchema } from './common.ts';

const differenceSchema = z
  .object({
    component: z.enum(components),
    kind: z
      .enum(differenceKinds)
      .describe('Found in the stack itself, by CloudFormation’s drift detection, or by a check that fails'),
    resource: z.string().describe('The stack’s name, the resource’s logical id or the check’s id'),
    type: z.string().nullable().describe('CloudFormation’s resource type; null for a check'),
    physicalId: z.string().nullable(),
    property: z.string().describe('JSON pointer (RFC 6901); `/` for the resource as a whole'),
    expected: z.string().nullable(),
    actual: z.string().nullable(),
    meaning: z.string(),
    nextAction: z.string().describe('Nothing is ever set back by itself'),
  })
  .meta({ id: 'DriftDifference' });

const acceptedSchema = z
  .object({
    component: z.enum(components),
    resource: z.string(),
    property: z.string(),
    expected: z.string().nullable(),
    actual: z.string().nullable(),
    reason: z.string(),
  })
  .meta({ id: 'AcceptedDifference' });

const findings = {
  differences: z.array(differenceSchema),
  accepted: z.array(acceptedSchema).describe('Differences that are meant to be'),
  problems: z
    .array(z.string())
    .describe('What could not be read: a silo without a difference is then `unknown`, not `in_sync`'),
};

export const driftSchema = z
  .object({
    practiceId: z.string(),
    state: z.enum(driftStates),
    releaseId: z.string().nullable().describe('What the silo was held against'),
    checkedAt: timeSchema.nullable().describe('When the last look began'),
    since: timeSchema.nullable().describe('Since when the findings are these'),
    nextCheckAt: timeSchema.nullable(),
    requestedAt: timeSchema.nullable().describe('When somebody last asked for a look out of turn'),
    ...findings,
  })
  .meta({ id: 'Drift' });
export type Drift = z.infer<typeof driftSchema>;

const driftRecordSchema = z
  .object({
    id: z.number().int(),
    releaseId: z.string(),
    state: z.enum(driftStates).exclude(['not_checked']),
    observedAt: timeSchema,
    ...findings,
  })
  .meta({ id: 'DriftRecord' });
export type DriftRecordRow = z.infer<typeof driftRecordSchema>;
export const driftHistorySchema = pageOf(driftRecordSchema);

export const driftCheckSchema = z
  .object({
    practiceId: z.string(),
    requestedAt: timeSchema.describe('A `checkedAt` that is not before this is the answer'),
  })
  .meta({ id: 'DriftCheck' });
