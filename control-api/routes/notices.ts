import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  addEndpoint,
  type EndpointWithSecret,
  listEndpoints,
  removeEndpoint,
  rotateSecret,
  testEndpoint,
} from '../../lib/use-cases/notice-endpoints.ts';
import { listNotices, readNotice, redeliverNotice } from '../../lib/use-cases/notices.ts';
import {
  changeContacts,
  type PracticeContacts,
  readContacts,
} from '../../lib/use-cases/practice-contacts.ts';
import {
  type Contacts,
  contactsRequestSchema,
  contactsSchema,
  endpointPageSchema,
  endpointQuerySchema,
  endpointRequestSchema,
  endpointWithSecretSchema,
  noticePageSchema,
  noticeQuerySchema,
  noticeSchema,
  redeliveryRequestSchema,
} from '../contracts/notices.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toEndpoint, toNotice } from '../serialise-notices.ts';
import { type Routes, slugParams, uuidParams } from './types.ts';

const tags = ['notices'];

/** What practices and other systems are told, and whom. */
export function noticeRoutes(app: Routes, deps: AppDeps): void {
  readingRoutes(app, deps);
  endpointRoutes(app, deps);
  endpointSecretRoutes(app, deps);
  contactRoutes(app, deps);
}

function readingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/notices',
    schema: {
      summary: 'List notices with their deliveries, newest first',
      tags,
      querystring: noticeQuerySchema,
      response: { 200: noticePageSchema },
    },
    handler: async (request) => toPage(await listNotices(core, request.query), toNotice),
  });

  app.route({
    method: 'GET',
    url: '/v1/notices/:id',
    schema: {
      summary: 'Read one notice and what became of it at each destination',
      tags,
      params: uuidParams,
      response: { 200: noticeSchema },
    },
    handler: async (request) => toNotice(await readNotice(core, request.params.id)),
  });

  app.route({
    method: 'POST',
    url: '/v1/notices/:id/redeliver',
    schema: {
      summary: 'Send a notice once more',
      description:
        'Under the same id, so that a receiver knows what it has already: wherever it was given up or, with deliveryId, to that destination, also when it arrived there. What was cancelled stays so. A notice whose mails reached nobody goes to the contacts that the practice has now.',
      tags,
      params: uuidParams,
      body: redeliveryRequestSchema.meta({ examples: [{ reason: 'The receiver was down for four days' }] }),
      response: { 202: noticeSchema },
    },
    handler: async (request, reply) => {
      const asked = { id: request.params.id, ...request.body };
      return reply.code(202).send(toNotice(await redeliverNotice(core, asked, actorOf(request))));
    },
  });
}

function endpointRoutes(app: Routes, { core, notices }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/notice-endpoints',
    schema: {
      summary: 'List where webhooks go, newest first',
      tags,
      querystring: endpointQuerySchema,
      response: { 200: endpointPageSchema },
    },
    handler: async (request) =>
      toPage(await listEndpoints(core, request.query), (row) => toEndpoint(row, core.clock.now())),
  });

  app.route({
    method: 'POST',
    url: '/v1/notice-endpoints',
    schema: {
      summary: 'Add an address that webhooks go to',
      description:
        'Of one practice or, without one, of the fleet. Webhooks are signed by the rules of Standard Webhooks. The answer is the only place that ever shows the secret; a repeat with the same Idempotency-Key is refused with 409.',
      tags,
      headers: idempotencyHeadersSchema,
      body: endpointRequestSchema.meta({
        examples: [
          { url: 'https://status.example.com/hooks/lumenality', kinds: ['update_failed', 'rollout_paused'] },
        ],
      }),
      response: { 201: endpointWithSecretSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const added = await addEndpoint(core, notices, request.body, call, actorOf(request));
      return reply.code(201).send(shown(reply, added, core.clock.now()));
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/notice-endpoints/:id',
    schema: {
      summary: 'Send nothing more to an address',
      description: 'What was still to be sent to it is cancelled.',
      tags,
      params: uuidParams,
      response: { 204: z.null().describe('Removed') },
    },
    handler: async (request, reply) => {
      await removeEndpoint(core, request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  });
}

function endpointSecretRoutes(app: Routes, { core, notices }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/notice-endpoints/:id/rotate-secret',
    schema: {
      summary: 'Give an endpoint a new secret',
      description:
        'For 24 hours webhooks are signed with the secret before too. The answer is the only place that ever shows the new one.',
      tags,
      params: uuidParams,
      headers: idempotencyHeadersSchema,
      response: { 200: endpointWithSecretSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const rotated = await rotateSecret(core, notices, request.params.id, call, actorOf(request));
      return shown(reply, rotated, core.clock.now());
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/notice-endpoints/:id/test',
    schema: {
      summary: 'Send a test to an endpoint',
      description: 'A notice of kind `test`, sent as all are: read it to see what became of it.',
      tags,
      params: uuidParams,
      headers: idempotencyHeadersSchema,
      response: { 202: noticeSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await testEndpoint(core, request.params.id, call, actorOf(request));
      markReplay(reply, answer);
      const { noticeId } = answer.body;
      reply.code(202).header('location', `/v1/notices/${noticeId}`);
      return toNotice(await readNotice(core, noticeId));
    },
  });
}

function contactRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/contacts',
    schema: {
      summary: 'Read who of a practice gets mails about what',
      tags,
      params: slugParams,
      response: { 200: contactsSchema },
    },
    handler: async (request, reply) =>
      toContacts(reply, request.params.id, await readContacts(core, request.params.id)),
  });

  app.route({
    method: 'PUT',
    url: '/v1/practices/:id/contacts',
    schema: {
      summary: 'Replace who of a practice gets mails about what',
      description:
        'An empty list means that nobody does. What was still to be sent to an address that is left out is cancelled.',
      tags,
      params: slugParams,
      headers: revisionHeadersSchema,
      body: contactsRequestSchema.meta({
        examples: [
          {
            contacts: [
              {
                name: 'Dana Reyes',
                email: 'dana@sunrise-aba.example.com',
                notices: ['update_scheduled', 'update_failed', 'security_override'],
              },
            ],
          },
        ],
      }),
      response: { 200: contactsSchema },
    },
    handler: async (request, reply) => {
      const practiceId = request.params.id;
      const change = { practiceId, ...request.body, revision: revisionsOf(request) };
      return toContacts(reply, practiceId, await changeContacts(core, change, actorOf(request)));
    },
  });
}

function shown(reply: FastifyReply, { endpoint, secret }: EndpointWithSecret, now: Date) {
  reply.header('cache-control', 'no-store');
  return { ...toEndpoint(endpoint, now), secret };
}

function toContacts(reply: FastifyReply, practiceId: string, read: PracticeContacts): Contacts {
  setRevision(reply, read.revision);
  const contacts = read.contacts.map((contact) => ({ ...contact, notices: [...contact.notices] }));
  return { practiceId, contacts, chosen: read.revision > 0 };
}
