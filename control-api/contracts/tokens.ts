import { z } from 'zod';
import { roles } from '../../lib/domain/access.ts';
import { pageOf, timeSchema } from './common.ts';

export const tokenRequestSchema = z.strictObject({
  name: z.string().trim().min(3).max(80).describe('Who or what uses it; appears in the audit trail'),
  roles: z.array(z.enum(roles)).min(1, 'must name at least one role'),
  expiresInDays: z.number().int().min(1).max(366).default(90),
});

const tokenSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    roles: z.array(z.enum(roles)),
    createdBy: z.string(),
    createdAt: timeSchema,
    expiresAt: timeSchema.nullable(),
    revokedAt: timeSchema.nullable(),
    lastUsedAt: timeSchema.nullable(),
  })
  .meta({ id: 'Token' });
export type Token = z.infer<typeof tokenSchema>;
export const tokenPageSchema = pageOf(tokenSchema);

/** The only answer that ever holds the token itself. */
export const createdTokenSchema = tokenSchema.extend({ token: z.string() }).meta({ id: 'CreatedToken' });

/** Who the caller's token is. */
export const meSchema = z
  .object({ id: z.string(), name: z.string(), roles: z.array(z.enum(roles)) })
  .meta({ id: 'Me' });
