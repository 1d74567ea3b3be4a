import StripeSdk, { type Stripe } from 'stripe';
import { DomainError } from '../domain/errors.ts';

/** For one call; those that failed by the way are made once more by the SDK, under the same idempotency key. */
const patienceMs = 20_000;

/** @param address where Stripe answers, when it is not Stripe's own: for tests */
export function stripeClient(key: string, address?: URL): Stripe {
  return new StripeSdk(key, {
    // The version that this SDK was made for, whatever the account's own is.
    apiVersion: StripeSdk.API_VERSION,
    timeout: patienceMs,
    maxNetworkRetries: 1,
    telemetry: false,
    ...(address === undefined ? {} : placeOf(address)),
  });
}

function placeOf({ protocol, hostname, port }: URL): Stripe.StripeConfig {
  const isPlain = protocol === 'http:';
  return { host: hostname, port: Number(port || (isPlain ? 80 : 443)), protocol: isPlain ? 'http' : 'https' };
}

/** What Stripe said, without what was sent to it: a message may repeat a part of the key. */
export function refusalOf(cause: unknown): unknown {
  if (!(cause instanceof StripeSdk.errors.StripeError)) return cause;
  const { statusCode, code, requestId, param } = cause;
  const said = [
    statusCode === undefined ? 'no answer' : `status ${statusCode}`,
    code,
    param === undefined ? undefined : `parameter ${param}`,
    requestId === undefined ? undefined : `request ${requestId}`,
  ];
  const words = said.filter((word) => word !== undefined).join(', ');
  if (statusCode === 401 || statusCode === 403) {
    return new DomainError(
      'configuration',
      `Stripe does not let the key of LUMENALITY_STRIPE_KEY do this (${words}): it needs to write customers, invoices and invoice items.`,
      { cause: undefined },
    );
  }
  if (code === 'resource_missing' && param === 'customer') {
    return new DomainError(
      'configuration',
      `Stripe does not know the customer that the practice is (${words}): it was deleted there, or LUMENALITY_STRIPE_KEY is of another account.`,
      { cause: undefined },
    );
  }
  const mayWork = statusCode === undefined || statusCode === 409 || statusCode === 429 || statusCode >= 500;
  return new DomainError('unavailable', `Stripe did not take it (${words}).`, { retryable: mayWork });
}
