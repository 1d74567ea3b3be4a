import { dryRunVersion, publishVersion } from '../../lib/use-cases/plan-versions.ts';
import { createPlan, listPlans, readPlan } from '../../lib/use-cases/plans.ts';
import { previewPlan } from '../../lib/use-cases/preview-plan.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import {
  dryRunSchema,
  newPlanSchema,
  newVersionSchema,
  planPageSchema,
  planParams,
  planPreviewSchema,
  planSchema,
  planVersionSchema,
  previewRequestSchema,
  versionQuerySchema,
} from '../contracts/plans.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toPage } from '../serialise.ts';
import { toDryRun, toPlan, toPreview } from '../serialise-plans.ts';
import { signUpExample, termsExample } from './examples.ts';
import type { Routes } from './types.ts';

const tags = ['plans'];

/** What practices are offered. */
export function planRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/plans',
    schema: {
      summary: 'List plans with their versions',
      tags,
      querystring: pageQuerySchema,
      response: { 200: planPageSchema },
    },
    handler: async (request) => toPage(await listPlans(core, request.query), toPlan),
  });

  app.route({
    method: 'GET',
    url: '/v1/plans/:id',
    schema: {
      summary: 'Read a plan with its versions',
      tags,
      params: planParams,
      response: { 200: planSchema },
    },
    handler: async (request, reply) => {
      const plan = await readPlan(core, request.params.id);
      setRevision(reply, plan.revision);
      return toPlan(plan);
    },
  });

  creatingRoutes(app, { core });
  previewRoute(app, { core });
}

function creatingRoutes(app: Routes, { core }: Pick<AppDeps, 'core'>): void {
  app.route({
    method: 'POST',
    url: '/v1/plans',
    schema: {
      summary: 'Make a plan',
      description:
        'Its promise is fixed: no version of the plan ever gives less. Practices can enrol from the day on which its first version takes effect.',
      tags,
      headers: idempotencyHeadersSchema,
      body: newPlanSchema.meta({
        examples: [
          {
            id: 'early',
            name: 'Early practices',
            description: '30 days free, then a rate locked for a year',
            promise: { freeDays: 30, lockMonths: 12 },
          },
        ],
      }),
      response: { 201: planSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await createPlan(core, request.body, call, actorOf(request));
      markReplay(reply, answer);
      const plan = await readPlan(core, answer.body.id);
      setRevision(reply, plan.revision);
      reply.code(201).header('location', `/v1/plans/${plan.id}`);
      return toPlan(plan);
    },
  });

  app.route({
    method: 'POST',
    url: '/v1/plans/:id/versions',
    schema: {
      summary: 'Publish a version of a plan, for good; with dryRun=true, see whom it would touch',
      description:
        'It is offered from its first day on until the next version is, and never changes. Locked subscriptions keep their rates; others get the new ones after notice, with the first day of a period. A dry run is refused like the publication, publishes nothing, and answers 200.',
      tags,
      params: planParams,
      querystring: versionQuerySchema,
      headers: idempotencyHeadersSchema.extend(revisionHeadersSchema.shape),
      body: newVersionSchema.meta({
        examples: [
          {
            effectiveFrom: '2027-03-01',
            terms: { ...termsExample, rates: { base: 15_900, perClinician: 3_100, perLocation: 1_900 } },
          },
        ],
      }),
      response: { 200: dryRunSchema, 201: planVersionSchema },
    },
    handler: async (request, reply) => {
      const { id } = request.params;
      const asked = { planId: id, revision: revisionsOf(request), ...request.body };
      const { dryRun, ...page } = request.query;
      if (dryRun === 'true') {
        const found = await dryRunVersion(core, asked, page);
        return reply.code(200).send(toDryRun(id, asked.effectiveFrom, found));
      }
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await publishVersion(core, asked, call, actorOf(request));
      markReplay(reply, answer);
      const plan = await readPlan(core, id);
      setRevision(reply, plan.revision);
      const { effectiveFrom, terms } = asked;
      const published = { version: answer.body.version, effectiveFrom, offeredUntil: null, terms };
      return reply.code(201).header('location', `/v1/plans/${id}`).send(published);
    },
  });
}

function previewRoute(app: Routes, { core }: Pick<AppDeps, 'core'>): void {
  app.route({
    method: 'POST',
    url: '/v1/plans/preview',
    schema: {
      summary: 'See what a practice would be charged, and when',
      description:
        'For a practice that is approved and active on startsOn and changes nothing. Nothing is stored. A period is charged when its last day has ended.',
      tags,
      body: previewRequestSchema.meta({
        examples: [
          {
            plan: signUpExample.plan,
            clinicians: 6,
            locations: 1,
            startsOn: '2026-11-22',
            timeZone: 'America/Chicago',
            months: 6,
          },
        ],
      }),
      response: { 200: planPreviewSchema },
    },
    handler: async (request) => toPreview(await previewPlan(core, request.body)),
  });
}
