import type { FastifyInstance } from 'fastify';

/** One line an answer: who asked which route and how it ended. No query, header or body: they may hold what must not be kept. */
export function logRequests(app: FastifyInstance): void {
  app.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        route: request.routeOptions.url ?? null,
        status: reply.statusCode,
        milliseconds: Math.round(reply.elapsedTime),
        actor: request.actor?.id ?? null,
        address: request.ip,
      },
      'answered',
    );
  });
}
