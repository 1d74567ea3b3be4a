import { z } from 'zod';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';

export const auditQuerySchema = pageQuerySchema.extend({
  subjectType: z.string().max(40).optional(),
  subjectId: z.string().max(80).optional(),
  action: z.string().max(80).optional(),
});
const auditRowSchema = z
  .object({
    seq: z.number().int(),
    at: timeSchema,
    actor: z.object({ id: z.string(), name: z.string() }),
    action: z.string(),
    subject: z.object({ type: z.string(), id: z.string() }),
    requestId: z.string(),
    details: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'AuditRow' });
export const auditPageSchema = pageOf(auditRowSchema);
