import type { FastifyReply } from 'fastify';
import { z } from 'zod';
import {
  activateCell,
  addCell,
  type CellRequest,
  drainCell,
  removeCell,
  setCellLimits,
} from '../../lib/use-cases/cells.ts';
import { type CellOverview, listCells, readCell, readCellSetUp } from '../../lib/use-cases/read-cells.ts';
import {
  addedCellSchema,
  type Cell,
  cellChangeSchema,
  cellLimitsRequestSchema,
  cellPageSchema,
  cellRequestSchema,
  cellSchema,
  cellSetUpSchema,
} from '../contracts/cells.ts';
import type { AppDeps } from '../deps.ts';
import { actorOf } from '../plugins/app/auth.ts';
import { idempotencyHeadersSchema, markReplay } from '../plugins/app/idempotency.ts';
import { revisionHeadersSchema, revisionsOf, setRevision } from '../plugins/app/revision.ts';
import { toCell, toSetUp } from '../serialise-cells.ts';
import { type Routes, slugParams } from './types.ts';

/** Accounts and Regions that hold silos, and what of their limits is in use. */
export function cellRoutes(app: Routes, deps: AppDeps): void {
  readingRoutes(app, deps);
  addingRoutes(app, deps);
  changingRoutes(app, deps);
}

function readingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/cells',
    schema: {
      summary: 'List cells with what of their limits is in use, by id',
      tags: ['cells'],
      response: { 200: cellPageSchema },
    },
    handler: async () => ({ items: (await listCells(core)).map(toCell), nextCursor: null }),
  });

  app.route({
    method: 'GET',
    url: '/v1/cells/:id',
    schema: {
      summary: 'Read one cell with its forecast',
      tags: ['cells'],
      params: slugParams,
      response: { 200: cellSchema },
    },
    handler: async (request, reply) => shown(reply, await readCell(core, request.params.id)),
  });

  app.route({
    method: 'GET',
    url: '/v1/cells/:id/set-up',
    schema: {
      summary: "Read what the administrator of a cell's account needs to let the control plane in",
      tags: ['cells'],
      params: slugParams,
      response: { 200: cellSetUpSchema },
    },
    handler: async (request) => toSetUp(await readCellSetUp(core, request.params.id)),
  });
}

function addingRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'POST',
    url: '/v1/cells',
    schema: {
      summary: 'Add a cell',
      description:
        'It is `pending`, and nothing is placed in it, until it is activated. What is left out is as in the cell `main`; limits are those that AWS sets a new account.',
      tags: ['cells'],
      headers: idempotencyHeadersSchema,
      body: cellRequestSchema.meta({
        examples: [
          {
            id: 'west',
            accountId: '222222222222',
            region: 'us-west-2',
            domain: 'west.practices.example',
            hostedZoneId: 'Z0123456789ABC',
            limits: { vpcs: 100 },
          },
        ],
      }),
      response: { 201: addedCellSchema },
    },
    handler: async (request, reply) => {
      const call = { idempotencyKey: request.headers['idempotency-key'] };
      const answer = await addCell(core, request.body, call, actorOf(request));
      markReplay(reply, answer);
      const { id } = answer.body;
      const [cell, setUp] = [await readCell(core, id), await readCellSetUp(core, id)];
      reply.code(201).header('location', `/v1/cells/${id}`);
      return { cell: shown(reply, cell), setUp: toSetUp(setUp) };
    },
  });

  app.route({
    method: 'DELETE',
    url: '/v1/cells/:id',
    schema: {
      summary: 'Forget a cell that was never activated',
      tags: ['cells'],
      params: slugParams,
      headers: revisionHeadersSchema,
      response: { 204: z.null().describe('Forgotten') },
    },
    handler: async (request, reply) => {
      const change = { id: request.params.id, revision: revisionsOf(request) };
      await removeCell(core, change, actorOf(request));
      return reply.code(204).send(null);
    },
  });
}

function changingRoutes(app: Routes, { core }: AppDeps): void {
  const changes = [
    {
      verb: 'activate',
      change: activateCell,
      summary: 'Open a cell for practices',
      description:
        "Refused unless the control plane is let into the cell's account with its external id, and only with it. Practices that wait are placed.",
    },
    {
      verb: 'drain',
      change: drainCell,
      summary: 'Place nothing more in a cell',
      description: 'The practices that are there stay, and are updated as before.',
    },
  ] as const;
  for (const { verb, change, summary, description } of changes) {
    app.route({
      method: 'POST',
      url: `/v1/cells/:id/${verb}`,
      schema: {
        summary,
        description,
        tags: ['cells'],
        params: slugParams,
        headers: revisionHeadersSchema,
        body: cellChangeSchema.meta({ examples: [{ reason: 'Agreed with the platform team' }] }),
        response: { 200: cellSchema },
      },
      handler: async (request, reply) => {
        const asked: CellRequest = {
          id: request.params.id,
          ...request.body,
          revision: revisionsOf(request),
        };
        return shown(reply, await change(core, asked, actorOf(request)));
      },
    });
  }

  app.route({
    method: 'PUT',
    url: '/v1/cells/:id/limits',
    schema: {
      summary: 'Set limits of a cell',
      description: 'Practices that wait are placed where there is room now.',
      tags: ['cells'],
      params: slugParams,
      headers: revisionHeadersSchema,
      body: cellLimitsRequestSchema.meta({ examples: [{ limits: { databases: 80 } }] }),
      response: { 200: cellSchema },
    },
    handler: async (request, reply) => {
      const asked = { id: request.params.id, ...request.body, revision: revisionsOf(request) };
      return shown(reply, await setCellLimits(core, asked, actorOf(request)));
    },
  });
}

function shown(reply: FastifyReply, overview: CellOverview): Cell {
  setRevision(reply, overview.cell.revision);
  return toCell(overview);
}
