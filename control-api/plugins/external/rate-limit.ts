import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '../../../lib/domain/errors.ts';
import type { Limits } from '../../deps.ts';

export function tooManyRequests(seconds: number): DomainError {
  return new DomainError('rate_limited', `Too many requests. Try again in ${seconds} s.`, {
    retryable: true,
  });
}

/** One limit for every route, by token or else by address; a route may set a tighter one in its `config.rateLimit`. */
export async function registerRateLimit(app: FastifyInstance, limits: Limits): Promise<void> {
  await app.register(rateLimit, {
    max: limits.requestsPerMinute,
    timeWindow: 60_000,
    enableDraftSpec: true,
    keyGenerator: (request) => request.actor?.id ?? request.ip,
    errorResponseBuilder: (_request, context) => tooManyRequests(Math.ceil(context.ttl / 1000)),
  });
}
