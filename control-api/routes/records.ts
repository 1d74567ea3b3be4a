import { listAudit, listPlans } from '../../lib/use-cases/read-records.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import { auditPageSchema, auditQuerySchema, planPageSchema } from '../contracts/records.ts';
import type { AppDeps } from '../deps.ts';
import { toAuditRow, toPage, toPlan } from '../serialise.ts';
import type { Routes } from './types.ts';

/** Plans and the audit trail: kept facts that are only read here. */
export function recordRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/plans',
    schema: {
      summary: 'List plans with their versions',
      tags: ['records'],
      querystring: pageQuerySchema,
      response: { 200: planPageSchema },
    },
    handler: async (request) => toPage(await listPlans(core, request.query), toPlan),
  });

  app.route({
    method: 'GET',
    url: '/v1/audit',
    schema: {
      summary: 'Read the audit trail, newest first',
      tags: ['records'],
      querystring: auditQuerySchema,
      response: { 200: auditPageSchema },
    },
    handler: async (request) => toPage(await listAudit(core, request.query), toAuditRow),
  });
}
