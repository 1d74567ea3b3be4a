import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { ledgerPageSchema } from '../control-api/contracts/ledger.ts';
import { planSchema } from '../control-api/contracts/plans.ts';
import { type StatementSummary, statementPageSchema } from '../control-api/contracts/statements.ts';
import { subscriptionNoticePageSchema } from '../control-api/contracts/subscription-notices.ts';
import {
  factPageSchema,
  type ShownSubscription,
  subscriptionSchema,
} from '../control-api/contracts/subscriptions.ts';
import type { Clock } from '../lib/ports/clock.ts';
import { commandError } from './commands/command-error.ts';
import { idOf, type Stage } from './demo-plans-acts.ts';
import { isAllRecorded } from './demo-plans-asked.ts';
import { people } from './demo-plans-story.ts';
import type { Fact } from './demo-rollout-facts.ts';

/** What the independent check found: test/independent, which knows the terms and nothing of this code. */
const checkedSchema = z.object({
  ok: z.boolean(),
  asOf: z.string(),
  subscriptions: z.number(),
  periods: z.number(),
  charges: z.number(),
  chargedCents: z.number(),
  transactions: z.number(),
  notices: z.number(),
  facts: z.array(z.object({ check: z.string(), words: z.string(), held: z.boolean() })),
  findings: z.array(z.object({ check: z.string(), practiceId: z.string(), text: z.string() })),
});
export type Checked = z.infer<typeof checkedSchema>;

/** How it all stands at the end. */
export interface Standing {
  readonly subscriptions: readonly ShownSubscription[];
  readonly statements: readonly StatementSummary[];
}

/** As a process of its own: nothing of what it is to check is loaded there. */
export async function checkIndependently(
  { url, tokenFile, clock }: { readonly url: string; readonly tokenFile: string; readonly clock: Clock },
  interrupt: AbortSignal,
): Promise<Checked> {
  const program = fileURLToPath(new URL('../test/independent/check.ts', import.meta.url));
  const child = spawn(
    process.execPath,
    [
      ...process.execArgv,
      program,
      '--url',
      url,
      '--token-file',
      tokenFile,
      '--now',
      clock.now().toISOString(),
    ],
    { stdio: ['ignore', 'pipe', 'pipe'], signal: interrupt },
  );
  // An interruption is an event of the child: nobody else hears it, and unheard it would end the demo before it has stopped anything.
  const ended = once(child, 'close');
  const [answer, complaint] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (answer === '')
    throw commandError('internal', 'The independent check did not run.', { hint: complaint });
  return checkedSchema.parse(JSON.parse(answer));
}

export async function standing({ session: { api }, members }: Stage): Promise<Standing> {
  const subscriptions: ShownSubscription[] = [];
  const statements: StatementSummary[] = [];
  for (const id of members) {
    subscriptions.push(await api.get(`/v1/practices/${id}/subscription`, subscriptionSchema));
    const { items } = await api.list(`/v1/practices/${id}/statements`, statementPageSchema, {
      limit: undefined,
    });
    statements.push(...items);
  }
  return { subscriptions, statements };
}

/** What the story was to show, beside what the independent check says. */
export async function storyFacts(
  stage: Stage,
  { subscriptions, statements }: Standing,
  checked: Checked,
): Promise<Fact[]> {
  const of = (index: number) => subscriptions.find(({ practiceId }) => practiceId === idOf(stage, index));
  const newest = (await stage.session.api.get('/v1/plans/founding', planSchema)).versions.at(-1);
  const members = subscriptions.filter(({ state, plan }) => state !== 'cancelled' && plan.id === 'founding');
  const unlocked = members.filter(({ locked }) => !locked);
  const extended = of(people.lockExtended);
  const others = await recordedOtherwise(stage);
  const stated = statements.reduce((sum, { totals }) => sum + totals.charge, 0);
  return [
    {
      words: `the check looked at all ${stage.members.length} practices, and at all that their statements charge`,
      held: checked.subscriptions === stage.members.length && checked.chargedCents === stated && stated > 0,
    },
    {
      words: `every practice has on record what was asked for it, from that day on, and nothing else${others.map((id) => `; not ${id}`).join('')}`,
      held: others.length === 0,
    },
    {
      words: 'all terms are those that were signed',
      held: subscriptions.every(({ signature }) => signature.good),
    },
    {
      words: 'with 100 members the 101st and the 102nd practice waited as numbers 1 and 2',
      held: isDeepStrictEqual(
        stage.waited.map(({ position, members: before }) => [position, before]),
        [
          [1, 100],
          [2, 100],
        ],
      ),
    },
    {
      words: 'number 1 got the place that came free, number 2 the plan that was offered instead',
      held: of(people.waits)?.plan.id === 'founding' && of(people.takesOffer)?.plan.id === 'standard',
    },
    {
      words: `after their locks all ${unlocked.length} other founding members have the newest price`,
      held:
        unlocked.length === members.length - 1 &&
        unlocked.every(({ rates }) => isDeepStrictEqual(rates, newest?.terms.rates)),
    },
    {
      words: 'the practice whose lock was extended still has the first price',
      held: extended?.locked === true && extended.rates.base < (newest?.terms.rates.base ?? 0),
    },
    {
      words:
        'where the notice could not be sent the old price went on, until another notice was sent in time',
      held: await oldPriceWentOn(stage),
    },
  ];
}

/** Practices whose record is another than what was asked. */
async function recordedOtherwise({ session: { api }, members, asked }: Stage): Promise<string[]> {
  const others: string[] = [];
  for (const [index, id] of members.entries()) {
    const all = { limit: undefined };
    const facts = await api.list(`/v1/practices/${id}/subscription/facts`, factPageSchema, all);
    const ledger = await api.list(`/v1/practices/${id}/ledger`, ledgerPageSchema, all);
    const isRecorded = isAllRecorded(
      asked.filter((each) => each.index === index),
      {
        facts: facts.items.map(({ fact }) => fact),
        // The ledger is newest first.
        posted: ledger.items
          .flatMap(({ kind, owedCents }) => (kind === 'charge' ? [] : [owedCents]))
          .reverse(),
      },
    );
    if (!isRecorded) others.push(id);
  }
  return others;
}

async function oldPriceWentOn(stage: Stage): Promise<boolean> {
  const of = `/v1/practices/${idOf(stage, people.unreachable)}/subscription`;
  const { api } = stage.session;
  const { items: notices } = await api.list(`${of}/notices`, subscriptionNoticePageSchema, {
    limit: undefined,
  });
  const { items: facts } = await api.list(`${of}/facts`, factPageSchema, { limit: undefined });
  const [lapsed, taken, ...more] = notices
    .filter(({ kind }) => kind === 'price_change')
    .toSorted((one, other) => one.writtenAt.localeCompare(other.writtenAt));
  const prices = facts.flatMap(({ fact }) => (fact.kind === 'rates' ? [fact.from] : []));
  return (
    more.length === 0 &&
    lapsed?.sentAt === null &&
    lapsed.outcome !== 'taken' &&
    taken?.outcome === 'taken' &&
    isDeepStrictEqual(prices, [taken.about])
  );
}
