import { z } from 'zod';
import { changeEffects, changeVerdicts } from '../../lib/domain/change-review.ts';
import { runStates, stepStates, workflows } from '../../lib/domain/run.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';

/** One change of a change set as the review judged it. */
export const reviewedChangeSchema = z.object({
  action: z.string(),
  logicalId: z.string(),
  physicalId: z.string().nullable(),
  type: z.string(),
  effect: z.enum(changeEffects),
  verdict: z.enum(changeVerdicts),
  reason: z.string().nullable(),
});

export const runErrorSchema = z
  .object({
    code: z.string(),
    message: z.string(),
    step: z.string(),
    resource: z
      .object({ stackName: z.string(), logicalId: z.string(), type: z.string(), reason: z.string() })
      .optional()
      .describe('The CloudFormation resource that failed first, with its own reason'),
    retryable: z.boolean(),
    nextAction: z.string(),
  })
  .meta({ id: 'RunError' });

export const runSchema = z
  .object({
    id: z.uuid(),
    workflow: z.enum(workflows),
    practiceId: z.string(),
    state: z.enum(runStates),
    waitingFor: z.string().nullable().describe('What it waits for, while it does'),
    steps: z.array(
      z.object({
        name: z.string(),
        state: z.enum(stepStates),
        attempt: z.number().int(),
        startedAt: timeSchema.nullable(),
        finishedAt: timeSchema.nullable(),
      }),
    ),
    error: runErrorSchema.nullable(),
    kept: z.array(z.string()).describe('What a cancelled run left standing, and why'),
    requestedBy: z.string(),
    createdAt: timeSchema,
    startedAt: timeSchema.nullable(),
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Run' });
export type Run = z.infer<typeof runSchema>;

export const runQuerySchema = pageQuerySchema.extend({ state: z.enum(runStates).optional() });
export const runPageSchema = pageOf(runSchema);

/**
 * One event of `GET /v1/runs/{id}/events`: the SSE `id` is `seq`, the SSE `event` is `kind`, the data is this object.
 * After a terminal `run` event the server sends the SSE event `end` and closes.
 */
const event = { seq: z.number().int(), runId: z.uuid(), at: timeSchema };
export const runEventSchema = z
  .discriminatedUnion('kind', [
    z.object({ ...event, kind: z.literal('run'), state: z.enum(runStates), message: z.string().optional() }),
    z.object({
      ...event,
      kind: z.literal('step'),
      step: z.string(),
      state: z.enum(stepStates),
      attempt: z.number().int(),
      message: z.string().optional(),
    }),
    z.object({
      ...event,
      kind: z.literal('resource'),
      step: z.string(),
      stackName: z.string(),
      logicalId: z.string(),
      resourceType: z.string(),
      physicalId: z.string().nullable(),
      status: z.string(),
      reason: z.string().nullable(),
    }),
    z
      .object({
        ...event,
        kind: z.literal('change'),
        step: z.string(),
        stackName: z.string(),
        changeSetId: z.string(),
        ...reviewedChangeSchema.shape,
      })
      .describe('One change of a change set as the review judged it, before anything was done'),
    z.object({
      ...event,
      kind: z.literal('check'),
      check: z.string(),
      title: z.string(),
      passed: z.boolean(),
      expected: z.string(),
      observed: z.string(),
    }),
  ])
  .meta({ id: 'RunEvent' });
export type RunEvent = z.infer<typeof runEventSchema>;

/** JSON form of a run's events: oldest first; `nextCursor` is the `after` of the next page, null when there is none yet. */
export const runEventQuerySchema = z.strictObject({
  after: z.coerce
    .number()
    .int()
    .min(0)
    .max(Number.MAX_SAFE_INTEGER)
    .default(0)
    .describe('seq of the last event seen'),
  limit: z.coerce.number().int().min(1).max(500).default(200),
});
export const runEventPageSchema = pageOf(runEventSchema);
