import rateLimit, { normalizeIP } from '@fastify/rate-limit';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { DomainError } from '../../../lib/domain/errors.ts';
import type { Limits } from '../../deps.ts';

export function tooManyRequests(seconds: number): DomainError {
  return new DomainError('rate_limited', `Too many requests. Try again in ${seconds} s.`, {
    retryable: true,
  });
}

/** The client's address; an IPv6 network counts as one client, because one machine holds all its addresses. */
export function clientOf(request: FastifyRequest): string {
  return normalizeIP(request.ip, 64);
}

/** One limit for every route, by token or else by address; a route may set a tighter one in its `config.rateLimit`. */
export async function registerRateLimit(app: FastifyInstance, limits: Limits): Promise<void> {
  await app.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: (request) =>
      request.actor?.id.startsWith('token:') === true ? request.actor.id : clientOf(request),
    errorResponseBuilder: (_request, context) => tooManyRequests(Math.ceil(context.ttl / 1000)),
  });
}
