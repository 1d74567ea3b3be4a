import { z } from 'zod';
import { endpointNoticeKinds, noticeKinds, practiceNoticeKinds } from '../../lib/domain/notice.ts';
import { oneLine } from '../../lib/domain/one-line.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';

const deliveryStates = ['pending', 'delivered', 'failed', 'cancelled'] as const;
const practiceQuery = z.string().max(31).optional();

const deliverySchema = z
  .object({
    id: z.uuid(),
    channel: z.enum(['webhook', 'mail']),
    endpointId: z.uuid().nullable().describe('Where a webhook goes'),
    address: z.string().nullable().describe('Where a mail goes'),
    state: z.enum(deliveryStates).describe('`failed` is given up'),
    attempts: z.number().int().describe('Tries that were begun'),
    dueAt: timeSchema.nullable().describe('When it is tried next, while it is pending'),
    lastError: z.string().nullable(),
    finishedAt: timeSchema.nullable(),
  })
  .meta({ id: 'NoticeDelivery' });

export const noticeSchema = z
  .object({
    id: z.uuid().describe('Also the header webhook-id, the same at every try'),
    kind: z.enum(noticeKinds),
    practiceId: z.string().nullable(),
    subject: z.object({ type: z.string(), id: z.string() }),
    data: z.record(z.string(), z.unknown()),
    createdAt: timeSchema,
    deliveries: z.array(deliverySchema),
  })
  .meta({ id: 'Notice' });
export type Notice = z.infer<typeof noticeSchema>;
export const noticePageSchema = pageOf(noticeSchema);

export const noticeQuerySchema = pageQuerySchema.extend({
  practice: practiceQuery.describe('Only of this practice'),
  delivery: z.enum(deliveryStates).optional().describe('Only those with a delivery in this state'),
});

export const redeliveryRequestSchema = z.strictObject({
  deliveryId: z
    .uuid()
    .optional()
    .describe('Only this one, also when it arrived; otherwise all that failed. Never one that was cancelled'),
  reason: z.string().trim().min(3, 'must say why, in 3 characters or more').max(500),
});

export const endpointRequestSchema = z.strictObject({
  url: z
    .string()
    .max(2_000)
    .regex(/^https?:\/\//, 'must begin with https://')
    .describe('https, and on AWS a public address'),
  practice: z.string().max(31).nullable().default(null).describe('Null for notices of the whole fleet'),
  kinds: z
    .array(z.enum(endpointNoticeKinds))
    .min(1, 'must name at least one kind')
    .refine((kinds) => new Set(kinds).size === kinds.length, 'must not name a kind twice')
    .default([...endpointNoticeKinds]),
});

const endpointSchema = z
  .object({
    id: z.uuid(),
    url: z.string(),
    practice: z.string().nullable(),
    kinds: z.array(z.enum(endpointNoticeKinds)),
    previousSecretUntil: timeSchema
      .nullable()
      .describe('Until then the secret before the last rotation signs too'),
    createdBy: z.string(),
    createdAt: timeSchema,
  })
  .meta({ id: 'NoticeEndpoint' });
export type Endpoint = z.infer<typeof endpointSchema>;
export const endpointPageSchema = pageOf(endpointSchema);
export const endpointQuerySchema = pageQuerySchema.extend({ practice: practiceQuery });

/** The only answers that ever hold the secret. */
export const endpointWithSecretSchema = endpointSchema
  .extend({ secret: z.string().describe('whsec_…, for the libraries of Standard Webhooks') })
  .meta({ id: 'NoticeEndpointWithSecret' });

const contactSchema = z.strictObject({
  name: oneLine(z.string().trim().min(1, 'must not be empty').max(120)),
  email: z.email('must be an e-mail address').max(254),
  notices: z
    .array(z.enum(practiceNoticeKinds))
    .refine((kinds) => new Set(kinds).size === kinds.length, 'must not name a kind twice'),
});

export const contactsRequestSchema = z.strictObject({
  contacts: z.array(contactSchema).max(20, 'must be 20 at most'),
});
export const contactsSchema = z
  .object({
    practiceId: z.string(),
    contacts: z.array(contactSchema),
    chosen: z.boolean().describe("False while it is the sign-up's contact, who is told everything"),
  })
  .meta({ id: 'PracticeContacts' });
export type Contacts = z.infer<typeof contactsSchema>;
