import {
  listDeployments,
  listEvidence,
  listPractices,
  readPractice,
} from '../../lib/use-cases/read-practices.ts';
import { listRuns } from '../../lib/use-cases/read-runs.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import {
  deploymentPageSchema,
  evidencePageSchema,
  practicePageSchema,
  practiceQuerySchema,
  practiceSchema,
} from '../contracts/practices.ts';
import { runPageSchema, runQuerySchema } from '../contracts/runs.ts';
import type { AppDeps } from '../deps.ts';
import { setRevision } from '../plugins/app/revision.ts';
import { toDeployment, toEvidence, toPage, toPractice, toRun } from '../serialise.ts';
import { type Routes, slugParams } from './types.ts';

export function practiceRoutes(app: Routes, { core, practiceUrl }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices',
    schema: {
      summary: 'List practices, newest first',
      tags: ['practices'],
      querystring: practiceQuerySchema,
      response: { 200: practicePageSchema },
    },
    handler: async (request) =>
      toPage(await listPractices(core, request.query), (row) => toPractice(row, practiceUrl)),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id',
    schema: {
      summary: 'Read one practice',
      tags: ['practices'],
      params: slugParams,
      response: { 200: practiceSchema },
    },
    handler: async (request, reply) => {
      const row = await readPractice(core, request.params.id);
      setRevision(reply, row.revision);
      return toPractice(row, practiceUrl);
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/runs',
    schema: {
      summary: 'List the runs of a practice, newest first',
      tags: ['practices', 'runs'],
      params: slugParams,
      querystring: runQuerySchema,
      response: { 200: runPageSchema },
    },
    handler: async (request) =>
      toPage(await listRuns(core, { ...request.query, practiceId: request.params.id }), toRun),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/evidence',
    schema: {
      summary: 'List what verifications of a practice read, newest first',
      tags: ['practices'],
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: evidencePageSchema },
    },
    handler: async (request) =>
      toPage(await listEvidence(core, request.params.id, request.query), toEvidence),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/deployments',
    schema: {
      summary: 'List the releases that were applied to a practice, newest first',
      tags: ['practices'],
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: deploymentPageSchema },
    },
    handler: async (request) =>
      toPage(await listDeployments(core, request.params.id, request.query), toDeployment),
  });
}
