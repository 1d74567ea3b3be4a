import { z } from 'zod';

/**
 * How long a link to become a practice's first owner works: long enough for a holiday weekend, short enough that a forgotten
 * e-mail is no way in.
 */
const invitationDays = 7;

export const invitationStates = ['open', 'expired', 'revoked'] as const;
export type InvitationState = (typeof invitationStates)[number];

/** The SHA-256 of a link's token. The token itself is made on the operator's side and never comes here. */
export const tokenSha256Schema = z
  .string()
  .regex(
    /^[0-9a-f]{64}$/,
    'must be the SHA-256 of the token in 64 lower-case hexadecimal digits, never the token',
  );

/** A local part of 64 and an address of 254 characters at most (RFC 5321, section 4.5.3.1). */
export const ownerEmailSchema = z
  .email('must be an e-mail address')
  .max(254)
  .refine((address) => address.lastIndexOf('@') <= 64, 'must have at most 64 characters before the @');

interface Invitation {
  readonly email: string;
  readonly tokenSha256: string;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
}

export function invitationExpiry(now: Date): Date {
  return new Date(now.getTime() + invitationDays * 86_400_000);
}

export function invitationStateOf(
  invitation: Pick<Invitation, 'expiresAt' | 'revokedAt'>,
  now: Date,
): InvitationState {
  if (invitation.revokedAt !== null) return 'revoked';
  return invitation.expiresAt <= now ? 'expired' : 'open';
}

/**
 * Parameters of the service stack (docs/silo.md, "The owner's link"): empty when nobody is invited. One that has expired stays as it
 * is: the app refuses it, and emptying it would restart the app of a practice for nothing.
 */
export function invitationParameters(invitation: Invitation | undefined): Readonly<Record<string, string>> {
  const invited = invitation?.revokedAt === null ? invitation : undefined;
  return {
    OwnerEmail: invited?.email ?? '',
    OwnerInvitationSha256: invited?.tokenSha256 ?? '',
    OwnerInvitationExpiresAt: invited?.expiresAt.toISOString() ?? '',
  };
}
