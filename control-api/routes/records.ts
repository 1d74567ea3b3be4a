import { listAudit } from '../../lib/use-cases/read-records.ts';
import { auditPageSchema, auditQuerySchema } from '../contracts/records.ts';
import type { AppDeps } from '../deps.ts';
import { toAuditRow, toPage } from '../serialise.ts';
import type { Routes } from './types.ts';

/** The audit trail: kept facts that are only read here. */
export function recordRoutes(app: Routes, { core }: AppDeps): void {
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
