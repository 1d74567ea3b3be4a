import { planRollout } from '../../lib/use-cases/plan-rollout.ts';
import {
  createRollout,
  listRollouts,
  listRolloutTargets,
  readRollout,
  readRolloutProgress,
} from '../../lib/use-cases/rollouts.ts';
import {
  planRequestSchema,
  rolloutPageSchema,
  rolloutPlanSchema,
  rolloutProgressSchema,
  rolloutQuerySchema,
  rolloutRequestSchema,
  rolloutSchema,
  rolloutTargetPageSchema,
  rolloutTargetQuerySchema,
} from '../contracts/rollouts.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { setRevision } from '../plugins/app/revision.ts';
import { toOverview, toPlan, toProgress, toRollout, toTarget } from '../serialise-rollouts.ts';
import { type Routes, uuidParams } from './types.ts';

const tags = ['rollouts'];

/** One release brought to the fleet, each practice in its own window. */
export function rolloutRoutes(app: Routes, deps: AppDeps): void {
  planningRoutes(app, deps);
  readingRoutes(app, deps);
}

function planningRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/rollouts/plan',
    schema: {
      summary: 'Plan a rollout over the fleet as it is now, and store nothing',
      description:
        'Waves with a time for each practice; who is left out and who misses the deadline of a security release, with the reasons. Refused for a release that is halted.',
      tags,
      body: planRequestSchema.meta({
        examples: [{ releaseId: 'r-0123456789ab', policy: { bakeMinutes: 120 } }],
      }),
      response: { 200: rolloutPlanSchema },
    },
    handler: async (request) => toPlan(await planRollout(core, request.body)),
  });

  app.route({
    method: 'POST',
    url: '/v1/rollouts',
    schema: {
      summary: 'Plan a rollout and store the plan, which never changes; start it if asked to',
      description:
        'A rollout that starts supersedes unfinished ones of older releases and takes over what they have not begun. Refused for a release that is halted, when nobody would be updated, and while an unfinished rollout of the same or a newer release has practices of the plan.',
      tags,
      headers: idempotencyHeadersSchema,
      body: rolloutRequestSchema.meta({
        examples: [{ releaseId: 'r-0123456789ab', reason: 'Monthly release', start: true }],
      }),
      response: { 201: rolloutSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await createRollout(core, request.body, call, actorOf(request));
      markReplay(reply, answer);
      const details = await readRollout(core, answer.body.id);
      setRevision(reply, details.rollout.revision);
      reply.code(201).header('location', `/v1/rollouts/${answer.body.id}`);
      return toRollout(details);
    },
  });
}

function readingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/rollouts',
    schema: {
      summary: 'List rollouts, newest first',
      tags,
      querystring: rolloutQuerySchema,
      response: { 200: rolloutPageSchema },
    },
    handler: async (request) => {
      const { items, nextCursor } = await listRollouts(core, request.query);
      return { items: items.map(toOverview), nextCursor };
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/rollouts/:id',
    schema: {
      summary: 'Read a rollout: its waves as they were planned, and how far each is',
      tags,
      params: uuidParams,
      response: { 200: rolloutSchema },
    },
    handler: async (request, reply) => {
      const details = await readRollout(core, request.params.id);
      setRevision(reply, details.rollout.revision);
      return toRollout(details);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/rollouts/:id/progress',
    schema: {
      summary: 'Read how far a rollout and each of its waves is, without the plan',
      description: 'For whoever asks again and again: small and quickly read, however large the fleet.',
      tags,
      params: uuidParams,
      response: { 200: rolloutProgressSchema },
    },
    handler: async (request, reply) => {
      const progress = await readRolloutProgress(core, request.params.id);
      setRevision(reply, progress.rollout.revision);
      return toProgress(progress);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/rollouts/:id/targets',
    schema: {
      summary: 'List the practices of a rollout in the order of their starts',
      tags,
      params: uuidParams,
      querystring: rolloutTargetQuerySchema,
      response: { 200: rolloutTargetPageSchema },
    },
    handler: async (request) => {
      const { wave, ...page } = request.query;
      const filter = { ...page, wave: wave === undefined ? undefined : wave - 1 };
      const { items, nextCursor } = await listRolloutTargets(core, request.params.id, filter);
      return { items: items.map(toTarget), nextCursor };
    },
  });
}
