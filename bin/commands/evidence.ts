import type { Command } from 'commander';
import { type EvidenceRow, evidencePageSchema } from '../../control-api/contracts/practices.ts';
import type { ApiClient, Page } from './api-client.ts';
import { exitCodes } from './exit-codes.ts';
import { findPractice } from './find.ts';
import { pageRequest, sayMore, wholeNumber } from './listing.ts';
import type { Output } from './output.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, table } from './table.ts';
import { brief, relative } from './text.ts';

/** Rows that hold a verification whole, also when a run has repeated it. */
const wholeVerification = 200;

interface EvidenceOptions {
  readonly limit?: number;
  readonly all?: boolean;
  readonly cursor?: string;
  readonly full?: boolean;
}

/** `lumenality practice evidence`: the newest verification, or rows of all of them where a list is asked for. */
export function practiceEvidenceCommand(group: Command, invocation: Invocation): void {
  const command = group
    .command('evidence')
    .argument('<practice>', 'id or name, or a unique start of either')
    .description(
      'Show what the newest verification read, and what it expected; exit code 1 if a check failed',
    )
    .option('--limit <rows>', 'so many rows, of earlier verifications too', wholeNumber(1, 10_000))
    .option('--all', 'every row of every verification')
    .option('--cursor <cursor>', 'go on after nextCursor of an earlier answer')
    .option('--full', 'also the safeguards and the AWS reads behind each check');
  act<EvidenceOptions>(command, invocation, showEvidence);
}

/** What the newest verification of a practice read: of a check that it repeated, the last word. Newest first. */
export async function newestVerification(api: ApiClient, practiceId: string): Promise<EvidenceRow[]> {
  const { items } = await api.list(`/v1/practices/${practiceId}/evidence`, evidencePageSchema, {
    limit: wholeVerification,
  });
  const ofOneRun = items.filter(({ runId }) => runId === items[0]?.runId);
  return ofOneRun.filter(({ check }, place) => ofOneRun.findIndex((row) => row.check === check) === place);
}

async function showEvidence(
  { api, output }: Session,
  options: EvidenceOptions,
  [text = '']: readonly string[],
) {
  const practice = await findPractice(api, text);
  const page = await evidenceOf(api, practice.id, options);
  output.document(page);
  if (page.items.length === 0) {
    output.line(`Nothing was verified yet. Practice ${practice.id} is ${practice.state}.`);
    output.line(`Next: npx lumenality practice watch ${practice.id}`);
    return undefined;
  }
  const now = new Date();
  const failed = page.items.filter(({ passed }) => !passed);
  const extra = options.full === true ? ['SAFEGUARDS', 'SOURCE', 'AT'] : [];
  output.line(
    table(
      output,
      ['CHECK', 'EXPECTED', 'OBSERVED', 'OK', ...extra],
      page.items.map((row) => cellsOf(row, output, options.full === true, now)),
    ),
  );
  sayMore(output, page.nextCursor);
  const newest = page.items[0]?.observedAt ?? null;
  output.line(
    `\n${page.items.length - failed.length} of ${page.items.length} checks passed, ${relative(newest, now)}.`,
  );
  return failed.length > 0 ? exitCodes.failed : undefined;
}

async function evidenceOf(
  api: ApiClient,
  practiceId: string,
  { limit, all, cursor }: EvidenceOptions,
): Promise<Page<EvidenceRow>> {
  if (limit === undefined && all !== true && cursor === undefined) {
    return { items: await newestVerification(api, practiceId), nextCursor: null };
  }
  const request = pageRequest({
    limit: limit ?? wholeVerification,
    ...(all === undefined ? {} : { all }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  return api.list(`/v1/practices/${practiceId}/evidence`, evidencePageSchema, request);
}

function cellsOf(row: EvidenceRow, output: Output, full: boolean, now: Date): Cell[] {
  const words = (text: string) => (row.passed && !output.wide ? brief(text) : text);
  const { colours } = output;
  return [
    row.check,
    words(row.expected),
    words(row.observed),
    row.passed ? { text: 'yes', paint: colours.green } : { text: 'NO', paint: colours.red },
    ...(full ? [row.safeguards.join(', '), row.source, relative(row.observedAt, now)] : []),
  ];
}
