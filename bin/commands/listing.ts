import { type Command, InvalidArgumentError } from 'commander';
import type { ApiClient, PageRequest } from './api-client.ts';
import { findPracticeId } from './find.ts';
import type { Output } from './output.ts';
import { shortIds } from './text.ts';

export interface ListingOptions {
  readonly limit: number;
  readonly all?: boolean;
  readonly cursor?: string;
}

/** Options of a list of what is open, which has the rest with --past. */
export interface OpenListingOptions extends ListingOptions {
  readonly practice?: string;
  readonly past?: true;
}

/** --limit, --all and --cursor, the same for every list. */
export function listing(command: Command): Command {
  return command
    .option('--limit <rows>', 'rows at most', wholeNumber(1, 10_000), 50)
    .option('--all', 'every row')
    .option('--cursor <cursor>', 'go on after nextCursor of an earlier answer');
}

export const pageRequest = ({ limit, all, cursor }: ListingOptions): PageRequest => ({
  limit: all === true ? undefined : limit,
  cursor,
});

export async function openQuery(api: ApiClient, { practice, past }: OpenListingOptions) {
  return { practiceId: await findPracticeId(api, practice), open: past === true ? 'false' : 'true' };
}

/** How a table shows the ids of its rows: by the starts that tell them apart, with --wide in full. */
export function shownIds(
  output: Output,
  rows: ReadonlyArray<{ readonly id: string }>,
): (id: string) => string {
  const short = shortIds(rows.map(({ id }) => id));
  return (id) => (output.wide ? id : (short.get(id) ?? id));
}

/** Says that there is more than what is shown. */
export function sayMore(output: Output, nextCursor: string | null): void {
  if (nextCursor !== null) {
    output.line(output.colours.dim('There are more: use --all, a larger --limit, or a filter (--help).'));
  }
}

/** A commander argument parser for a whole number. */
export const wholeNumber = (least: number, most: number) => (text: string) => {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= least && value <= most) return value;
  throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
};
