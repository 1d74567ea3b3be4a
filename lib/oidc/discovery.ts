import type { FetchImplementation } from 'jose';
import { z } from 'zod';
import { DomainError } from '../domain/errors.ts';

const documentSchema = z.object({ issuer: z.string(), jwks_uri: z.url() });

/**
 * Where an issuer publishes its keys (OpenID Connect Discovery 1.0, section 4).
 * @throws DomainError `unavailable` when it does not answer, or with something else.
 */
export async function discoverKeys(issuer: string, answerMs: number): Promise<URL> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await reach(issuer, address, { signal: AbortSignal.timeout(answerMs), redirect: 'error' });
  const document = documentSchema.safeParse(await response.json().catch(() => undefined));
  if (!document.success || document.data.issuer !== issuer) {
    throw unreachable(issuer, `${address} is not its discovery document`);
  }
  const keys = new URL(document.data.jwks_uri);
  // Over plain http anybody on the way could give keys of their own; the issuer itself may be on this machine.
  if (keys.protocol !== 'https:' && keys.origin !== new URL(issuer).origin) {
    throw unreachable(issuer, 'its jwks_uri is not https');
  }
  return keys;
}

/** Fetches an issuer's keys; what goes wrong is told as the issuer's. */
export function fetchOf(issuer: string): FetchImplementation {
  return (url, options) => reach(issuer, url, options);
}

async function reach(issuer: string, url: string, options: RequestInit): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, options);
  } catch (cause) {
    throw unreachable(issuer, wordsOf(cause), cause);
  }
  if (response.status === 200) return response;
  throw unreachable(issuer, `${url} answered ${response.status}`);
}

/** fetch says "fetch failed" and hides the reason below. */
function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return 'no answer in time';
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message;
}

function unreachable(issuer: string, reason: string, cause?: unknown): DomainError {
  return new DomainError(
    'unavailable',
    `The issuer ${issuer} cannot be asked for its keys (${reason}), so no token of it can be verified. Try again in a minute.`,
    { cause, retryable: true },
  );
}
