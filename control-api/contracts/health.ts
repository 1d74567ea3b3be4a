import { z } from 'zod';

export const healthSchema = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

/** Also the body of the 503 answer: `parts` tells which part does not answer. */
export const readinessSchema = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    parts: z.array(z.object({ part: z.string(), ready: z.boolean() })),
  })
  .meta({ id: 'Readiness' });
