import { findOrphans } from '../../lib/use-cases/orphans.ts';
import { orphansQuerySchema, orphansSchema } from '../contracts/orphans.ts';
import type { AppDeps } from '../deps.ts';
import type { Routes } from './types.ts';

/** What this control plane has tagged and no practice owns. */
export function orphanRoutes(app: Routes, { core, clouds }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/orphans',
    schema: {
      summary: 'Look in the cells for resources that no practice owns',
      description:
        'Asks AWS at the time of the request; nothing is deleted. A resource of a practice that a run is at work on is left out. A cell that could not be read says so in `cells`.',
      tags: ['cells'],
      querystring: orphansQuerySchema,
      response: { 200: orphansSchema },
    },
    handler: async (request) => {
      const report = await findOrphans(core, clouds, { cellId: request.query.cell });
      return {
        checkedAt: report.checkedAt.toISOString(),
        cells: [...report.cells],
        findings: [...report.findings],
      };
    },
  });
}
