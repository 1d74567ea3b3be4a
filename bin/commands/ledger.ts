import type { Command } from 'commander';
import { z } from 'zod';
import {
  ledgerPageSchema,
  ledgerTransactionSchema,
  type ShownTransaction,
} from '../../control-api/contracts/ledger.ts';
import {
  type ShownStatement,
  statementPageSchema,
  statementSchema,
} from '../../control-api/contracts/statements.ts';
import { approvalSchema } from '../../control-api/contracts/subscription-approvals.ts';
import type { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { parseDay } from './day.ts';
import { findPractice, pickById } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore, shownIds } from './listing.ts';
import { money, parseMoney, parseSignedMoney } from './money.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';

const which = 'id or name, or a unique start of either';

/** What a practice owes, and how it came to. */
export function ledgerCommands(group: Command, invocation: Invocation): void {
  const statements = listing(
    group.command('statements').argument('<practice>', which).description('List statements, newest first'),
  );
  act<ListingOptions>(statements, invocation, listStatements);

  const statement = group
    .command('statement')
    .argument('<practice>', which)
    .argument('[from]', 'first day of the period, as the list shows it (default: the newest)', parseDay)
    .description('Show the statement of a closed period');
  act(statement, invocation, showStatement);

  const ledger = listing(
    group
      .command('ledger')
      .argument('<practice>', which)
      .description('List all that was ever posted, newest first, and what the practice owes'),
  );
  act<ListingOptions>(ledger, invocation, listLedger);

  for (const posting of postings) postingCommand(group, invocation, posting);

  const reverse = group
    .command('reverse')
    .argument('<practice>', which)
    .argument('<transaction>', 'id, or a unique start of it, as `subscription ledger` shows it')
    .description('Undo one transaction by its mirror image; it can be done once')
    .requiredOption('--reason <text>', 'stands in the ledger and on the statement');
  act<{ readonly reason: string }>(reverse, invocation, reverseTransaction);
}

interface Posting {
  readonly verb: string;
  readonly path: string;
  readonly description: string;
  readonly amount: string;
  readonly parse: (text: string) => number;
  readonly example: string;
}
const postings: readonly Posting[] = [
  {
    verb: 'credit',
    path: 'credits',
    description: 'Give a practice a credit: it owes less',
    amount: 'such as 29.00, in the currency of its plan',
    parse: parseMoney,
    example: '29.00 --reason "half a day without access on 3 March"',
  },
  {
    verb: 'adjust',
    path: 'adjustments',
    description: 'Adjust what a practice owes',
    amount: 'such as 19.00 when it owes more, -19.00 when it owes less',
    parse: parseSignedMoney,
    example: '-19.00 --reason "the second location was open until 1 March only"',
  },
  {
    verb: 'pay',
    path: 'payments',
    description: 'Note that a practice has paid',
    amount: 'such as 149.00, in the currency of its plan',
    parse: parseMoney,
    example: '149.00 --day 2027-04-01 --reason "cheque 1042"',
  },
];

interface PostingOptions {
  readonly day?: string;
  readonly reason: string;
}

function postingCommand(group: Command, invocation: Invocation, posting: Posting): void {
  const { verb, path, description, amount, parse, example } = posting;
  const command = group
    .command(verb)
    .argument('<practice>', which)
    .argument('<amount>', amount, parse)
    .description(description)
    .option('--day <day>', 'on which it counts at the practice, such as 2027-03-31 (default: today)')
    .requiredOption('--reason <text>', 'stands in the ledger and on the statement')
    .addHelpText(
      'after',
      `
What is worth much takes a second plan administrator: see \`subscription approvals\`.

Example:
  lumenality subscription ${verb} sunrise-aba ${example}`,
    );
  act<PostingOptions>(command, invocation, async (session, options, [text = '', typed = '']) => {
    const amountCents = parse(typed);
    const { id } = await findPractice(session.api, text);
    return post(session, `/v1/practices/${id}/ledger/${path}`, { amountCents, ...options });
  });
}

async function reverseTransaction(
  session: Session,
  { reason }: { readonly reason: string },
  [text = '', typed = '']: readonly string[],
) {
  const { id } = await findPractice(session.api, text);
  const transaction = await findTransaction(session.api, id, typed);
  const { kind, day, owedCents, currency } = transaction;
  await session.confirm(
    `Reverse the ${kind} of ${day} over ${money(owedCents, currency)} (${transaction.reason})?`,
  );
  return post(session, `/v1/ledger/${transaction.id}/reversal`, { reason });
}

const postedSchema = z.union([ledgerTransactionSchema, approvalSchema]);

