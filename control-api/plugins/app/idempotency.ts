import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { DomainError } from '../../../lib/domain/errors.ts';
import type { OnceAnswer } from '../../../lib/use-cases/answer-once.ts';

const visibleAscii = /^[\x21-\x7e]{8,128}$/;

/** For a route's `schema.headers`, so that the OpenAPI document asks for the header; `idempotencyKeyOf` checks it. */
export const idempotencyHeadersSchema = z.object({
  'idempotency-key': z
    .string()
    .optional()
    .describe(
      'Required. 8 to 128 visible ASCII characters, new for each new request; repeat it to repeat the call',
    ),
});

/**
 * The Idempotency-Key of a call that creates something.
 * @throws DomainError `invalid_input` when it is missing or malformed.
 */
export function idempotencyKeyOf(request: FastifyRequest): string {
  const key = request.headers['idempotency-key'];
  if (typeof key === 'string' && visibleAscii.test(key)) return key;
  const message =
    key === undefined ? 'is required on this call' : 'must be 8 to 128 visible ASCII characters';
  throw new DomainError(
    'invalid_input',
    `The header Idempotency-Key ${message}. Send a new random value for each new request, and the same one to repeat a request.`,
    { fields: [{ pointer: '/headers/idempotency-key', message }] },
  );
}

/** Marks an answer that is a repeat of the first one. */
export function markReplay(reply: FastifyReply, answer: OnceAnswer<unknown>): void {
  if (answer.replayed) reply.header('idempotency-replayed', 'true');
}
