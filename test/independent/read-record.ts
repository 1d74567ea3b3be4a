import { z } from 'zod';
import { type Plan, type Shown, shown } from './record.ts';

/** Of a control plane: where it answers, and who asks. */
export interface Api {
  readonly url: string;
  readonly token: string;
}

const page = z.object({ items: z.array(z.unknown()), nextCursor: z.string().nullable() });

async function get(api: Api, path: string): Promise<unknown> {
  const url = new URL(path, api.url);
  const response = await fetch(url, { headers: { authorization: `Bearer ${api.token}` } }).catch(
    (cause: unknown) => {
      throw new Error(`${url.origin} does not answer.`, { cause });
    },
  );
  if (!response.ok) throw new Error(`GET ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

/** Every item of a list, page by page. */
async function all<T>(api: Api, path: string, item: z.ZodType<T>): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | null = null;
  do {
    const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const { items: raw, nextCursor } = page.parse(await get(api, `${path}?limit=200${query}`));
    items.push(...raw.map((row) => item.parse(row)));
    cursor = nextCursor;
  } while (cursor !== null);
  return items;
}

export const readPlans = (api: Api): Promise<Plan[]> => all(api, '/v1/plans', shown.plan);

export const readPractices = (api: Api) => all(api, '/v1/practices', shown.practice);

export async function readSubscription(api: Api, practice: z.infer<typeof shown.practice>): Promise<Shown> {
  const of = `/v1/practices/${practice.id}`;
  // Lists of the ledger are newest first.
  const transactions = (await all(api, `${of}/ledger`, shown.transaction)).reverse();
  const { balanceCents } = z
    .object({ balanceCents: z.number().int() })
    .parse(await get(api, `${of}/ledger?limit=1`));
  return {
    practice,
    overview: shown.overview.parse(await get(api, `${of}/subscription`)),
    facts: await all(api, `${of}/subscription/facts`, shown.fact),
    transactions,
    balanceCents,
    statements: (await all(api, `${of}/statements`, shown.statement)).reverse(),
    notices: await all(api, `${of}/subscription/notices`, shown.notice),
  };
}
