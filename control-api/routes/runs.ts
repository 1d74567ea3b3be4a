import { z } from 'zod';
import { cancelRun } from '../../lib/use-cases/cancel-run.ts';
import { listRunEvents, listRuns, readRun } from '../../lib/use-cases/read-runs.ts';
import { retryRun } from '../../lib/use-cases/retry-run.ts';
import { reasonSchema } from '../contracts/common.ts';
import {
  runEventPageSchema,
  runEventQuerySchema,
  runPageSchema,
  runQuerySchema,
  runSchema,
} from '../contracts/runs.ts';
import { type AppDeps, type Limits } from '../deps.ts';
import { eventStreams } from '../event-streams.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { toPage, toRun, toRunEvent } from '../serialise.ts';
import { type Routes, uuidParams } from './types.ts';

export function runRoutes(app: Routes, deps: AppDeps, limits: Limits): void {
  const { core } = deps;
  const streams = eventStreams(deps, limits.eventStreams);
  app.addHook('preClose', async () => streams.endAll());

  app.route({
    method: 'GET',
    url: '/v1/runs',
    schema: {
      summary: 'List runs, newest first',
      tags: ['runs'],
      querystring: runQuerySchema,
      response: { 200: runPageSchema },
    },
    handler: async (request) => toPage(await listRuns(core, request.query), toRun),
  });

  app.route({
    method: 'GET',
    url: '/v1/runs/:id',
    schema: { summary: 'Read one run', tags: ['runs'], params: uuidParams, response: { 200: runSchema } },
    handler: async (request) => toRun(await readRun(core, request.params.id)),
  });

  app.route({
    method: 'GET',
    url: '/v1/runs/:id/events',
    schema: {
      summary: 'Follow a run',
      description:
        'With `Accept: text/event-stream`: what has happened (after `Last-Event-ID`), then what happens, until the run has ended; then the event `end`. Otherwise one page as JSON, oldest first.',
      tags: ['runs'],
      params: uuidParams,
      querystring: runEventQuerySchema,
      response: {
        200: {
          content: {
            'application/json': { schema: runEventPageSchema },
            'text/event-stream': { schema: z.string() },
          },
        },
      },
    },
    handler: async (request, reply) => {
      const { after, limit } = request.query;
      await readRun(core, request.params.id);
      if (request.headers.accept?.includes('text/event-stream') === true) {
        const lastSeen = Number(request.headers['last-event-id'] ?? after);
        const stream = streams.open(request.params.id, Number.isSafeInteger(lastSeen) ? lastSeen : 0);
        reply
          .type('text/event-stream; charset=utf-8')
          .header('cache-control', 'no-store')
          .header('x-accel-buffering', 'no');
        // A stream is sent as it is; the schema describes the JSON form.
        return reply.send(stream as never);
      }
      const events = await listRunEvents(core, request.params.id, { afterSeq: after, limit });
      const last = events.at(-1);
      const nextCursor = events.length === limit && last !== undefined ? String(last.seq) : null;
      return { items: events.map(toRunEvent), nextCursor };
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/runs/:id/retry',
    schema: {
      summary: 'Let a failed run go on from the step that failed',
      tags: ['runs'],
      params: uuidParams,
      response: { 202: runSchema },
    },
    handler: async (request, reply) => {
      const run = await retryRun(core, request.params.id, actorOf(request));
      return reply.code(202).send(toRun(run));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/runs/:id/cancel',
    schema: {
      summary: 'Call a run off',
      description:
        'Of a provisioning, what is safe to remove is removed. Of an update nothing is taken back, for the practice works on it; a stack operation under way ends first. `kept` tells what stands.',
      tags: ['runs'],
      params: uuidParams,
      body: reasonSchema.meta({ examples: [{ reason: 'The practice withdrew' }] }),
      response: { 202: runSchema },
    },
    handler: async (request, reply) => {
      const change = { runId: request.params.id, reason: request.body.reason };
      return reply.code(202).send(toRun(await cancelRun(core, change, actorOf(request))));
    },
  });
}
