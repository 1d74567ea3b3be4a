import { z } from 'zod';
import { daySchema } from '../../lib/domain/plan/day.ts';
import { subscriptionStates } from '../../lib/domain/plan/state.ts';
import { quantitiesSchema } from '../../lib/domain/plan/terms.ts';
import { practiceOwnerSchema } from '../../lib/domain/sign-up.ts';
import { reasonSchema } from './common.ts';

const whole = (most: number) =>
  z.number('must be a whole number').int('must be a whole number').min(1).max(most);

export const quantitiesChangeSchema = reasonSchema
  .extend({
    from: daySchema.optional().describe('First day that it is true of; today unless given'),
    clinicians: quantitiesSchema.shape.clinicians.optional().describe('As it is unless given'),
    locations: quantitiesSchema.shape.locations.optional().describe('As it is unless given'),
  })
  .refine(({ clinicians, locations }) => (clinicians ?? locations) !== undefined, {
    path: ['clinicians'],
    message: 'must be given, or locations',
  });

export const planChangeSchema = reasonSchema.extend({
  plan: z.string().min(1).max(31),
  from: daySchema.optional().describe('First day of a period to come; of the next one unless given'),
  givesUpLock: z
    .boolean()
    .default(false)
    .describe(
      'A lock that would hold on that day is given up for good; without this it keeps the change away',
    ),
});

export const trialExtensionSchema = reasonSchema.extend({ days: whole(365) });
export const lockExtensionSchema = reasonSchema.extend({ months: whole(60).describe('Calendar months') });

export const subscriptionCancellationSchema = reasonSchema.extend({
  from: daySchema
    .optional()
    .describe('First day that is not charged; unless given, as soon as the notice of the terms allows'),
  waiveNotice: z.boolean().default(false).describe('An earlier day than by the notice is taken'),
});

export const pastDueSchema = reasonSchema.extend({
  since: daySchema.optional().describe('When the payment was due; today unless given'),
});

export const subscriptionSuspensionSchema = reasonSchema.extend({
  confirm: z.string().max(80).describe('The id of the practice that is meant'),
});

export const transferSchema = practiceOwnerSchema.extend(reasonSchema.shape);

export const subscriptionChangeSchema = z
  .object({
    practiceId: z.string(),
    state: z.enum(subscriptionStates),
    plan: z.object({ id: z.string(), version: z.number().int() }),
    chargedFrom: daySchema.nullable().describe('The first day that costs anything'),
    lockedUntil: daySchema.nullable().describe('The first day after the lock'),
    endsOn: daySchema.nullable().describe('The first day that is not charged any more'),
    runId: z.uuid().nullable().describe('The run that blocks access or gives it back'),
    approvalId: z
      .uuid()
      .nullable()
      .describe('Nothing is changed until another person has approved this request'),
  })
  .meta({ id: 'SubscriptionChange' });
export type ShownChange = z.infer<typeof subscriptionChangeSchema>;
