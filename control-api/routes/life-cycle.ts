import {
  cancelOffboarding,
  offboardPractice,
  readOffboarding,
  type ShownOffboarding,
} from '../../lib/use-cases/offboard-practice.ts';
import { resumePractice, suspendPractice } from '../../lib/use-cases/practice-access.ts';
import {
  accessChangeSchema,
  type Offboarding,
  offboardingCancelSchema,
  offboardingRequestSchema,
  offboardingSchema,
  resumptionRequestSchema,
  suspensionRequestSchema,
} from '../contracts/life-cycle.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf } from '../plugins/app/revision.ts';
import { type Routes, slugParams } from './types.ts';

const changeHeaders = idempotencyHeadersSchema.extend(revisionHeadersSchema.shape);
const tags = ['practices', 'runs'];

/** The life of a practice after its activation: its access, and its exit (docs/life-cycle.md). */
export function lifeCycleRoutes(app: Routes, deps: AppDeps): void {
  accessRoutes(app, deps);
  offboardingRoutes(app, deps);
}

function accessRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/practices/:id/suspend',
    schema: {
      summary: 'Block access to an active practice and keep everything it has',
      description:
        'No task runs and the address answers 503. The practice is suspended once its entrance was read as closed.',
      tags,
      params: slugParams,
      headers: changeHeaders,
      body: suspensionRequestSchema.meta({ examples: [{ reason: 'Asked for by the practice' }] }),
      response: { 202: accessChangeSchema },
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await suspendPractice(core, change, call, actorOf(request));
      markReplay(reply, answer);
      return reply.code(202).header('location', `/v1/runs/${answer.body.runId}`).send(answer.body);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/practices/:id/resume',
    schema: {
      summary: 'Let a suspended practice in again',
      description: 'The practice is active once its silo was verified, as at its activation.',
      tags,
      params: slugParams,
      headers: changeHeaders,
      body: resumptionRequestSchema.meta({ examples: [{ reason: 'The practice is back' }] }),
      response: { 202: accessChangeSchema },
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await resumePractice(core, change, call, actorOf(request));
      markReplay(reply, answer);
      return reply.code(202).header('location', `/v1/runs/${answer.body.runId}`).send(answer.body);
    },
  });
}

function offboardingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/offboarding',
    schema: {
      summary: "Read a practice's exit: its stages with their times, and until when each can be taken back",
      tags: ['practices'],
      params: slugParams,
      response: { 200: offboardingSchema },
    },
    handler: async (request) => toOffboarding(await readOffboarding(core, request.params.id)),
  });

  app.route({
    method: 'POST',
    url: '/v1/practices/:id/offboard',
    schema: {
      summary: "Begin a practice's exit",
      description:
        'Access is closed; then comes a grace period, the final snapshot, the removal of the infrastructure, the retention, and the deletion of the key.',
      tags,
      params: slugParams,
      headers: changeHeaders,
      body: offboardingRequestSchema.meta({
        examples: [{ reason: 'The practice has closed', confirm: 'sunrise-aba' }],
      }),
      response: { 202: offboardingSchema },
    },
    handler: async (request, reply) => {
      const asked = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await offboardPractice(core, asked, call, actorOf(request));
      markReplay(reply, answer);
      return reply
        .code(202)
        .header('location', `/v1/practices/${asked.practiceId}/offboarding`)
        .send(toOffboarding(answer.body));
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/practices/:id/offboarding/cancel',
    schema: {
      summary: "Take a practice's exit back, as far as that is possible",
      description:
        "Within the grace period the practice becomes what it was; while its key's deletion is pending, the key is kept and the retention goes on.",
      tags,
      params: slugParams,
      headers: changeHeaders,
      body: offboardingCancelSchema.meta({ examples: [{ reason: 'The practice has changed its mind' }] }),
      response: { 202: offboardingSchema },
    },
    handler: async (request, reply) => {
      const change = { practiceId: request.params.id, ...request.body, revision: revisionsOf(request) };
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await cancelOffboarding(core, change, call, actorOf(request));
      markReplay(reply, answer);
      return reply
        .code(202)
        .header('location', `/v1/practices/${change.practiceId}/offboarding`)
        .send(toOffboarding(answer.body));
    },
  });
}

function toOffboarding(shown: ShownOffboarding): Offboarding {
  return { ...shown, stages: [...shown.stages], kept: [...shown.kept] };
}
