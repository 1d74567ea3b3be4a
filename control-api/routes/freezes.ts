import { z } from 'zod';
import { freezeStateOf } from '../../lib/domain/schedule.ts';
import {
  createFreeze,
  liftFreeze,
  listFreezes,
  readFreeze,
  renewFreeze,
  type StoredFreeze,
} from '../../lib/use-cases/freezes.ts';
import {
  freezePageSchema,
  freezeQuerySchema,
  freezeRenewalSchema,
  freezeRequestSchema,
  freezeSchema,
} from '../contracts/schedules.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toFreeze } from '../serialise-schedules.ts';
import { type Routes, uuidParams } from './types.ts';

const tags = ['schedules'];

/** Times in which no update starts, of a practice or of the fleet. */
export function freezeRoutes(app: Routes, { core }: AppDeps): void {
  const shown = (freeze: StoredFreeze) => toFreeze(freeze, freezeStateOf(freeze, core.clock.now()));

  app.route({
    method: 'GET',
    url: '/v1/freezes',
    schema: {
      summary: 'List freezes, newest first',
      tags,
      querystring: freezeQuerySchema,
      response: { 200: freezePageSchema },
    },
    handler: async (request) => {
      const { open, ...page } = request.query;
      return toPage(await listFreezes(core, { ...page, open: open === 'true' }), shown);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/freezes',
    schema: {
      summary: 'Freeze a practice, or the whole fleet: no update starts',
      description:
        'For 30 days at most. What is running goes on. It yields to the deadline of a security release, unless a security administrator renews it.',
      tags,
      headers: idempotencyHeadersSchema,
      body: freezeRequestSchema.meta({
        examples: [{ practiceId: null, until: '2026-12-01T06:00:00Z', reason: 'Holiday: nobody is on call' }],
      }),
      response: { 201: freezeSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const { from, until, ...asked } = request.body;
      const times = { from: from === undefined ? undefined : new Date(from), until: new Date(until) };
      const answer = await createFreeze(core, { ...asked, ...times }, call, actorOf(request));
      markReplay(reply, answer);
      const freeze = await readFreeze(core, answer.body.id);
      setRevision(reply, freeze.revision);
      return reply.code(201).send(shown(freeze));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/freezes/:id/renew',
    schema: {
      summary: 'Give a freeze a new end, and let it hold against security deadlines too',
      description:
        'For 30 days from now at most, or from its beginning when that is to come; it may be renewed again. The reason stands in the audit trail.',
      tags,
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: freezeRenewalSchema.meta({
        examples: [{ until: '2026-12-20T06:00:00Z', reason: 'Forensics on the practice go on' }],
      }),
      response: { 200: freezeSchema },
    },
    handler: async (request, reply) => {
      const { until, reason } = request.body;
      const change = {
        id: request.params.id,
        revision: revisionsOf(request),
        until: new Date(until),
        reason,
      };
      const freeze = await renewFreeze(core, change, actorOf(request));
      setRevision(reply, freeze.revision);
      return shown(freeze);
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/freezes/:id',
    schema: {
      summary: 'Lift a freeze',
      description:
        'One that a security administrator has renewed is lifted by a security administrator alone.',
      tags,
      params: uuidParams,
      headers: revisionHeadersSchema,
      response: { 204: z.null().describe('Lifted or over, now or before') },
    },
    handler: async (request, reply) => {
      await liftFreeze(core, { id: request.params.id, revision: revisionsOf(request) }, actorOf(request));
      return reply.code(204).send(null);
    },
  });
}
