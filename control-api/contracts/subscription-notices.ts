import { z } from 'zod';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { planNoticeKinds } from '../../lib/domain/plan/notices.ts';
import { pageOf, timeSchema } from './common.ts';

const subscriptionNoticeSchema = z
  .object({
    noticeId: z.uuid().describe('Of the notice in the outbox, which removes old ones'),
    kind: z.enum(planNoticeKinds),
    about: daySchema.nullable().describe('The day that it is about'),
    daysBefore: z.number().int().nullable().describe('Of a notice before an end: 30, 14 or 3'),
    data: z.record(z.string(), z.unknown()),
    writtenAt: timeSchema,
    sentAt: timeSchema.nullable().describe('When a mail about it was first delivered'),
    outcome: z
      .string()
      .nullable()
      .describe('Of a price that was announced: `taken`, or why it did not come; null while that is open'),
  })
  .meta({ id: 'SubscriptionNotice' });
export type ShownSubscriptionNotice = z.infer<typeof subscriptionNoticeSchema>;
export const subscriptionNoticePageSchema = pageOf(subscriptionNoticeSchema);
