import { z } from 'zod';
import { unpriced } from '../unpriced.ts';
import usEast1 from './us-east-1.json' with { type: 'json' };

const priceSchema = z.strictObject({
  /** A thousand-millionth of a US dollar, so that the price of one request is a whole number. */
  nanoUsd: z.number().int().positive(),
  /** What one of it is: `hour`, `GB-month`, `request`, … */
  unit: z.string().min(1),
  what: z.string().min(1),
  /** The page on which AWS publishes the price. */
  source: z.url({ protocol: /^https$/, hostname: /^aws\.amazon\.com$/ }),
  /** Where the figure was read: on that page, on another page that quotes it, or nowhere (to be checked first). */
  seenIn: z.enum(['source', 'quoted', 'recalled']),
});

const priceListSchema = z.strictObject({
  region: z.string(),
  currency: z.literal('USD'),
  /** The day on which the prices were looked up. */
  asOf: z.iso.date(),
  note: z.string(),
  prices: z.record(z.string(), priceSchema),
});
export type PriceList = z.infer<typeof priceListSchema>;
type Price = PriceList['prices'][string];

/** List prices of US East (N. Virginia). */
export const priceList: PriceList = priceListSchema.parse(usEast1);

/** @throws DomainError `configuration` for what the list has no price of: it cannot be left out of a sum. */
export function priceOf(list: PriceList, id: string): Price {
  const price = list.prices[id];
  if (price !== undefined) return price;
  throw unpriced(
    `lib/domain/cost/prices has no price of ${id} in ${list.region}: look it up and add it with its source.`,
  );
}
