import { type QuotedCost, readPracticeCost, readShapeCost } from '../../lib/use-cases/read-cost.ts';
import { type Cost, costQuerySchema, costSchema, practiceCostSchema } from '../contracts/cost.ts';
import type { AppDeps } from '../deps.ts';
import { type Routes, slugParams } from './types.ts';

const description =
  'On-demand list prices without free tiers, discounts, tax and support, for the usage that the shape is assumed to have. Not a bill.';

export function costRoutes(app: Routes, { core }: AppDeps): void {
  app.route({
    method: 'GET',
    url: '/v1/cost',
    schema: {
      summary: 'Work out what a silo of one shape costs a month',
      description,
      tags: ['cost'],
      querystring: costQuerySchema,
      response: { 200: costSchema },
    },
    handler: async (request) => toCost(await readShapeCost(core, request.query)),
  });

  app.route({
    method: 'GET',
    url: '/v1/practices/:id/cost',
    schema: {
      summary: "Work out what a practice's silo costs a month",
      description,
      tags: ['cost', 'practices'],
      params: slugParams,
      response: { 200: practiceCostSchema },
    },
    handler: async (request) => {
      const { id } = request.params;
      return { practiceId: id, ...toCost(await readPracticeCost(core, id)) };
    },
  });
}

function toCost(cost: QuotedCost): Cost {
  return {
    shape: cost.shape,
    releaseId: cost.releaseId,
    region: cost.region,
    currency: 'USD',
    pricesAsOf: cost.pricesAsOf,
    usage: cost.usage,
    lines: cost.lines.map(({ quantityThousandths, ...line }) => ({
      ...line,
      quantity: quantityThousandths / 1_000,
    })),
    fixedNanoUsd: cost.fixedNanoUsd,
    usageNanoUsd: cost.usageNanoUsd,
    monthlyNanoUsd: cost.monthlyNanoUsd,
    withoutCharge: [...cost.withoutCharge],
  };
}
