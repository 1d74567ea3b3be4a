import { z } from 'zod';
import { planTermsSchema } from '../../lib/domain/plan/terms.ts';

export const pageQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50).describe('Rows a page'),
  cursor: z.string().max(200).optional().describe('nextCursor of the page before'),
});

/** A page of a list, newest first. `nextCursor` is null on the last page. */
export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const timeSchema = z.iso.datetime().describe('RFC 3339, UTC');

export const releaseIdSchema = z
  .string()
  .regex(/^r-[0-9a-f]{12}$/, 'must be the id of a release, for example r-0123456789ab');

/** What the answer `plan_full` says beside the words. */
export const planFullSchema = z.object({
  waitingListPosition: z
    .number()
    .int()
    .describe('Of the sign-up, on the waiting list of the plan; it never changes'),
  offer: z
    .object({ planId: z.string(), planVersion: z.number().int(), terms: planTermsSchema })
    .nullable()
    .describe('What it can be approved with instead; null when there is nothing'),
});

/** RFC 9457, with one entry in `errors` for each wrong field (RFC 6901 pointer). */
export const problemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.number().int(),
    detail: z.string(),
    code: z.string(),
    instance: z.string(),
    errors: z.array(z.object({ pointer: z.string(), message: z.string() })).optional(),
    /** The state that the resource is in, when that is why the call was refused. */
    state: z.string().optional(),
    ...planFullSchema.partial().shape,
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof problemSchema>;

export const reasonSchema = z.strictObject({
  reason: z.string().trim().min(3, 'must say why, in 3 characters or more').max(500),
});
