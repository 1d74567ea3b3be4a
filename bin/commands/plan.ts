import type { Command } from 'commander';
import {
  type Plan,
  type PlanPreview,
  planPageSchema,
  planPreviewSchema,
  planSchema,
} from '../../control-api/contracts/plans.ts';
import { dayBefore, daysBetween } from './day.ts';
import { type ListingOptions, listing, pageRequest, sayMore, wholeNumber } from './listing.ts';
import { amount, money } from './money.ts';
import { exportCommands } from './plan-export.ts';
import { publishingCommands } from './plan-publish.ts';
import { planReportCommand } from './plan-report.ts';
import { termsTable } from './plan-terms.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';
import { waitingListCommand } from './waiting-list.ts';

const whichPlan = 'id of the plan, as the list shows it';

interface NewPlan {
  readonly name: string;
  readonly description: string;
  readonly promiseFreeDays: number;
  readonly promiseLockMonths: number;
}

interface PreviewOptions {
  readonly clinicians: number;
  readonly locations: number;
  readonly startsOn: string;
  readonly timeZone?: string;
  readonly months: number;
  readonly planVersion?: number;
}

/** What practices are offered. */
export function planCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List plans and their versions'));
  act<ListingOptions>(list, invocation, listPlans);
  waitingListCommand(group, invocation);

  const show = group
    .command('show')
    .argument('<plan>', whichPlan)
    .description('Show a plan, and the terms of each of its versions');
  act(show, invocation, async (session, _options, [id = '']) => {
    showPlan(session, await session.api.get(`/v1/plans/${encodeURIComponent(id)}`, planSchema));
    return undefined;
  });

  const create = group
    .command('create')
    .argument('<id>', 'lower-case letters, digits and hyphens')
    .description('Make a plan; practices can enrol from the day of its first version on (plan_admin)')
    .requiredOption('--name <name>', 'what people call it')
    .requiredOption('--description <text>', 'one sentence about what it offers')
    .option('--promise-free-days <days>', 'no version gives less, ever', wholeNumber(0, 10_000), 0)
    .option('--promise-lock-months <months>', 'no version gives less, ever', wholeNumber(0, 10_000), 0)
    .addHelpText(
      'after',
      `
Example:
  lumenality plan create early --name "Early practices" --description "30 days free, locked for a year" \\
    --promise-free-days 30 --promise-lock-months 12`,
    );
  act<NewPlan>(create, invocation, createPlan);

  previewCommand(group, invocation);
  publishingCommands(group, invocation);
  planReportCommand(group, invocation);
  exportCommands(group, invocation);
}

function previewCommand(group: Command, invocation: Invocation): void {
  const command = group
    .command('preview')
    .argument('<plan>', whichPlan)
    .description('Show what a practice that starts on a day would be charged, and when')
    .requiredOption('--clinicians <number>', 'how many', wholeNumber(0, 1_000_000))
    .option('--locations <number>', 'how many', wholeNumber(0, 1_000_000), 1)
    .requiredOption('--starts-on <day>', 'of approval and activation, such as 2026-12-01')
    .option('--time-zone <zone>', "IANA name (default: this machine's)")
    .option('--months <number>', 'calendar months from that day on', wholeNumber(1, 1_000), 36)
    .option('--plan-version <number>', 'default: the one offered on that day', wholeNumber(1, 1_000_000))
    .addHelpText(
      'after',
      `
Example:
  lumenality plan preview founding --clinicians 6 --starts-on 2026-12-01 --time-zone America/Chicago`,
    );
  act<PreviewOptions>(command, invocation, previewPlan);
}

async function listPlans({ api, output }: Session, options: ListingOptions) {
  const page = await api.list('/v1/plans', planPageSchema, pageRequest(options));
  output.document(page);
  output.line(
    table(
      output,
      ['PLAN', 'FROM', 'BASE + CLINICIAN + LOCATION', 'FREE', 'LOCK', 'PLACES'],
      page.items.flatMap((plan) =>
        plan.versions.length === 0
          ? [notOfferedYet(plan)]
          : plan.versions.map((version) => versionRow(plan, version)),
      ),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function versionRow({ id }: Plan, { version, effectiveFrom, terms }: Plan['versions'][number]) {
  const { rates, currency, interval, freeDays, lock, cap } = terms;
  const prices = [rates.base, rates.perClinician, rates.perLocation].map(amount);
  return [
    `${id} ${version}`,
    effectiveFrom,
    `${prices.join(' + ')} ${currency}/${interval}`,
    freeDays === 0 ? '-' : `${freeDays} d`,
    lock.months === 0 ? '-' : `${lock.months} mo`,
    cap === null ? '-' : String(cap),
  ];
}

const notOfferedYet = ({ id }: Plan) => [id, 'none yet', '-', '-', '-', '-'];

function showPlan({ output }: Session, plan: Plan): void {
  output.document(plan);
  const { freeDays, lockMonths } = plan.promise;
  output.line(
    fields(output, [
      ['Plan', plan.id],
      ['Name', plan.name],
      ['Description', plan.description],
      ['Promise', `at least ${freeDays} free days and a lock of ${lockMonths} months`],
    ]),
  );
  output.line();
  output.line(
    plan.versions.length === 0
      ? `No version yet, so nobody can enrol. Publish one: npx lumenality plan publish ${plan.id} --from … --terms FILE`
      : termsTable(output, plan.versions),
  );
}

async function createPlan(session: Session, options: NewPlan, [id]: readonly string[]) {
  const { name, description, promiseFreeDays: freeDays, promiseLockMonths: lockMonths } = options;
  const body = { id, name, description, promise: { freeDays, lockMonths } };
  showPlan(session, await session.api.post('/v1/plans', planSchema, { body }));
  return undefined;
}

async function previewPlan({ api, output }: Session, options: PreviewOptions, [plan]: readonly string[]) {
  const { clinicians, locations, startsOn, months, planVersion: version } = options;
  const timeZone = options.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const body = { plan, version, clinicians, locations, startsOn, timeZone, months };
  const preview = await api.post('/v1/plans/preview', planPreviewSchema, { body });
  output.document(preview);
  const { chargedFrom, lockedUntil, currency, totalCents } = preview;
  output.line(`Plan ${preview.plan}, version ${preview.version}, in the calendar of ${timeZone}:`);
  output.line(
    table(
      output,
      ['FROM', 'TO', 'DAYS', 'RATE', 'AMOUNT'],
      [
        ...freeRow(preview),
        ...preview.periods.map((period) => [
          period.from,
          dayBefore(period.until),
          String(period.days),
          period.basis === 'locked' ? 'locked' : 'may change after notice',
          money(period.totalCents, currency),
        ]),
      ],
    ),
  );
  const lock =
    lockedUntil === null ? 'No rate is locked.' : `The rate is locked to ${dayBefore(lockedUntil)}.`;
  output.line(`The first day charged is ${chargedFrom}. ${lock} Together: ${money(totalCents, currency)}.`);
  return undefined;
}

function freeRow({ startsOn, chargedFrom, currency }: PlanPreview): string[][] {
  if (chargedFrom === startsOn) return [];
  const days = String(daysBetween(startsOn, chargedFrom));
  return [[startsOn, dayBefore(chargedFrom), days, 'free', money(0, currency)]];
}
