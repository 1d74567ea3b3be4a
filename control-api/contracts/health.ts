import { z } from 'zod';

export const healthSchema = z.object({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' });

/** Also the body of the 503 answer: `parts` tells which part does not answer. */
export const readinessSchema = z
  .object({
    status: z.enum(['ready', 'not_ready']),
    parts: z.array(z.object({ part: z.string(), ready: z.boolean() })),
    warnings: z
      .array(z.object({ part: z.string(), found: z.string(), advice: z.string() }))
      .describe(
        'What works, and yet not as anybody would want it: it does not make the control plane unready',
      ),
  })
  .meta({ id: 'Readiness' });
