import type { Command } from 'commander';
import {
  type FleetVersions,
  fleetVersionsSchema,
  type PatchLatency,
  patchLatencySchema,
} from '../../control-api/contracts/fleet.ts';
import { wholeNumber } from './listing.ts';
import type { Output } from './output.ts';
import { act, type Invocation } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { relative } from './text.ts';

interface LatencyOptions {
  readonly limit: number;
  readonly cursor?: string;
}

/** What the fleet runs, and how long it took to get there. */
export function fleetCommands(group: Command, invocation: Invocation): void {
  group.addHelpText(
    'after',
    '\nExamples:\n  lumenality fleet versions\n  lumenality fleet patch-latency\n  lumenality fleet patch-latency r-0123456789ab --limit 200 --json',
  );
  const versions = group
    .command('versions')
    .description('Count practices by the release that they run, and how many are behind the newest');
  act(versions, invocation, async ({ api, output }) => {
    const found = await api.get('/v1/fleet/versions', fleetVersionsSchema);
    output.document(found);
    showVersions(output, found);
    return undefined;
  });

  const latency = group
    .command('patch-latency')
    .argument('[release]', 'default: the newest security release that is not halted')
    .description('Show how many days a release takes to each practice; who does not have it comes first')
    .option('--limit <rows>', 'practices at most', wholeNumber(1, 200), 50)
    .option('--cursor <cursor>', 'go on after nextCursor of an earlier answer');
  act<LatencyOptions>(latency, invocation, async ({ api, output }, { limit, cursor }, [release]) => {
    const query = { release, limit, cursor };
    const found = await api.get('/v1/fleet/patch-latency', patchLatencySchema, { query });
    output.document(found);
    showLatency(output, found);
    return undefined;
  });
}

const daysOf = (days: number | null): string =>
  days === null ? '-' : `${days.toLocaleString('en-US')} ${days === 1 ? 'day' : 'days'}`;

function showVersions(
  output: Output,
  { practices, newestReleaseId, behind, oldest, releases }: FleetVersions,
): void {
  if (releases.length === 0) {
    output.line('No practice runs a release yet.');
    return;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['RELEASE', 'VERSION', 'KIND', 'PUBLISHED', 'PRACTICES', 'SHARE', 'FIRST UPDATE', 'NEWEST UPDATE'],
      releases.map((release) => [
        release.releaseId,
        release.appVersion,
        release.halted ? { text: `${release.kind}, halted`, paint: output.colours.red } : release.kind,
        relative(release.publishedAt, now),
        String(release.practices),
        `${Math.round(release.share * 1_000) / 10} %`,
        relative(release.firstUpdateAt, now),
        relative(release.newestUpdateAt, now),
      ]),
    ),
  );
  const oldestInWords = oldest === null ? '' : ` The oldest in use is ${daysOf(oldest.ageDays)} old.`;
  output.line(
    `\n${behind} of ${practices} practices are behind ${newestReleaseId ?? 'no release'}.${oldestInWords}`,
  );
}

function showLatency(output: Output, report: PatchLatency): void {
  const { colours } = output;
  const now = new Date();
  const late: Cell = report.late === 0 ? 'nobody' : { text: `${report.late} practices`, paint: colours.red };
  output.line(
    fields(output, [
      ['Release', `${report.releaseId} (${[report.kind, report.severity].filter(Boolean).join(', ')})`],
      ['Published', relative(report.publishedAt, now)],
      ['Deadline', relative(report.deadline, now)],
      ['Have it', `${report.patched} of ${report.practices} practices`],
      ['Open', String(report.open)],
      ['Late', late],
      ['Median', daysOf(report.medianDays)],
      ['95 %', daysOf(report.p95Days)],
    ]),
  );
  if (report.items.length === 0) return;
  output.line();
  output.line(
    table(
      output,
      ['PRACTICE', 'HAS IT SINCE', 'TOOK', 'LATE'],
      report.items.map(({ practiceId, patchedAt, days, late: isLate }) => [
        practiceId,
        patchedAt === null ? { text: 'open', paint: colours.yellow } : relative(patchedAt, now),
        daysOf(days),
        isLate ? { text: 'late', paint: colours.red } : '-',
      ]),
    ),
  );
  if (report.nextCursor !== null)
    output.line(colours.dim(`There are more: --limit 200, or --cursor ${report.nextCursor}`));
}
