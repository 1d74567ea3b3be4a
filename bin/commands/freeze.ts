import { type Command, Option } from 'commander';
import { freezePageSchema, freezeSchema, type ShownFreeze } from '../../control-api/contracts/schedules.ts';
import type { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { findPractice, pickById } from './find.ts';
import { listing, type OpenListingOptions, openQuery, pageRequest, sayMore, shownIds } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';
import { relative } from './text.ts';
import { momentOf } from './window-text.ts';

const whichFreeze = 'id, or a unique start of it, as the list shows them';

interface Ending {
  readonly until: string;
  readonly reason: string;
}
interface Addition extends Ending {
  readonly fleet?: true;
  readonly from?: string;
}

/** Times in which no update starts. */
export function freezeCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List freezes that hold now or later, newest first'))
    .option('--practice <practice>', "only those that concern it: its own and the fleet's")
    .option('--past', 'also those that are over or were lifted');
  act<OpenListingOptions>(list, invocation, listFreezes);

  const add = group
    .command('add')
    .argument('[practice]', 'id or name, or a unique start of either')
    .description('Freeze a practice, or with --fleet all: no update starts; what is running goes on')
    .option('--fleet', 'freeze every practice')
    .option('--from <time>', 'default: now', momentOf)
    .requiredOption('--until <time>', 'at most 30 days, such as 14d or 2027-01-04', momentOf)
    .requiredOption('--reason <text>', 'kept in the audit trail')
    .addHelpText(
      'after',
      `
Examples:
  lumenality freeze add sunrise-aba --until 7d --reason "the practice moves its offices"
  lumenality freeze add --fleet --from 2026-12-24 --until 2026-12-27 --reason "nobody is on call"`,
    );
  act<Addition>(add, invocation, addFreeze);

  const lift = group.command('lift').argument('<freeze>', whichFreeze).description('Let updates start again');
  act(lift, invocation, async ({ api, output }, _options, [text = '']) => {
    const id = await findFreeze(api, text);
    await api.delete(`/v1/freezes/${id}`);
    output.document({ id, lifted: true });
    output.line('The freeze is lifted.');
    return undefined;
  });

  const renew = group
    .command('renew')
    .argument('<freeze>', whichFreeze)
    .description('Give a freeze a new end and let it hold against security deadlines too (security_admin)')
    .addOption(
      new Option('--until <time>', 'at most 30 days from now').argParser(momentOf).makeOptionMandatory(),
    )
    .requiredOption('--reason <text>', 'kept in the audit trail');
  act<Ending>(renew, invocation, renewFreeze);
}

async function listFreezes({ api, output }: Session, options: OpenListingOptions) {
  const query = await openQuery(api, options);
  const page = await api.list('/v1/freezes', freezePageSchema, pageRequest(options), query);
  output.document(page);
  if (page.items.length === 0) {
    output.line('There is no freeze.');
    return undefined;
  }
  const now = new Date();
  const shown = shownIds(output, page.items);
  output.line(
    table(
      output,
      ['FREEZE', 'OF', 'STATE', 'FROM', 'UNTIL', 'SECURITY', 'BY', 'REASON'],
      page.items.map((freeze) => [
        shown(freeze.id),
        freeze.practiceId ?? 'the fleet',
        freeze.state,
        relative(freeze.from, now),
        `${freeze.until} (${relative(freeze.until, now)})`,
        freeze.renewedBySecurity ? 'renewed' : '-',
        freeze.createdBy,
        freeze.renewal?.reason ?? freeze.reason,
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

async function addFreeze(
  { api, output, confirm }: Session,
  { fleet, from, until, reason }: Addition,
  [text]: readonly string[],
) {
  if ((text === undefined) !== (fleet === true)) {
    throw commandError('usage', 'Name one practice, or give --fleet to freeze all of them.');
  }
  const practiceId = text === undefined ? null : (await findPractice(api, text)).id;
  if (practiceId === null) await confirm(`Keep updates from the whole fleet until ${until}?`);
  const body = { practiceId, until, reason, ...(from === undefined ? {} : { from }) };
  const freeze = await api.post('/v1/freezes', freezeSchema, { body });
  output.document(freeze);
  output.line(`${scopeOf(freeze)} is frozen from ${freeze.from} until ${freeze.until}.`);
  output.line(`Lift it with: npx lumenality freeze lift ${freeze.id}`);
  return undefined;
}

async function renewFreeze(
  { api, output, confirm }: Session,
  { until, reason }: Ending,
  [text = '']: readonly string[],
) {
  const id = await findFreeze(api, text);
  await confirm(`Keep updates away until ${until}, also those of security releases past their deadline?`);
  const freeze = await api.post(`/v1/freezes/${id}/renew`, freezeSchema, { body: { until, reason } });
  output.document(freeze);
  output.line(`${scopeOf(freeze)} is frozen until ${freeze.until}, against security deadlines too.`);
  return undefined;
}

const scopeOf = ({ practiceId }: ShownFreeze): string =>
  practiceId === null ? 'The fleet' : `Practice ${practiceId}`;

/** @throws CommandError when no freeze has such an id, or more than one */
async function findFreeze(api: ApiClient, text: string): Promise<string> {
  const { items } = await api.list('/v1/freezes', freezePageSchema, { limit: undefined });
  return pickById('freeze', text, items, 'freeze list --past').id;
}
