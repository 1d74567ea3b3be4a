import { type Command, InvalidArgumentError } from 'commander';
import type { PageRequest } from './api-client.ts';
import type { Output } from './output.ts';

export interface ListingOptions {
  readonly limit: number;
  readonly all?: boolean;
  readonly cursor?: string;
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
