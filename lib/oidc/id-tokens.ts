import { createHash } from 'node:crypto';
import { createRemoteJWKSet, customFetch, decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose';
import { DomainError } from '../domain/errors.ts';
import type { IdToken, IdTokens } from '../ports/id-tokens.ts';
import { discoverKeys, fetchOf } from './discovery.ts';

type KeySet = ReturnType<typeof createRemoteJWKSet>;

/** Asymmetric ones only: a public key must never do as a shared secret. */
const algorithms = ['RS256', 'ES256'];
const clockToleranceSeconds = 30;

/** Milliseconds. */
export interface KeyTimes {
  /** For one answer of an issuer. */
  readonly answerMs: number;
  /** An unknown key makes the set be read again, but not more often: strangers choose the key ids. */
  readonly cooldownMs: number;
  /** How long keys are believed without asking again. */
  readonly keptMs: number;
}

const usualTimes: KeyTimes = { answerMs: 5_000, cooldownMs: 30_000, keptMs: 10 * 60_000 };

/** ID tokens of these issuers, each meant for these audiences. Keys are read when the first token of an issuer comes. */
export function remoteIdTokens(
  audiencesOf: ReadonlyMap<string, readonly string[]>,
  times: KeyTimes = usualTimes,
): IdTokens {
  const keySets = new Map<string, Promise<KeySet>>();
  const keysOf = (issuer: string): Promise<KeySet> => {
    const known = keySets.get(issuer);
    if (known !== undefined) return known;
    const found = discoverKeys(issuer, times.answerMs).then((address) =>
      createRemoteJWKSet(address, {
        timeoutDuration: times.answerMs,
        cooldownDuration: times.cooldownMs,
        cacheMaxAge: times.keptMs,
        [customFetch]: fetchOf(issuer),
      }),
    );
    keySets.set(issuer, found);
    return found;
  };
  return {
    verify: async (token, now) => {
      const issuer = issuerOf(token);
      const audiences = audiencesOf.get(issuer);
      if (audiences === undefined) {
        throw refused(`its issuer ${printable(issuer)} is not one that this control plane trusts`);
      }
      try {
        const keys = await keysOf(issuer);
        const { payload } = await jwtVerify(token, keys, {
          issuer,
          audience: [...audiences],
          algorithms,
          clockTolerance: clockToleranceSeconds,
          currentDate: now,
          requiredClaims: ['exp', 'sub'],
        });
        return idTokenOf(token, issuer, payload);
      } catch (error) {
        const failure = failureOf(error, issuer);
        // Its keys may lie elsewhere now: the next token asks the issuer anew.
        if (failure.code === 'unavailable') keySets.delete(issuer);
        throw failure;
      }
    },
  };
}

function issuerOf(token: string): string {
  try {
    return decodeJwt(token).iss ?? '';
  } catch (cause) {
    throw refused('it is no JSON Web Token', cause);
  }
}

function idTokenOf(token: string, issuer: string, payload: JWTPayload): IdToken {
  const { sub = '', aud = [], exp = 0, jti } = payload;
  // Without an id: what was signed. The signature may be written in more than one way.
  const identity = jti ?? token.slice(0, token.lastIndexOf('.'));
  return {
    issuer,
    subject: sub,
    audiences: [aud].flat(),
    expiresAt: new Date(exp * 1000),
    fingerprint: createHash('sha256').update(`${issuer}\n${identity}`).digest('hex'),
    claims: payload,
  };
}

function failureOf(error: unknown, issuer: string): DomainError {
  if (error instanceof DomainError) return error;
  if (error instanceof errors.JWTExpired) return refused('it has expired', error);
  if (error instanceof errors.JWTClaimValidationFailed) {
    if (error.claim === 'aud') return refused('it is meant for another audience', error);
    if (error.claim === 'nbf') return refused('it is not valid yet: compare the clocks', error);
    return refused(`its claim ${error.claim} is missing or wrong`, error);
  }
  if (error instanceof errors.JWKSNoMatchingKey) {
    return refused('its issuer has no key of that id', error);
  }
  if (error instanceof errors.JWSSignatureVerificationFailed) {
    return refused('its signature is wrong', error);
  }
  if (error instanceof errors.JOSEAlgNotAllowed) {
    return refused(`it must be signed with ${algorithms.join(' or ')}`, error);
  }
  if (error instanceof errors.JWSInvalid || error instanceof errors.JWTInvalid) {
    return refused('it is no signed JSON Web Token', error);
  }
  return new DomainError(
    'unavailable',
    `The keys of the issuer ${issuer} cannot be used (${error instanceof Error ? error.message : String(error)}). Try again in a minute.`,
    { cause: error, retryable: true },
  );
}

/** What a stranger wrote, short and without control characters. */
function printable(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}

function refused(reason: string, cause?: unknown): DomainError {
  return new DomainError('unauthenticated', `The ID token is refused: ${reason}.`, { cause });
}
