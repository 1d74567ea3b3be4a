import { z } from 'zod';
import { approvalKinds, approvalStates } from '../../lib/domain/subscription-approval.ts';
import { pageOf, pageQuerySchema, reasonSchema, timeSchema } from './common.ts';
import { centsSchema, currencySchema } from './ledger.ts';

export const approvalSchema = z
  .object({
    id: z.uuid(),
    kind: z.enum(approvalKinds),
    practiceId: z.string(),
    state: z.enum(approvalStates),
    input: z.record(z.string(), z.unknown()).describe('What is carried out on approval'),
    valueCents: centsSchema.describe('What it is worth, which is why it takes a second person'),
    currency: currencySchema,
    reason: z.string(),
    requestedBy: z.string(),
    requestedAt: timeSchema,
    expiresAt: timeSchema,
    decision: z.object({ by: z.string(), at: timeSchema, reason: z.string().nullable() }).nullable(),
    result: z
      .record(z.string(), z.string())
      .nullable()
      .describe('Of an approved one what came of it, for example ledgerTransactionId'),
  })
  .meta({ id: 'SubscriptionApproval' });
export type ShownApproval = z.infer<typeof approvalSchema>;
export const approvalPageSchema = pageOf(approvalSchema);

export const approvalQuerySchema = pageQuerySchema.extend({
  practiceId: z.string().max(80).optional(),
  open: z.enum(['true', 'false']).default('false').describe('Only those that can still be decided'),
});

export const approveRequestSchema = reasonSchema.partial();
export const declineRequestSchema = reasonSchema;
