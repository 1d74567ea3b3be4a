import { z } from 'zod';
import { readOwnSubscription, renewLink, withdrawLink } from '../../lib/use-cases/subscription-link.ts';
import { projectSubscription } from '../../lib/use-cases/subscription-projection.ts';
import { listFacts, readSubscriptionOf } from '../../lib/use-cases/subscriptions.ts';
import { listWaitingFor } from '../../lib/use-cases/waiting-list.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import {
  factPageSchema,
  ownSubscriptionSchema,
  projectionQuerySchema,
  projectionSchema,
  subscriptionLinkSchema,
  subscriptionSchema,
  waitingListSchema,
} from '../contracts/subscriptions.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toStatementSummary } from '../serialise-ledger.ts';
import { toFact, toProjection, toSubscription, toWaiting } from '../serialise-subscriptions.ts';
import { type Routes, slugParams } from './types.ts';

const tags = ['subscriptions'];

/** What a practice has agreed to, what happened since, and what it will cost. */
export function subscriptionRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/subscription',
    schema: {
      summary: "Read a practice's subscription: plan, rates, lock, quantities",
      description:
        'The signature is looked at each time: whether the terms on record are those that were signed at the enrolment.',
      tags,
      params: slugParams,
      response: { 200: subscriptionSchema },
    },
    handler: async (request, reply) => {
      const found = await readSubscriptionOf(core, request.params.id);
      setRevision(reply, found.revision);
      return toSubscription(found);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/subscription/facts',
    schema: {
      summary: 'List what happened to a subscription, in the order in which it was recorded',
      description: 'Facts are only ever added; all that is charged follows from them.',
      tags,
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: factPageSchema },
    },
    handler: async (request) => toPage(await listFacts(core, request.params.id, request.query), toFact),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/subscription/projection',
    schema: {
      summary: 'What a subscription will cost in the months to come',
      description:
        "After the lock the plan's present price is assumed, from the first period that it could reach; `basis` tells which is which. No periods before activation: see the plan's preview.",
      tags,
      params: slugParams,
      querystring: projectionQuerySchema,
      response: { 200: projectionSchema },
    },
    handler: async (request) =>
      toProjection(await projectSubscription(core, request.params.id, request.query.months)),
  });

  linkRoutes(app, core);
  waitingListRoute(app, core);
}

/** The practice's own view, by an address that is the right to read it. */
function linkRoutes(app: Routes, core: AppDeps['core']): void {
  const url = '/v1/practices/:id/subscription/link';
  app.route({
    method: 'POST',
    url,
    schema: {
      summary: "Make the address of the practice's own view of its subscription, or a new one",
      description:
        'An older address stops at once. The answer is the only place that ever shows the new one; if it was lost, ask again.',
      tags,
      params: slugParams,
      response: { 201: subscriptionLinkSchema },
    },
    handler: async (request, reply) => {
      const practiceId = request.params.id;
      const { key } = await renewLink(core, practiceId, actorOf(request));
      return reply
        .code(201)
        .header('cache-control', 'no-store')
        .send({ practiceId, path: `/v1/subscriptions/${key}` });
    },
  });

  app.route({
    method: 'DELETE',
    url,
    schema: {
      summary: "Take the address of the practice's own view away; without one nothing changes",
      tags,
      params: slugParams,
      response: { 204: z.null().describe('It stopped, or there was none') },
    },
    handler: async (request, reply) => {
      await withdrawLink(core, request.params.id, actorOf(request));
      return reply.code(204).send(null);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/subscriptions/:key',
    schema: {
      summary:
        "A practice's own view of its subscription: terms, lock, quantities, statements, what it will cost",
      description: 'The address is the secret. It is 404 for any other, and for one that was renewed.',
      tags,
      params: z.object({ key: z.string().max(200) }),
      response: { 200: ownSubscriptionSchema },
    },
    handler: async (request, reply) => {
      const found = await readOwnSubscription(core, request.params.key);
      const { displayName, subscription, projection, statements } = found;
      return reply.header('cache-control', 'no-store').send({
        displayName,
        subscription: toSubscription(subscription),
        projection: toProjection(projection),
        statements: statements.map((each) => toStatementSummary(subscription.practiceId, each)),
      });
    },
  });
}

function waitingListRoute(app: Routes, core: AppDeps['core']): void {
  app.route({
    method: 'GET',
    url: '/v1/plans/:id/waiting-list',
    schema: {
      summary: 'List the sign-ups that wait for a place in a plan, the first of the list first',
      description: 'A place that is free is kept for the first of them: approve its sign-up again.',
      tags,
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: waitingListSchema },
    },
    handler: async (request) =>
      toPage(await listWaitingFor(core, request.params.id, request.query), toWaiting),
  });
}
