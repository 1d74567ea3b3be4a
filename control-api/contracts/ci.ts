import { z } from 'zod';

export const idTokenRequestSchema = z.strictObject({
  token: z
    .string()
    .regex(/^[\w-]+\.[\w-]+\.[\w-]*$/, 'must be a JSON Web Token: three parts with dots between them')
    .max(14_000)
    .describe('The ID token that the CI system made for this job'),
});
