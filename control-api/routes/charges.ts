import { z } from 'zod';
import { chargesAsCsv, type ExportedRow } from '../../lib/domain/charge-export.ts';
import { statementNumber } from '../../lib/domain/statement.ts';
import { listCharges, listStatementExports, type StatementExport } from '../../lib/use-cases/charges.ts';
import {
  chargePageSchema,
  chargeQuerySchema,
  type ExportedCharge,
  type ShownExport,
  statementExportPageSchema,
  statementExportQuerySchema,
} from '../contracts/charges.ts';
import type { AppDeps } from '../deps.ts';
import { toPage } from '../serialise.ts';
import type { Routes } from './types.ts';

/** What practices came to owe, for the books of others. */
export function chargeRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/charges',
    schema: {
      summary: 'Charges, credits and adjustments of a range of days, oldest first',
      description:
        'What is posted meanwhile on a day that a page has passed is in no later page. Statements of closed periods never change.',
      tags: ['ledger'],
      querystring: chargeQuerySchema,
      response: {
        200: {
          description: 'One page',
          content: {
            'application/json': { schema: chargePageSchema },
            'text/csv': { schema: z.string() },
          },
        },
      },
    },
    handler: async (request, reply) => {
      const page = await listCharges(core, request.query);
      if (request.query.format === 'json') return toPage(page, toExportedCharge);
      const { nextCursor } = page;
      if (nextCursor !== null) reply.header('link', `<${addressOf(request.query, nextCursor)}>; rel="next"`);
      return reply.type('text/csv; charset=utf-8; header=present').send(chargesAsCsv(page.items));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/charge-exports',
    schema: {
      summary: 'What became of statements on their way out, by their periods, newest first',
      tags: ['ledger'],
      querystring: statementExportQuerySchema,
      response: { 200: statementExportPageSchema },
    },
    handler: async (request) => toPage(await listStatementExports(core, request.query), toShownExport),
  });
}

/** RFC 8288: a page of CSV has no other place for it. */
function addressOf(query: z.infer<typeof chargeQuerySchema>, cursor: string): string {
  const { from, until, format, limit } = query;
  const asked = new URLSearchParams({ from, until, format, limit: String(limit), cursor });
  return `/v1/charges?${asked.toString()}`;
}

function toExportedCharge({ practice, ...row }: ExportedRow): ExportedCharge {
  return { ...row, practiceId: practice.id, practice: practice.displayName };
}

function toShownExport({ practiceId, from, dueAt, exportedAt, ...row }: StatementExport): ShownExport {
  return {
    ...row,
    statement: statementNumber(practiceId, from),
    practiceId,
    nextTryAt: row.state === 'pending' ? dueAt.toISOString() : null,
    exportedAt: exportedAt?.toISOString() ?? null,
  };
}
