import { z } from 'zod';
import { healthStates, practiceStates, shapes } from '../../lib/domain/practice.ts';
import { components } from '../../lib/domain/release.ts';
import { disciplines } from '../../lib/domain/sign-up.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';
import { runErrorSchema } from './runs.ts';

export const practiceSchema = z
  .object({
    id: z.string(),
    displayName: z.string(),
    disciplines: z.array(z.enum(disciplines)),
    usState: z.string(),
    timeZone: z.string(),
    plan: z.object({ id: z.string(), version: z.number().int() }),
    shape: z.enum(shapes),
    /** The recorded life cycle; `observed` is what AWS showed, `health` whether the app answers. */
    state: z.enum(practiceStates),
    cell: z.string().nullable().describe('The cell that its silo is in; null while it waits for one'),
    waitingFor: z.string().nullable().describe('Why it waits, while it does'),
    hostName: z.string().nullable().describe('Given with the cell'),
    url: z.string().nullable(),
    releaseId: z.string().nullable(),
    observed: z.array(
      z.object({
        component: z.enum(components),
        stackName: z.string(),
        status: z.string(),
        observedAt: timeSchema,
      }),
    ),
    health: z.object({ status: z.enum(healthStates), checkedAt: timeSchema.nullable() }),
    latestRunId: z.uuid().nullable(),
    createdAt: timeSchema,
    activatedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Practice' });
export type Practice = z.infer<typeof practiceSchema>;

export const practiceQuerySchema = pageQuerySchema.extend({
  state: z.enum(practiceStates).optional(),
  cell: z.string().max(31).optional().describe('Only those in this cell'),
});
export const practicePageSchema = pageOf(practiceSchema);

const evidenceSchema = z
  .object({
    id: z.number().int(),
    runId: z.uuid().nullable(),
    check: z.string(),
    title: z.string(),
    safeguards: z.array(z.string()),
    expected: z.string(),
    observed: z.string(),
    passed: z.boolean(),
    source: z.string(),
    observedAt: timeSchema,
  })
  .meta({ id: 'Evidence' });
export type EvidenceRow = z.infer<typeof evidenceSchema>;
export const evidencePageSchema = pageOf(evidenceSchema);

export const deploymentSchema = z
  .object({
    id: z.uuid(),
    releaseId: z.string(),
    runId: z.uuid(),
    state: z.enum(['queued', 'running', 'succeeded', 'failed', 'cancelled']),
    reason: z.string().nullable().describe('Why it was asked for; null for the one that an approval began'),
    error: runErrorSchema.nullable().describe('Why it failed'),
    startedAt: timeSchema,
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Deployment' });
export const deploymentPageSchema = pageOf(deploymentSchema);
