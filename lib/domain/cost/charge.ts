import type { CostResource } from './template.ts';
import type { SiloUsage } from './usage.ts';

/** One thing that a resource is billed for. */
export interface Charge {
  /** What it is for, in a few words. */
  readonly item: string;
  /** Id in the price list. */
  readonly price: string;
  /** In the price's unit. */
  readonly quantity: number;
  /** `fixed`: by the resource being there. `usage`: by what is assumed to happen in it. */
  readonly basis: 'fixed' | 'usage';
}

export const fixed = (item: string, price: string, quantity: number): Charge => ({
  item,
  price,
  quantity,
  basis: 'fixed',
});

export const byUse = (item: string, price: string, quantity: number): Charge => ({
  item,
  price,
  quantity,
  basis: 'usage',
});

/** What a resource is priced among. */
export interface Silo {
  readonly usage: SiloUsage;
  /** All resources of the three stacks. */
  readonly resources: readonly CostResource[];
}

/** What a resource of one type costs; throws when a property means a price that is not known here. */
export type Pricing = (resource: CostResource, silo: Silo) => readonly Charge[];

/** The only resource of a type. */
export function only(silo: Silo, type: string, inquirer: CostResource): CostResource {
  const [first, ...others] = silo.resources.filter((resource) => resource.type === type);
  if (first !== undefined && others.length === 0) return first;
  throw inquirer.uncovered(
    `it needs exactly one ${type} beside it and there are ${first === undefined ? 0 : others.length + 1}`,
  );
}
