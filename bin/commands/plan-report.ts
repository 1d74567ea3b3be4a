import { Argument, type Command } from 'commander';
import {
  churnReportSchema,
  marginReportSchema,
  membersReportSchema,
  placesReportSchema,
  type ReportName,
  reportNames,
  revenueReportSchema,
} from '../../control-api/contracts/plan-reports.ts';
import type { ApiClient } from './api-client.ts';
import { commandError } from './command-error.ts';
import { wholeNumber } from './listing.ts';
import type { Output } from './output.ts';
import { showChurn, showMargin, showMembers, showPlaces, showRevenue } from './plan-report-view.ts';
import { act, type Invocation, type Session } from './session.ts';

interface ReportOptions {
  readonly on?: string;
  readonly plan?: string;
  readonly csv?: boolean;
  readonly limit: number;
  readonly cursor?: string;
}

/** What each report is asked with. */
type Query = Readonly<Record<string, string | number | undefined>>;

/** A report that has come: as it is, and how to show it. */
interface Fetched {
  readonly report: unknown;
  readonly show: (output: Output) => void;
}

/** `plan report`: how the plans do. */
export function planReportCommand(group: Command, invocation: Invocation): void {
  const command = group
    .command('report')
    .addArgument(new Argument('[report]', 'all of them unless given').choices(reportNames))
    .description('Show members, places, revenue with its projection, margins and churn, as of a day')
    .option('--on <day>', 'as of the end of this day (default: today, UTC)')
    .option('--plan <plan>', 'only those who have this plan')
    .option('--csv', 'every row of one report as CSV, with the names of the columns')
    .option('--limit <rows>', 'practices at most', wholeNumber(1, 10_000), 50)
    .option('--cursor <cursor>', 'go on after nextCursor of an earlier answer')
    .addHelpText(
      'after',
      `
Examples:
  lumenality plan report
  lumenality plan report revenue --on 2027-03-01
  lumenality plan report margin --csv > margin.csv`,
    );
  act<ReportOptions>(command, invocation, async (session, options, [name]) => {
    const asked = reportNames.filter((each) => name === undefined || each === name);
    if (options.csv === true) await printCsv(session, asked, options);
    else await showReports(session, asked, options, name === undefined);
    return undefined;
  });
}

const pathOf = (name: ReportName): string => `/v1/plan-reports/${name}`;

async function printCsv(
  { api, output, world }: Session,
  asked: readonly ReportName[],
  options: ReportOptions,
) {
  const [name, ...others] = asked;
  if (name === undefined || others.length > 0 || output.json) {
    throw commandError('usage', 'CSV is one table: name a report, without --json.', {
      hint: `For example: lumenality plan report ${reportNames[2]} --csv`,
    });
  }
  const { on, plan } = options;
  const answer = await api.request('GET', pathOf(name), { query: { on, plan, format: 'csv' } });
  world.stdout.write(await answer.text());
}

async function showReports(
  { api, output }: Session,
  asked: readonly ReportName[],
  { on, plan, limit, cursor }: ReportOptions,
  isOverview: boolean,
): Promise<void> {
  const isPaged = (name: ReportName | undefined): boolean => name === 'revenue' || name === 'margin';
  if (cursor !== undefined && (isOverview || !isPaged(asked[0]))) {
    throw commandError('usage', '--cursor goes on with one report that has pages: name revenue or margin.');
  }
  const fetched: Partial<Record<ReportName, unknown>> = {};
  for (const name of asked) {
    const { report, show } = await fetchReport(api, name, {
      on,
      plan,
      ...(isPaged(name) ? { limit, cursor } : {}),
    });
    fetched[name] = report;
    if (isOverview && name !== asked[0]) output.line();
    show(output);
  }
  output.document(isOverview ? fetched : fetched[asked[0] ?? 'members']);
}

async function fetchReport(api: ApiClient, name: ReportName, query: Query): Promise<Fetched> {
  const path = pathOf(name);
  switch (name) {
    case 'members': {
      const report = await api.get(path, membersReportSchema, { query });
      return { report, show: (output) => showMembers(output, report) };
    }
    case 'places': {
      const report = await api.get(path, placesReportSchema, { query });
      return { report, show: (output) => showPlaces(output, report) };
    }
    case 'revenue': {
      const report = await api.get(path, revenueReportSchema, { query });
      return { report, show: (output) => showRevenue(output, report) };
    }
    case 'margin': {
      const report = await api.get(path, marginReportSchema, { query });
      return { report, show: (output) => showMargin(output, report) };
    }
    case 'churn': {
      const report = await api.get(path, churnReportSchema, { query });
      return { report, show: (output) => showChurn(output, report) };
    }
  }
}
