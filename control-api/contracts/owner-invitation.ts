import { z } from 'zod';
import { invitationStates, ownerEmailSchema, tokenSha256Schema } from '../../lib/domain/owner-invitation.ts';
import { reasonSchema, timeSchema } from './common.ts';

/** What an approval may say of the first owner: the sign-up's contact is invited. */
export const ownerInvitationOfApprovalSchema = z.strictObject({
  tokenSha256: tokenSha256Schema.describe(
    "SHA-256 of the link's token in hexadecimal; the token stays with whoever made it",
  ),
});

export const ownerInvitationRequestSchema = reasonSchema.extend({
  tokenSha256: tokenSha256Schema,
  email: ownerEmailSchema.optional().describe("The sign-up's contact unless given"),
});

/** Neither the token nor its hash is ever shown. */
export const ownerInvitationSchema = z
  .object({
    practiceId: z.string(),
    email: z.string(),
    state: z
      .enum(invitationStates)
      .describe('Whether the link may still be taken, unless somebody has done so'),
    expiresAt: timeSchema,
    createdBy: z.string(),
    createdAt: timeSchema,
    revokedAt: timeSchema.nullable(),
  })
  .meta({ id: 'OwnerInvitation' });
export type OwnerInvitation = z.infer<typeof ownerInvitationSchema>;

export const changedOwnerInvitationSchema = ownerInvitationSchema
  .extend({ runId: z.uuid().describe('The run that takes the change to the app') })
  .meta({ id: 'ChangedOwnerInvitation' });
