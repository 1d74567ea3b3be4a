import { approveSignUp } from '../../lib/use-cases/approve-sign-up.ts';
import { listSignUps, readSignUp } from '../../lib/use-cases/read-sign-ups.ts';
import { recordAgreement } from '../../lib/use-cases/record-agreement.ts';
import { rejectSignUp } from '../../lib/use-cases/reject-sign-up.ts';
import { submitSignUp } from '../../lib/use-cases/submit-sign-up.ts';
import { reasonSchema } from '../contracts/common.ts';
import {
  agreementSchema,
  approvalRequestSchema,
  approvalSchema,
  signUpPageSchema,
  signUpQuerySchema,
  signUpReceiptSchema,
  signUpRequestSchema,
  signUpSchema,
} from '../contracts/sign-ups.ts';
import type { AppDeps, Limits } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage, toSignUp } from '../serialise.ts';
import { signUpExample } from './examples.ts';
import { type Routes, uuidParams } from './types.ts';

/** A sign-up is a page of text at most. */
const signUpBytes = 16 * 1024;

export function signUpRoutes(app: Routes, { core }: AppDeps, limits: Limits): void {
  app.route({
    method: 'POST',
    url: '/v1/signups',
    bodyLimit: signUpBytes,
    config: { rateLimit: { max: limits.signUpsPerMinute, timeWindow: 60_000 } },
    schema: {
      summary: 'Sign a practice up',
      description:
        'Public, and limited by client address. The answer says that the request was recorded, no more.',
      tags: ['sign-ups'],
      headers: idempotencyHeadersSchema,
      body: signUpRequestSchema.meta({ examples: [signUpExample] }),
      response: { 201: signUpReceiptSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await submitSignUp(core, request.body, call, actorOf(request));
      markReplay(reply, answer);
      return reply.code(201).header('location', `/v1/signups/${answer.body.id}`).send(answer.body);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/signups',
    schema: {
      summary: 'List sign-ups, newest first',
      tags: ['sign-ups'],
      querystring: signUpQuerySchema,
      response: { 200: signUpPageSchema },
    },
    handler: async (request) => toPage(await listSignUps(core, request.query), toSignUp),
  });

  app.route({
    method: 'GET',
    url: '/v1/signups/:id',
    schema: {
      summary: 'Read one sign-up',
      tags: ['sign-ups'],
      params: uuidParams,
      response: { 200: signUpSchema },
    },
    handler: async (request, reply) => {
      const row = await readSignUp(core, request.params.id);
      setRevision(reply, row.revision);
      return toSignUp(row);
    },
  });

  app.route({
    method: 'PUT',
    url: '/v1/signups/:id/agreement',
    schema: {
      summary: 'Record the accepted business associate agreement',
      tags: ['sign-ups'],
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: agreementSchema.meta({ examples: [signUpExample.agreement] }),
      response: { 200: signUpSchema },
    },
    handler: async (request, reply) => {
      const change = {
        signUpId: request.params.id,
        agreement: request.body,
        revision: revisionsOf(request),
      };
      const row = await recordAgreement(core, change, actorOf(request));
      setRevision(reply, row.revision);
      return toSignUp(row);
    },
  });

  decisionRoutes(app, core);
}

function decisionRoutes(app: Routes, core: AppDeps['core']): void {
  app.route({
    method: 'POST',
    url: '/v1/signups/:id/approve',
    schema: {
      summary: 'Approve a sign-up and start provisioning its practice',
      description:
        'A repeat is refused with the state `approved`: read the sign-up to learn its practice. When the plan has no place free, the answer is 409 `plan_full` with the place on its waiting list, which a repeat does not change, and what the sign-up can be approved with instead.',
      tags: ['sign-ups'],
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: approvalRequestSchema.meta({ examples: [{ reason: 'NPI and licence checked' }] }),
      response: { 202: approvalSchema },
    },
    handler: async (request, reply) => {
      const change = {
        signUpId: request.params.id,
        ...request.body,
        revision: revisionsOf(request),
      };
      const { signUp, ...started } = await approveSignUp(core, change, actorOf(request));
      setRevision(reply, signUp.revision);
      reply.header('location', `/v1/runs/${started.runId}`);
      return reply.code(202).send({ signUp: toSignUp(signUp), ...started });
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/signups/:id/reject',
    schema: {
      summary: 'Reject a sign-up',
      tags: ['sign-ups'],
      params: uuidParams,
      headers: revisionHeadersSchema,
      body: reasonSchema.meta({ examples: [{ reason: 'Duplicate of an earlier sign-up' }] }),
      response: { 200: signUpSchema },
    },
    handler: async (request, reply) => {
      const change = {
        signUpId: request.params.id,
        reason: request.body.reason,
        revision: revisionsOf(request),
      };
      const row = await rejectSignUp(core, change, actorOf(request));
      setRevision(reply, row.revision);
      return toSignUp(row);
    },
  });
}
