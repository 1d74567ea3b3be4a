import { z } from 'zod';
import { quantitiesSchema } from '../../lib/domain/plan/terms.ts';
import {
  agreementSchema,
  contactSchema,
  disciplines,
  signUpRequestSchema,
  signUpStates,
} from '../../lib/domain/sign-up.ts';
import { pageOf, pageQuerySchema, reasonSchema, timeSchema } from './common.ts';
import { ownerInvitationOfApprovalSchema, ownerInvitationSchema } from './owner-invitation.ts';

export { agreementSchema, signUpRequestSchema };

/** What the public learns of a sign-up: that it was recorded. */
export const signUpReceiptSchema = z
  .object({ id: z.uuid(), state: z.enum(signUpStates), displayName: z.string(), createdAt: timeSchema })
  .meta({ id: 'SignUpReceipt' });

export const signUpSchema = z
  .object({
    id: z.uuid(),
    state: z.enum(signUpStates),
    legalName: z.string(),
    displayName: z.string(),
    disciplines: z.array(z.enum(disciplines)),
    npi: z.string(),
    contact: contactSchema,
    usState: z.string(),
    timeZone: z.string(),
    clinicianCount: z.number().int(),
    plan: z.string(),
    agreement: agreementSchema.nullable(),
    practiceId: z.string().nullable(),
    decision: z.object({ by: z.string(), at: timeSchema, reason: z.string() }).nullable(),
    createdAt: timeSchema,
    updatedAt: timeSchema,
  })
  .meta({ id: 'SignUp' });
export type SignUp = z.infer<typeof signUpSchema>;

export const signUpQuerySchema = pageQuerySchema.extend({ state: z.enum(signUpStates).optional() });
export const signUpPageSchema = pageOf(signUpSchema);

export const approvalRequestSchema = reasonSchema.extend({
  plan: signUpRequestSchema.shape.plan
    .optional()
    .describe("Another plan than the sign-up's, such as one that was offered where its own is full"),
  locations: quantitiesSchema.shape.locations.optional().describe('How many the practice has; 1 unless told'),
  ownerInvitation: ownerInvitationOfApprovalSchema.optional(),
});

/** Approval answers with what it started. */
export const approvalSchema = z
  .object({
    signUp: signUpSchema,
    practiceId: z.string(),
    runId: z.uuid(),
    cellId: z
      .string()
      .nullable()
      .describe('Where the practice was placed; null when no cell has room: it waits, and goes on by itself'),
    waitingFor: z.string().nullable().describe('Why it waits; null when it was placed'),
    /** Null when nobody was invited to be the first owner. */
    ownerInvitation: ownerInvitationSchema.nullable(),
  })
  .meta({ id: 'Approval' });
