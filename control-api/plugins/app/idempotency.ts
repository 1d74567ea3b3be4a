import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import type { OnceAnswer } from '../../../lib/use-cases/answer-once.ts';

const message =
  'must be 8 to 128 visible ASCII characters: a new random value for each new request, the same one to repeat a request';

/** Headers of a call that creates something. Loose, because the other headers must stay. */
export const idempotencyHeadersSchema = z.looseObject({
  'idempotency-key': z
    .string({ error: `is required; it ${message}` })
    .regex(/^[\x21-\x7e]{8,128}$/, message)
    .describe('New for each new request; repeated, within seven days, to repeat one'),
});

/** Marks an answer that is a repeat of the first one. */
export function markReplay(reply: FastifyReply, answer: OnceAnswer<unknown>): void {
  if (answer.replayed) reply.header('idempotency-replayed', 'true');
}
