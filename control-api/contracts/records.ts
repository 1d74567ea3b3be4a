import { z } from 'zod';
import { shapes } from '../../lib/domain/practice.ts';
import { pageOf, pageQuerySchema, timeSchema } from './common.ts';

const planSchema = z
  .object({
    id: z.string(),
    name: z.string(),
    description: z.string(),
    versions: z.array(
      z.object({
        version: z.number().int(),
        effectiveFrom: z.iso.date(),
        freeDays: z.number().int(),
        lockMonths: z.number().int(),
        shape: z.enum(shapes),
      }),
    ),
  })
  .meta({ id: 'Plan' });
export const planPageSchema = pageOf(planSchema);

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
