import { z } from 'zod';
import {
  createOverride,
  listOverrides,
  readOverride,
  revokeOverride,
} from '../../lib/use-cases/change-overrides.ts';
import { changeSettings, readSettings } from '../../lib/use-cases/practice-settings.ts';
import { requestDeployment } from '../../lib/use-cases/request-deployment.ts';
import {
  changedSettingsSchema,
  deploymentRequestSchema,
  overridePageSchema,
  overrideRequestSchema,
  overrideSchema,
  settingsChangeSchema,
  settingsSchema,
} from '../contracts/changes.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import { deploymentSchema } from '../contracts/practices.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toOverride, toSettings } from '../serialise-changes.ts';
import { type Routes, slugParams } from './types.ts';

const overrideParams = slugParams.extend({ overrideId: z.uuid() });

/** What changes the silo of a practice that is there already. */
export function practiceChangeRoutes(app: Routes, deps: AppDeps): void {
  deploymentRoute(app, deps);
  settingsRoutes(app, deps);
  overrideRoutes(app, deps);
}

function deploymentRoute(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/practices/:id/deployments',
    schema: {
      summary: 'Update a practice to a release',
      description:
        'The practice stays active; it counts as running the release once its silo is verified. Refused while another run of the practice is open.',
      tags: ['practices', 'runs'],
      params: slugParams,
      headers: idempotencyHeadersSchema,
      body: deploymentRequestSchema.meta({
        examples: [{ releaseId: 'r-0123456789ab', reason: 'Security fix of the app' }],
      }),
      response: { 202: deploymentSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const asked = { practiceId: request.params.id, ...request.body };
      const answer = await requestDeployment(core, asked, call, actorOf(request));
      markReplay(reply, answer);
      return reply.code(202).header('location', `/v1/runs/${answer.body.runId}`).send(answer.body);
    },
  });
}

function settingsRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/settings',
    schema: {
      summary: 'Read what a practice may set, and has set',
      tags: ['practices'],
      params: slugParams,
      response: { 200: settingsSchema },
    },
    handler: async (request, reply) => {
      const answer = await readSettings(core, request.params.id);
      setRevision(reply, answer.practice.revision);
      return toSettings(answer);
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/practices/:id/settings',
    schema: {
      summary: 'Replace the settings of a practice and bring its silo to them',
      description:
        'No value within the bounds can weaken a safeguard. Refused while a run of the practice is open. Nothing is begun when the silo has these settings already.',
      tags: ['practices', 'runs'],
      params: slugParams,
      headers: revisionHeadersSchema,
      body: settingsChangeSchema.meta({
        examples: [{ settings: { sessionTimeoutMinutes: 20 }, reason: 'Asked for by the practice' }],
      }),
      response: { 202: changedSettingsSchema },
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const answer = await changeSettings(core, change, actorOf(request));
      setRevision(reply, answer.practice.revision);
      if (answer.runId !== null) reply.header('location', `/v1/runs/${answer.runId}`);
      return reply.code(202).send({ ...toSettings(answer), runId: answer.runId });
    },
  });
}

function overrideRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/change-overrides',
    schema: {
      summary: 'List the overrides of the change review, newest first',
      tags: ['practices'],
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: overridePageSchema },
    },
    handler: async (request) => {
      const page = await listOverrides(core, request.params.id, request.query);
      return toPage(page, (row) => toOverride(row, core.clock.now()));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/practices/:id/change-overrides',
    schema: {
      summary: 'Allow one change that the review would refuse',
      description:
        'One resource, one effect, one run, at most a day. Never for a KMS key or a backup vault: what they hold could not be had again.',
      tags: ['practices'],
      params: slugParams,
      headers: idempotencyHeadersSchema,
      body: overrideRequestSchema.meta({
        examples: [
          {
            component: 'data',
            logicalId: 'DatabaseParameterGroup',
            effect: 'replace',
            reason: 'Major version upgrade, rehearsed on a restored copy',
            expiresInMinutes: 120,
          },
        ],
      }),
      response: { 201: overrideSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const asked = { practiceId: request.params.id, ...request.body };
      const answer = await createOverride(core, asked, call, actorOf(request));
      markReplay(reply, answer);
      const row = await readOverride(core, { practiceId: request.params.id, id: answer.body.id });
      return reply.code(201).send(toOverride(row, core.clock.now()));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/practices/:id/change-overrides/:overrideId',
    schema: {
      summary: 'Take an override back',
      tags: ['practices'],
      params: overrideParams,
      response: { 204: z.null().describe('Revoked, now or before') },
    },
    handler: async (request, reply) => {
      const { id: practiceId, overrideId: id } = request.params;
      await revokeOverride(core, { practiceId, id }, actorOf(request));
      return reply.code(204).send(null);
    },
  });
}
