import { daySchema } from '../../lib/domain/plan/day.ts';
import { listStatements, readStatement } from '../../lib/use-cases/statements.ts';
import { pageQuerySchema } from '../contracts/common.ts';
import { statementPageSchema, statementSchema } from '../contracts/statements.ts';
import type { AppDeps } from '../deps.ts';
import { toPage } from '../serialise.ts';
import { toStatement, toStatementSummary } from '../serialise-ledger.ts';
import { type Routes, slugParams } from './types.ts';

const tags = ['ledger'];
const statementParams = slugParams.extend({ from: daySchema });

/** What practices are told of their closed periods. */
export function statementRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/practices/:id/statements',
    schema: {
      summary: "The statements of a practice's closed periods, newest first",
      description:
        'A period is closed when it is over. Its statement then stands: what comes later is in a later one.',
      tags,
      params: slugParams,
      querystring: pageQuerySchema,
      response: { 200: statementPageSchema },
    },
    handler: async (request) => {
      const { id } = request.params;
      const page = await listStatements(core, { ...request.query, practiceId: id });
      return toPage(page, (statement) => toStatementSummary(id, statement));
    },
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/statements/:from',
    schema: {
      summary: 'One statement with what stands in it',
      tags,
      params: statementParams,
      response: { 200: statementSchema },
    },
    handler: async ({ params }) => toStatement(params.id, await readStatement(core, params.id, params.from)),
  });
}
