import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { type Command, Option } from 'commander';
import { chargePageSchema, statementExportPageSchema } from '../../control-api/contracts/charges.ts';
import type { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { findPracticeId } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';

interface ExportOptions {
  readonly from: string;
  readonly until: string;
  readonly format: 'csv' | 'json';
  readonly out: string;
}

/** What practices came to owe, for the books of others. */
export function exportCommands(group: Command, invocation: Invocation): void {
  const command = group
    .command('export')
    .description('Write charges, credits and adjustments of a range of days into a file, one row each')
    .requiredOption('--from <day>', "first day, of the practices' own calendars")
    .requiredOption('--until <day>', 'the day after the last')
    .addOption(new Option('--format <format>', 'of the file').choices(['csv', 'json']).default('csv'))
    .requiredOption('--out <file>', 'replaced as a whole once everything is there')
    .addHelpText(
      'after',
      `
Example:
  lumenality plan export --from 2027-03-01 --until 2027-04-01 --out march.csv`,
    );
  act<ExportOptions>(command, invocation, exportCharges);

  const exports = listing(
    group
      .command('exports')
      .description('List what became of statements on their way to files or Stripe, newest periods first')
      .option('--pending', 'only those that are still to go')
      .option('--practice <practice>', 'id or name, or a unique start of either'),
  );
  act<ExportsOptions>(exports, invocation, listExports);
}

interface ExportsOptions extends ListingOptions {
  readonly pending?: boolean;
  readonly practice?: string;
}

async function listExports({ api, output }: Session, options: ExportsOptions) {
  const practiceId = await findPracticeId(api, options.practice);
  const state = options.pending === true ? 'pending' : undefined;
  const page = await api.list('/v1/charge-exports', statementExportPageSchema, pageRequest(options), {
    practiceId,
    state,
  });
  output.document(page);
  if (page.items.length === 0) {
    output.line(state === 'pending' ? 'Nothing waits.' : 'No period is closed yet.');
    return undefined;
  }
  output.line(
    table(
      output,
      ['STATEMENT', 'TO', 'STATE', 'TRIES', 'AS', 'LAST ERROR'],
      page.items.map((row) => [
        row.statement,
        row.target ?? '-',
        row.state,
        String(row.tries),
        row.externalId ?? '-',
        row.lastError ?? '-',
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

async function exportCharges({ api, output }: Session, { from, until, format, out }: ExportOptions) {
  const pages = format === 'csv' ? csvPages(api, { from, until }) : jsonPages(api, { from, until });
  const rows = await writeWhole(out, pages);
  output.document({ file: out, format, from, until, rows });
  output.line(`${rows === 1 ? '1 row' : `${rows} rows`} in ${out}.`);
  return undefined;
}

/** A part of the file, and how many rows it has. */
interface Part {
  readonly text: string;
  readonly rows: number;
}
type Days = { readonly from: string; readonly until: string };
const limit = 200;

async function* jsonPages(api: ApiClient, days: Days): AsyncGenerator<Part> {
  let cursor: string | undefined;
  let separator = '[\n';
  do {
    const query = { ...days, limit, cursor };
    const { items, nextCursor } = await api.get('/v1/charges', chargePageSchema, { query });
    for (const item of items) {
      yield { text: `${separator}${JSON.stringify(item)}`, rows: 1 };
      separator = ',\n';
    }
    cursor = nextCursor ?? undefined;
  } while (cursor !== undefined);
  yield { text: separator === ',\n' ? '\n]\n' : '[]\n', rows: 0 };
}

/** Each page has the names of the columns in its first line; the file has them once. */
async function* csvPages(api: ApiClient, days: Days): AsyncGenerator<Part> {
  let cursor: string | undefined;
  let isFirst = true;
  do {
    const query = { ...days, limit, cursor, format: 'csv' };
    const answer = await api.request('GET', '/v1/charges', { query, headers: { accept: 'text/csv' } });
    const text = await answer.text();
    const names = text.indexOf('\r\n') + 2;
    yield { text: isFirst ? text : text.slice(names), rows: rowsIn(text.slice(names)) };
    isFirst = false;
    cursor = cursorIn(answer.headers.get('link'));
  } while (cursor !== undefined);
}

/** A line break within quotes ends no row. */
const rowsIn = (csv: string): number => csv.replaceAll(/"[^"]*"/g, '').split('\r\n').length - 1;

/** RFC 8288: where the next page is. */
function cursorIn(link: string | null): string | undefined {
  const next = /<([^>]+)>; rel="next"/.exec(link ?? '')?.[1];
  if (next === undefined) return undefined;
  return new URL(next, 'http://localhost').searchParams.get('cursor') ?? undefined;
}

/** Whoever reads the file finds all of it or what was there before. */
async function writeWhole(file: string, parts: AsyncIterable<Part>): Promise<number> {
  const unfinished = `${file}.${process.pid}.new`;
  let handle: FileHandle | undefined;
  let rows = 0;
  try {
    handle = await open(unfinished, 'w', 0o600);
    for await (const part of parts) {
      await handle.writeFile(part.text);
      rows += part.rows;
    }
    await handle.sync();
    await handle.close();
    await rename(unfinished, file);
    return rows;
  } catch (error) {
    await handle?.close();
    await rm(unfinished, { force: true });
    throw isOfTheDisk(error) ? unwritable(file, error) : error;
  }
}

const isOfTheDisk = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error && 'code' in error;

const unwritable = (file: string, cause: NodeJS.ErrnoException) =>
  commandError('usage', `${file} cannot be written (${cause.code}): name another file with --out.`, {
    cause,
  });
