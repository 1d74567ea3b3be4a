import { z } from 'zod';

export const eventOutcomeSchema = z
  .object({
    outcome: z
      .enum(['nothing_to_do', 'handled_before', 'payment_posted', 'marked_past_due'])
      .describe('What came of the event'),
  })
  .meta({ id: 'PaymentEventOutcome' });