async function post({ api, output }: Session, path: string, body: Readonly<Record<string, unknown>>) {
  const answer = await api.post(path, postedSchema, { body });
  output.document(answer);
  if ('expiresAt' in answer) {
    const { id, valueCents, currency, expiresAt } = answer;
    output.line(`Nothing is posted yet: ${money(valueCents, currency)} takes a second plan administrator.`);
    output.line(`Until ${expiresAt} they approve it with: npx lumenality subscription approve ${id}`);
    return undefined;
  }
  const balance = await balanceOf(api, answer.practiceId);
  output.line(`Posted the ${answer.kind} of ${answer.day}: ${money(answer.owedCents, answer.currency)}.`);
  output.line(owes(answer.practiceId, balance));
  return undefined;
}

type Balance = Pick<z.infer<typeof ledgerPageSchema>, 'balanceCents' | 'currency'>;

async function balanceOf(api: ApiClient, practiceId: string): Promise<Balance> {
  const path = `/v1/practices/${practiceId}/ledger`;
  const { balanceCents, currency } = await api.get(path, ledgerPageSchema, { query: { limit: 1 } });
  return { balanceCents, currency };
}

function owes(practiceId: string, { balanceCents, currency }: Balance): string {
  if (balanceCents < 0) return `${practiceId} is owed ${money(-balanceCents, currency)}.`;
  return `${practiceId} owes ${money(balanceCents, currency)}.`;
}

async function findTransaction(api: ApiClient, practiceId: string, text: string): Promise<ShownTransaction> {
  const { items } = await api.list(`/v1/practices/${practiceId}/ledger`, ledgerPageSchema, {
    limit: undefined,
  });
  return pickById('transaction', text, items, `subscription ledger ${practiceId} --all`);
}

async function listStatements(
  { api, output }: Session,
  options: ListingOptions,
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  const page = await api.list(`/v1/practices/${id}/statements`, statementPageSchema, pageRequest(options));
  output.document(page);
  if (page.items.length === 0) {
    output.line(`No period of ${id} is closed yet.`);
    return undefined;
  }
  output.line(
    table(
      output,
      ['FROM', 'UNTIL', 'OPENING', 'COST', 'CLOSING'],
      page.items.map(({ from, until, currency, openingCents, costCents, closingCents }) => [
        from,
        until,
        money(openingCents, currency),
        money(costCents, currency),
        money(closingCents, currency),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

async function showStatement(
  { api, output }: Session,
  _options: unknown,
  [text = '', day]: readonly string[],
) {
  const { id } = await findPractice(api, text);
  const from = day ?? (await newestPeriod(api, id));
  const path = `/v1/practices/${id}/statements/${encodeURIComponent(from)}`;
  const statement = await api.get(path, statementSchema);
  output.document(statement);
  output.line(
    fields(output, [
      ['Statement', statement.number],
      ['Period', `${statement.from} until ${statement.until}, when the next begins`],
      ['Closed', statement.closedAt],
    ]),
  );
  output.line();
  output.line(table(output, ['DAY', 'KIND', 'WHAT', 'AMOUNT', 'OWED'], linesOf(statement)));
  return undefined;
}

/** What came and went, and what was owed after each. */
function linesOf({ openingCents, currency, lines, from, until }: ShownStatement): string[][] {
  let owed = openingCents;
  const shown = lines.map(({ day, kind, reason, charge, owedCents }) => {
    owed += owedCents;
    const what =
      charge === null ? reason : `${reason}: ${charge.quantity} at ${money(charge.rateCents, currency)}`;
    return [day, kind, what, money(owedCents, currency), money(owed, currency)];
  });
  return [
    [from, '', 'Owed before', '', money(openingCents, currency)],
    ...shown,
    [until, '', 'Owed', '', money(owed, currency)],
  ];
}

async function newestPeriod(api: ApiClient, practiceId: string): Promise<string> {
  const path = `/v1/practices/${practiceId}/statements`;
  const [newest] = (await api.get(path, statementPageSchema, { query: { limit: 1 } })).items;
  if (newest !== undefined) return newest.from;
  throw commandError('not_found', `No period of ${practiceId} is closed yet, so there is no statement.`);
}

async function listLedger({ api, output }: Session, options: ListingOptions, [text = '']: readonly string[]) {
  const { id } = await findPractice(api, text);
  const page = await api.list(`/v1/practices/${id}/ledger`, ledgerPageSchema, pageRequest(options));
  const balance = await balanceOf(api, id);
  output.document({ ...page, ...balance });
  if (page.items.length === 0) {
    output.line(`Nothing was ever posted for ${id}.`);
    return undefined;
  }
  const shown = shownIds(output, page.items);
  output.line(
    table(
      output,
      ['ID', 'DAY', 'KIND', 'AMOUNT', 'REASON', 'BY'],
      page.items.map((row) => [
        shown(row.id),
        row.day,
        row.reversedBy === null ? row.kind : `${row.kind}, reversed`,
        money(row.owedCents, row.currency),
        row.reason,
        row.approvedBy === null ? row.author : `${row.author}, approved by ${row.approvedBy}`,
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  output.line(owes(id, balance));
  return undefined;
}
