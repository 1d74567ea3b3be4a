import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  abortRollout,
  type ControlledRollout as Changed,
  pauseRollout,
  promoteRollout,
  resumeRollout,
  retryTarget,
  skipTarget,
  startPlanned,
} from '../../lib/use-cases/rollout-control.ts';
import {
  type ControlledRollout,
  controlledRolloutSchema,
  controlledTargetSchema,
  rolloutChangeSchema,
} from '../contracts/rollout-control.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { type Routes, uuidParams } from './types.ts';

const targetParams = uuidParams.extend({ practiceId: z.string().max(80) });

/** How people and pipelines steer a rollout that is there (docs/rollouts.md). */
export function rolloutControlRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/rollouts/:id/start',
    schema: {
      summary: 'Begin a rollout that was stored as planned',
      description:
        'Its practices are started as their windows open. What an unfinished rollout of an older release has not begun is taken over.',
      tags: ['rollouts'],
      params: uuidParams,
      headers: revisionHeadersSchema,
      response: { 200: controlledRolloutSchema },
    },
    handler: async (request, reply) => {
      const asked = { rolloutId: request.params.id, revision: revisionsOf(request) };
      return shown(reply, await startPlanned(core, asked, actorOf(request)));
    },
  });

  const changes = [
    {
      verb: 'pause',
      change: pauseRollout,
      summary: 'Start nobody for now',
      description: 'What has begun comes to its end.',
      reason: 'The help desk is short of people tonight',
    },
    {
      verb: 'resume',
      change: resumeRollout,
      summary: 'Go on with a paused rollout',
      description:
        'Refused while what paused it is still so: failures beyond the budget are retried or skipped first, and a release that is halted goes nowhere.',
      reason: 'The failure was the network’s',
    },
    {
      verb: 'abort',
      change: abortRollout,
      summary: 'End a rollout',
      description: 'Whom it has not begun with is skipped; what has begun comes to its end.',
      reason: 'Withdrawn by the team',
    },
    {
      verb: 'promote',
      change: promoteRollout,
      summary: 'Go past the bake time and the gate of the wave at work',
      description:
        'Practices that bake count as updated without a look at their figures; whoever has not had its turn goes on with the next wave.',
      reason: 'The fix cannot wait for the second night',
    },
  ] as const;
  for (const { verb, change, summary, description, reason } of changes) {
    app.route({
      method: 'POST',
      url: `/v1/rollouts/:id/${verb}`,
      schema: {
        summary,
        description,
        tags: ['rollouts'],
        params: uuidParams,
        headers: revisionHeadersSchema,
        body: rolloutChangeSchema.meta({ examples: [{ reason }] }),
        response: { 200: controlledRolloutSchema },
      },
      handler: async (request, reply) => {
        const asked = { rolloutId: request.params.id, ...request.body, revision: revisionsOf(request) };
        return shown(reply, await change(core, asked, actorOf(request)));
      },
    });
  }
  targetRoutes(app, core);
}

function shown(
  reply: FastifyReply,
  { id, state, pausedBecause, revision, release }: Changed,
): ControlledRollout {
  setRevision(reply, revision);
  return { id, releaseId: release.id, state, pausedBecause };
}

function targetRoutes(app: Routes, core: AppDeps['core']): void {
  const changes = [
    {
      verb: 'retry',
      change: retryTarget,
      summary: 'Give one practice another turn',
      description: 'In its next window, if it failed, went back, was missed or skipped.',
      reason: 'Its quota was raised',
    },
    {
      verb: 'skip',
      change: skipTarget,
      summary: 'Leave one practice out of a rollout',
      description: 'One that failed no longer counts against the failure budget.',
      reason: 'It is seen to by hand',
    },
  ] as const;
  for (const { verb, change, summary, description, reason } of changes) {
    app.route({
      method: 'POST',
      url: `/v1/rollouts/:id/targets/:practiceId/${verb}`,
      schema: {
        summary,
        description,
        tags: ['rollouts', 'practices'],
        params: targetParams,
        headers: revisionHeadersSchema,
        body: rolloutChangeSchema.meta({ examples: [{ reason }] }),
        response: { 200: controlledTargetSchema },
      },
      handler: async (request) => {
        const { id: rolloutId, practiceId } = request.params;
        const asked = { rolloutId, practiceId, ...request.body, revision: revisionsOf(request) };
        const { startsAt, latestStartAt, wave, state, note } = await change(core, asked, actorOf(request));
        const times = { startsAt: startsAt.toISOString(), latestStartAt: latestStartAt.toISOString() };
        return { rolloutId, practiceId, wave: wave + 1, state, note, ...times };
      },
    });
  }
}
