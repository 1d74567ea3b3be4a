import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../../../lib/domain/errors.ts';
import { problemOf } from '../../problem.ts';

/** Every refusal and failure leaves as application/problem+json; what is unexpected goes to the log in full. */
export function answerWithProblems(app: FastifyInstance): void {
  app.setErrorHandler((error, request, reply) => sendProblem(error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    sendProblem(
      new DomainError('not_found', 'There is no such route. /openapi.json lists them.'),
      request,
      reply,
    ),
  );
}

export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const problem = problemOf(error, request.id);
  if (problem.status >= 500) request.log.error({ err: error }, problem.title);
  if (problem.status === 503) reply.header('retry-after', 5);
  return (
    reply
      .code(problem.status)
      // Set here too: a path that cannot be decoded runs no hooks.
      .header('x-request-id', request.id)
      .header('cache-control', 'no-store')
      .type('application/problem+json')
      .serializer((body: unknown) => JSON.stringify(body))
      .send(problem)
  );
}
