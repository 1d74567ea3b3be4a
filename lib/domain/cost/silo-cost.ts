import { type Component, components } from '../release.ts';
import { appPricing } from './app.ts';
import type { Charge, Pricing, Silo } from './charge.ts';
import { dataPricing } from './data.ts';
import { withoutCharge } from './free.ts';
import { networkPricing } from './network.ts';
import { type PriceList, priceOf } from './prices/index.ts';
import { type CostResource, resourcesOf } from './template.ts';
import { unpriced } from './unpriced.ts';
import type { SiloUsage } from './usage.ts';

/** One line of a silo's monthly list price. Money is whole thousand-millionths of a US dollar (nano-USD), never a float. */
export interface CostLine {
  readonly component: Component;
  readonly logicalId: string;
  readonly resourceType: string;
  readonly item: string;
  /** `fixed`: by the resource being there. `usage`: by what is assumed to happen in it (lib/domain/cost/usage.ts). */
  readonly basis: Charge['basis'];
  /** Thousandths of the unit, a whole number. */
  readonly quantityThousandths: number;
  readonly unit: string;
  readonly unitPriceNanoUsd: number;
  readonly monthlyNanoUsd: number;
}

export interface SiloCost {
  /** In the order of the templates. What costs nothing at this usage has no line. */
  readonly lines: readonly CostLine[];
  readonly fixedNanoUsd: number;
  readonly usageNanoUsd: number;
  /** The sum of the lines: a month of 730 hours. */
  readonly monthlyNanoUsd: number;
  /** Resource types that cost nothing by themselves, with how many there are and why. */
  readonly withoutCharge: ReadonlyArray<{
    readonly resourceType: string;
    readonly count: number;
    readonly reason: string;
  }>;
}

export interface CostInput {
  /** Templates as they are shipped. */
  readonly templates: Readonly<Record<Component, string>>;
  /** Values of their parameters; what only a deployment gives (outputs of earlier stacks) may be missing. */
  readonly parameters: Readonly<Record<string, string>>;
  readonly usage: SiloUsage;
  readonly prices: PriceList;
}

const pricings: Readonly<Record<string, Pricing>> = { ...networkPricing, ...dataPricing, ...appPricing };

/**
 * What a silo costs a month at list prices: its templates with these parameters, times the price list.
 * @throws DomainError `configuration` for a resource type that has neither a price nor a reason to cost nothing, for a property whose price
 * is not known, and for a template that cannot be worked out: a cost that is not complete is no cost.
 */
export function siloCost({ templates, parameters, usage, prices }: CostInput): SiloCost {
  const deployment = { region: prices.region, parameters };
  const resources = components.flatMap((component) =>
    resourcesOf(component, templates[component], deployment),
  );
  const lines = resources.flatMap((resource) => linesOf(resource, { usage, resources }, prices));
  const sumOf = (basis: Charge['basis']) =>
    lines.filter((line) => line.basis === basis).reduce((sum, line) => sum + line.monthlyNanoUsd, 0);
  const [fixedNanoUsd, usageNanoUsd] = [sumOf('fixed'), sumOf('usage')];
  return {
    lines,
    fixedNanoUsd,
    usageNanoUsd,
    monthlyNanoUsd: fixedNanoUsd + usageNanoUsd,
    withoutCharge: withoutChargeAmong(resources),
  };
}

function linesOf(resource: CostResource, silo: Silo, prices: PriceList): CostLine[] {
  const pricing = pricings[resource.type];
  if (pricing === undefined) {
    if (resource.type in withoutCharge) return [];
    throw unpriced(
      `${resource.label} has no price: add its type to lib/domain/cost, with a price or with the reason why it costs nothing.`,
    );
  }
  return pricing(resource, silo)
    .map((charge) => lineOf(resource, charge, prices))
    .filter((line) => line.quantityThousandths > 0);
}

function lineOf(resource: CostResource, charge: Charge, prices: PriceList): CostLine {
  const price = priceOf(prices, charge.price);
  const quantityThousandths = Math.round(charge.quantity * 1_000);
  if (!Number.isSafeInteger(quantityThousandths) || quantityThousandths < 0)
    throw resource.uncovered(`${charge.item} has the quantity ${charge.quantity}`);
  return {
    component: resource.component,
    logicalId: resource.logicalId,
    resourceType: resource.type,
    item: charge.item,
    basis: charge.basis,
    quantityThousandths,
    unit: price.unit,
    unitPriceNanoUsd: price.nanoUsd,
    monthlyNanoUsd: product(quantityThousandths, price.nanoUsd),
  };
}

/** Exact, then rounded half up to one nano-USD: the product itself may be beyond what a number holds. */
function product(thousandths: number, nanoUsd: number): number {
  return Number((BigInt(thousandths) * BigInt(nanoUsd) + 500n) / 1_000n);
}

function withoutChargeAmong(resources: readonly CostResource[]): SiloCost['withoutCharge'] {
  const counts = new Map<string, number>();
  for (const { type } of resources) {
    if (type in withoutCharge) counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  return [...counts]
    .sort(([one], [other]) => one.localeCompare(other))
    .map(([resourceType, count]) => ({ resourceType, count, reason: withoutCharge[resourceType] ?? '' }));
}
