import { z } from 'zod';
import { DomainError } from '../../lib/domain/errors.ts';
import { takePaymentEvent } from '../../lib/use-cases/payment-events.ts';
import { eventOutcomeSchema } from '../contracts/payment-events.ts';
import type { AppDeps } from '../deps.ts';
import type { Routes } from './types.ts';

/** What Stripe tells. Its signature is the right to call it. */
export function paymentEventRoutes(app: Routes, { core, payments }: AppDeps): void {
  app.register(async (scope: Routes) => {
    // The signature is of the bytes as they were sent.
    scope.removeContentTypeParser('application/json');
    scope.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) =>
      done(null, body),
    );
    scope.route({
      method: 'POST',
      url: '/v1/stripe/webhook',
      schema: {
        summary: 'Events of Stripe: invoice.paid and invoice.payment_failed',
        description:
          'Signed by Stripe (header stripe-signature). An event is handled once, however often it comes; others are taken and left. 404 where no webhook secret is configured.',
        tags: ['ledger'],
        headers: z.object({ 'stripe-signature': z.string() }),
        body: z.unknown().meta({ description: 'An event of Stripe, as it signed it' }),
        response: { 200: eventOutcomeSchema },
      },
      handler: async (request) => {
        if (payments === undefined) {
          throw new DomainError(
            'not_found',
            'No events of Stripe are taken here: set LUMENALITY_STRIPE_WEBHOOK_SECRET.',
          );
        }
        const { body, headers, id } = request;
        const raw = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
        const event = payments.read(raw, headers['stripe-signature'], core.clock.now());
        return { outcome: await takePaymentEvent(core, event, id) };
      },
    });
  });
}
