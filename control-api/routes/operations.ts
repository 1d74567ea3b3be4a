import { z } from 'zod';
import { checkReadiness } from '../../lib/use-cases/check-readiness.ts';
import { countStates } from '../../lib/use-cases/read-records.ts';
import { healthSchema, readinessSchema } from '../contracts/health.ts';
import type { AppDeps } from '../deps.ts';
import type { Metrics } from '../plugins/app/metrics.ts';
import type { Routes } from './types.ts';

/** Health, readiness, metrics and the API's own description. */
export function operationsRoutes(app: Routes, deps: AppDeps, metrics: Metrics): void {
  app.route({
    method: 'GET',
    url: '/healthz',
    schema: {
      summary: 'Whether the process answers',
      tags: ['operations'],
      response: { 200: healthSchema },
    },
    handler: async () => ({ status: 'ok' as const, version: deps.version }),
  });

  app.route({
    method: 'GET',
    url: '/readyz',
    schema: {
      summary: 'Whether the database, the queue and the cloud answer, and the process is not about to stop',
      tags: ['operations'],
      response: { 200: readinessSchema, 503: readinessSchema },
    },
    handler: async (request, reply) => {
      const warnings = [...(deps.warnings ?? [])];
      if (deps.stopping?.aborted === true) {
        const parts = [{ part: 'process', ready: false }];
        return reply.code(503).send({ status: 'not_ready', parts, warnings });
      }
      const { ready, parts } = await checkReadiness(deps.core, deps.readiness);
      for (const { part, cause } of parts) {
        if (cause !== undefined) request.log.warn({ err: cause, part }, 'a part does not answer');
      }
      return reply.code(ready ? 200 : 503).send({
        status: ready ? 'ready' : 'not_ready',
        parts: parts.map((part) => ({ part: part.part, ready: part.ready })),
        warnings,
      });
    },
  });

  app.route({
    method: 'GET',
    url: '/metrics',
    schema: {
      summary: 'Figures in the Prometheus text format',
      tags: ['operations'],
      response: { 200: { content: { 'text/plain': { schema: z.string() } } } },
    },
    handler: async (_request, reply) => {
      const text = await metrics.render(await countStates(deps.core));
      return reply
        .type(metrics.contentType)
        .serializer((body: unknown) => String(body))
        .send(text);
    },
  });

  app.route({
    method: 'GET',
    url: '/openapi.json',
    schema: {
      summary: 'This API, as an OpenAPI 3.1 document',
      tags: ['operations'],
      response: {
        200: z.record(z.string(), z.unknown()).meta({ examples: [{ openapi: '3.1.0', paths: {} }] }),
      },
    },
    handler: async () => ({ ...app.swagger() }),
  });
}
