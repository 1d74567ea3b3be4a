import type { Command } from 'commander';
import {
  dryRunSchema,
  newVersionSchema,
  type PlanDryRun,
  planSchema,
  planVersionSchema,
} from '../../control-api/contracts/plans.ts';
import { commandError } from './command-error.ts';
import { readJsonObject } from './json-input.ts';
import { wholeNumber } from './listing.ts';
import { money } from './money.ts';
import type { Output } from './output.ts';
import { type TermFlags, termsTable, withFlags, withTermFlags } from './plan-terms.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';

interface VersionOptions extends TermFlags {
  readonly from: string;
  readonly terms?: string;
}

/** `lumenality plan publish` and `plan dry-run`. */
export function publishingCommands(group: Command, invocation: Invocation): void {
  const publish = versionCommand(
    group.command('publish').description('Publish a version of a plan, for good (plan_admin)'),
    `
Examples:
  lumenality plan publish founding --from 2027-03-01 --base 159.00 --per-clinician 31.00
  lumenality plan show founding --json | jq .versions[-1].terms > terms.json
  lumenality plan publish early --from 2027-03-01 --terms terms.json`,
  );
  act<VersionOptions>(publish, invocation, publishVersion);

  const dryRun = versionCommand(
    group
      .command('dry-run')
      .description('Show whom a version would touch; nothing is published (plan_admin)'),
    `
Example:
  lumenality plan dry-run standard --from 2027-03-01 --base 259.00`,
  )
    .option('--limit <rows>', 'subscriptions at most', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'go on after nextCursor of an earlier answer');
  act<VersionOptions & { limit: number; cursor?: string }>(dryRun, invocation, showDryRun);
}

function versionCommand(command: Command, examples: string): Command {
  return withTermFlags(
    command
      .argument('<plan>', 'id of the plan, as the list shows it')
      .requiredOption('--from <day>', 'the first day on which it is offered')
      .option('--terms <file>', 'JSON with all terms; - for stdin (default: those of the newest version)'),
  ).addHelpText('after', `\nFlags are put over the terms that they start from.\n${examples}`);
}

async function publishVersion(session: Session, options: VersionOptions, [id = '']: readonly string[]) {
  const { api, output, confirm, isRepeat } = session;
  const asked = await askedFor(session, options, id);
  // What was published already would be refused by a dry run: it does not follow itself.
  if (!isRepeat) await showWhatChanges(session, asked);
  await confirm(`Publish this version of plan ${asked.plan.id}? It can never be changed.`);
  const { path, body, etag } = asked;
  const published = await api.post(path, planVersionSchema, { body, etag });
  output.document(published);
  output.line(`Version ${published.version} of plan ${id} is offered from ${published.effectiveFrom}.`);
  return undefined;
}

/** What is refused is refused here, before anybody is asked. */
async function showWhatChanges({ api, output }: Session, { plan, etag, path, body }: Asked): Promise<void> {
  const query = { dryRun: 'true', limit: 1 };
  const dryRun = await api.post(path, dryRunSchema, { body, etag, query });
  const { effectiveFrom, terms } = newVersionSchema.parse(body);
  const newest = plan.versions.slice(-1);
  output.line(termsTable(output, [...newest, { version: dryRun.version, effectiveFrom, terms }]));
  output.line();
  sayReach(output, dryRun);
}

async function showDryRun(
  session: Session,
  { limit, cursor, ...options }: VersionOptions & { limit: number; cursor?: string },
  [id = '']: readonly string[],
) {
  const { api, output } = session;
  const { path, body, etag } = await askedFor(session, options, id);
  const query = { dryRun: 'true', limit, cursor };
  const dryRun = await api.post(path, dryRunSchema, { body, etag, query });
  output.document(dryRun);
  sayReach(output, dryRun);
  const { touched, currency } = dryRun;
  if (touched.items.length === 0) return undefined;
  output.line();
  output.line(
    table(
      output,
      ['PRACTICE', 'FROM', 'CLINICIANS', 'LOCATIONS', 'A MONTH NOW', 'THEN', 'DIFFERENCE'],
      touched.items.map((row) => [
        row.practiceId,
        row.from ?? 'after activation',
        String(row.clinicians),
        String(row.locations),
        money(row.monthlyCentsBefore, currency),
        money(row.monthlyCentsAfter, currency),
        money(row.monthlyDifferenceCents, currency),
      ]),
    ),
  );
  if (touched.nextCursor !== null) {
    output.line(output.colours.dim(`There are more: --limit, or --cursor ${touched.nextCursor}`));
  }
  return undefined;
}

type Asked = Awaited<ReturnType<typeof askedFor>>;

/** The plan as it is, and what to ask for. */
async function askedFor(
  { api, world }: Session,
  { from, terms: file, ...flags }: VersionOptions,
  id: string,
) {
  const path = `/v1/plans/${encodeURIComponent(id)}`;
  const { body: plan, etag } = await api.getTagged(path, planSchema);
  const start = file === undefined ? plan.versions.at(-1)?.terms : await readJsonObject(file, world);
  if (start === undefined) {
    throw commandError('usage', `Plan ${id} has no version whose terms this one could start from.`, {
      hint: 'Give its terms with --terms FILE: those of another plan are in `plan show founding --json`.',
    });
  }
  return {
    plan,
    etag,
    path: `${path}/versions`,
    body: { effectiveFrom: from, terms: withFlags(start, flags) },
  };
}

function sayReach(output: Output, { touched, locked, unaffected, currency }: PlanDryRun): void {
  const difference = money(Math.abs(touched.monthlyDifferenceCents), currency);
  const direction = touched.monthlyDifferenceCents < 0 ? 'less' : 'more';
  const when = touched.firstFrom === null ? '' : `, the first on ${touched.firstFrom}`;
  output.line(
    touched.count === 0
      ? 'It touches no subscription.'
      : `It touches ${subscriptions(touched.count)} after notice${when}: ${difference} a month ${direction} together.`,
  );
  if (locked.count > 0) {
    const ends = locked.firstUntil === null ? '' : ` The first lock ends on ${locked.firstUntil}.`;
    output.line(`It does not touch ${subscriptions(locked.count)} with a locked rate.${ends}`);
  }
  if (unaffected > 0) {
    output.line(`It changes nothing for ${subscriptions(unaffected)}: they end before, or have these rates.`);
  }
}

const subscriptions = (count: number): string => `${count} ${count === 1 ? 'subscription' : 'subscriptions'}`;
