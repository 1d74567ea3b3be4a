import StripeSdk from 'stripe';

let events = 0;

/** An event about an invoice in Stripe's shape ("The Event object"), signed as Stripe signs it, to be posted. */
export function stripeEvent(
  type: string,
  invoice: object,
  signing: { readonly at: Date; readonly secret: string; readonly id?: string },
): { readonly payload: string; readonly headers: Record<string, string> } {
  events += 1;
  const { at, secret, id = `evt_${events}` } = signing;
  const timestamp = Math.floor(at.getTime() / 1_000);
  const payload = JSON.stringify({
    id,
    object: 'event',
    api_version: StripeSdk.API_VERSION,
    created: timestamp,
    livemode: false,
    pending_webhooks: 1,
    request: { id: null, idempotency_key: null },
    type,
    data: { object: { object: 'invoice', currency: 'usd', ...invoice } },
  });
  const signature = StripeSdk.webhooks.generateTestHeaderString({ payload, secret, timestamp });
  return {
    payload,
    headers: { 'stripe-signature': signature, 'content-type': 'application/json; charset=utf-8' },
  };
}
