import { type Command, InvalidArgumentError, Option } from 'commander';
import {
  type Rollout,
  rolloutPageSchema,
  rolloutPlanSchema,
  rolloutSchema,
  rolloutTargetPageSchema,
} from '../../control-api/contracts/rollouts.ts';
import { findRollout } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore, wholeNumber } from './listing.ts';
import type { Output } from './output.ts';
import { rolloutControlCommands } from './rollout-control.ts';
import { showLate, showPlan, showReasons } from './rollout-plan-view.ts';
import {
  type RolloutWatchOptions,
  rolloutExitCodes,
  rolloutWatchCommand,
  rolloutWatched,
  watchRollout,
} from './rollout-watch.ts';
import { countWords, hasTrouble, waveName } from './rollout-words.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell as Field, fields, table } from './table.ts';
import { brief, clean, relative } from './text.ts';
import { localTime, minutesOf } from './window-text.ts';

/** One release brought to the fleet. */
export function rolloutCommands(group: Command, invocation: Invocation): void {
  planCommand(group, invocation);
  startCommand(group, invocation);

  const list = listing(group.command('list').description('List rollouts, newest first'));
  act<ListingOptions>(list, invocation, listRollouts);

  const show = listing(
    group
      .command('show')
      .argument('<rollout>', 'id, or a unique start of it')
      .description('Show a rollout: its waves, and how far each practice is'),
  );
  act<ListingOptions>(show, invocation, showRollout);

  rolloutWatchCommand(group, invocation);
  rolloutControlCommands(group, invocation);
}

interface PolicyOptions {
  readonly bake?: number;
  readonly expected?: number;
  readonly concurrency?: number;
  readonly failures?: number;
  readonly errorRate?: number;
  readonly latencyRatio?: number;
  readonly wave?: Readonly<Record<string, number>>;
  readonly days?: number;
}

/** How the rollout is to go about it; what is left out is as the control plane has it. */
const withPolicy = (command: Command): Command =>
  command
    .option('--bake <time>', 'how long a wave is watched before the next, such as 2h', minutesOf)
    .option('--expected <time>', 'what one update takes, such as 45m: windows have to hold it', minutesOf)
    .option('--concurrency <updates>', 'at the same time in one cell', wholeNumber(1, 1_000))
    .option('--failures <practices>', 'more failed ones than this pause it', wholeNumber(0, 10_000))
    .option('--error-rate <share>', 'how much more of the requests may fail, such as 0.02', decimal(0, 1))
    .option('--latency-ratio <ratio>', 'how much slower an app may be, such as 1.5', decimal(1, 100))
    .option('--wave <ring=practices>', 'practices in one wave of a ring; may be repeated', gatherWave)
    .option('--days <days>', 'how far ahead to plan', wholeNumber(1, 180));

function planBody(releaseId: string, options: PolicyOptions): object {
  const { bake, expected, concurrency, failures, errorRate, latencyRatio, wave, days } = options;
  const policy = {
    bakeMinutes: bake,
    expectedMinutes: expected,
    concurrencyPerCell: concurrency,
    failureBudget: failures === undefined ? undefined : { failures },
    thresholds:
      errorRate === undefined && latencyRatio === undefined ? undefined : { errorRate, latencyRatio },
    practicesPerWave: wave,
  };
  return { releaseId, policy, horizonDays: days };
}

function planCommand(group: Command, invocation: Invocation): void {
  const plan = withPolicy(
    group
      .command('plan')
      .argument('<release>', 'a published release, as `release list` shows them')
      .description('Show who would get a release when; nothing is stored'),
  )
    .option('--limit <rows>', 'practices of each wave at most', wholeNumber(1, 10_000), 50)
    .option('--all', 'every practice')
    .addHelpText(
      'after',
      `
Examples:
  lumenality rollout plan r-0123456789ab
  lumenality rollout plan r-0123456789ab --bake 24h --wave general=100 --all`,
    );
  act<PolicyOptions & ListingOptions>(plan, invocation, async ({ api, output }, options, [id = '']) => {
    const planned = await api.post('/v1/rollouts/plan', rolloutPlanSchema, { body: planBody(id, options) });
    output.document(planned);
    showPlan(output, planned, rowsOf(options));
    if (planned.blockedBy.length === 0) {
      output.line(`\nStart it with: npx lumenality rollout start ${id} --reason "…"`);
    }
    return undefined;
  });
}

interface StartOptions extends PolicyOptions, RolloutWatchOptions {
  readonly reason: string;
  readonly wait?: true;
  readonly later?: true;
}

function startCommand(group: Command, invocation: Invocation): void {
  const start = rolloutWatched(
    withPolicy(
      group
        .command('start')
        .argument('<release>', 'a published release, as `release list` shows them')
        .description('Roll a release out over the fleet, each practice in its own window')
        .requiredOption('--reason <text>', 'kept in the audit trail'),
    )
      .option('--later', 'store the plan; `rollout begin` starts it')
      .addOption(new Option('--wait', 'follow the rollout until it has ended or pauses').conflicts('later')),
  ).addHelpText(
    'after',
    `
Examples:
  lumenality rollout start r-0123456789ab --reason "monthly release"
  lumenality rollout start r-0123456789ab --reason "monthly release" --wait --timeout 6h

Exit codes with --wait: ${rolloutExitCodes}`,
  );
  act<StartOptions>(start, invocation, startRollout);
}

async function startRollout(session: Session, options: StartOptions, [release = '']: readonly string[]) {
  const { reason, wait, later, timeout, ...policy } = options;
  const { api, output } = session;
  const body = { ...planBody(release, policy), reason, start: later !== true };
  const rollout = await api.post('/v1/rollouts', rolloutSchema, { body });
  const { id, releaseId, state, parentId, left } = rollout;
  output.line(`Rollout ${id} of release ${releaseId} is ${state}.`);
  if (parentId !== null) output.line(`It takes over from rollout ${parentId}.`);
  if (left.length > 0)
    output.line(`${left.length} practices are left out: npx lumenality rollout show ${id}`);
  showLate(output, rollout, 50);
  if (wait === true) return watchRollout(session, id, { timeout });
  output.document(rollout);
  showWaves(output, rollout);
  output.line(
    later === true
      ? `\nStart it with: npx lumenality rollout begin ${id}`
      : `\nFollow it with: npx lumenality rollout watch ${id}`,
  );
  return undefined;
}

async function listRollouts({ api, output }: Session, options: ListingOptions) {
  const page = await api.list('/v1/rollouts', rolloutPageSchema, pageRequest(options));
  output.document(page);
  if (page.items.length === 0) {
    output.line('There was no rollout yet. See what one would do: npx lumenality rollout plan <release>');
    return undefined;
  }
  const now = new Date();
  const rows = page.items.map((rollout) => [
    output.wide ? rollout.id : brief(rollout.id),
    rollout.releaseId,
    stateOf(rollout, output),
    countWords(rollout.practices),
    relative(rollout.createdAt, now),
    rollout.createdBy,
    clean(rollout.reason),
  ]);
  output.line(table(output, ['ROLLOUT', 'RELEASE', 'STATE', 'PRACTICES', 'CREATED', 'BY', 'REASON'], rows));
  sayMore(output, page.nextCursor);
  return undefined;
}

async function showRollout(
  { api, output }: Session,
  options: ListingOptions,
  [text = '']: readonly string[],
) {
  const id = await findRollout(api, text);
  const rollout = await api.get(`/v1/rollouts/${id}`, rolloutSchema);
  const page = await api.list(`/v1/rollouts/${id}/targets`, rolloutTargetPageSchema, pageRequest(options));
  output.document({ ...rollout, targets: page.items, nextCursor: page.nextCursor });
  const { parentId, childId, pausedBecause } = rollout;
  const now = new Date();
  output.line(
    fields(output, [
      ['Rollout', rollout.id],
      ['Release', rollout.releaseId],
      ['State', stateOf(rollout, output)],
      ...(pausedBecause === null ? [] : [['Paused because', clean(pausedBecause)] as const]),
      ['Reason', clean(rollout.reason)],
      ['Created', `by ${rollout.createdBy}, ${relative(rollout.createdAt, now)}`],
      ['Started', relative(rollout.startedAt, now)],
      ['Finished', relative(rollout.finishedAt, now)],
      ...(parentId === null ? [] : [['Took over from', parentId] as const]),
      ...(childId === null ? [] : [['Taken over by', childId] as const]),
      ['Practices', countWords(rollout.practices)],
    ]),
  );
  showWaves(output, rollout);
  output.line();
  const rows = page.items.map(({ practiceId, wave, state, startsAt, timeZone, note }) => [
    practiceId,
    String(wave),
    hasTrouble({ [state]: 1 }) ? { text: state, paint: output.colours.red } : state,
    localTime(startsAt, timeZone),
    note === null ? '-' : clean(note),
  ]);
  output.line(table(output, ['PRACTICE', 'WAVE', 'STATE', 'STARTS THERE', 'NOTE'], rows));
  sayMore(output, page.nextCursor);
  showReasons(output, 'Left out', rollout.left, rowsOf(options));
  showLate(output, rollout, rowsOf(options));
  return undefined;
}

function showWaves(output: Output, rollout: Rollout): void {
  const rows = rollout.waves.map(({ firstStartAt, lastStartAt, yielded, practices }, place) => [
    String(place + 1),
    waveName(rollout, place),
    firstStartAt,
    lastStartAt,
    String(yielded),
    countWords(practices),
  ]);
  output.line();
  output.line(table(output, ['WAVE', 'RING', 'FIRST START', 'LAST START', 'YIELD', 'PRACTICES'], rows));
}

const rowsOf = ({ limit, all }: ListingOptions): number => (all === true ? Number.POSITIVE_INFINITY : limit);

function stateOf({ state }: Pick<Rollout, 'state'>, { colours }: Output): Field {
  if (state === 'failed' || state === 'aborted') return { text: state, paint: colours.red };
  if (state === 'paused') return { text: state, paint: colours.yellow };
  return state === 'succeeded' ? { text: state, paint: colours.green } : state;
}

/** A commander argument parser for a number. */
function decimal(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^\d+(\.\d+)?$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a number from ${least} to ${most}.`);
  };
}

/** A commander argument parser for `general=100`, repeated. */
function gatherWave(text: string, before: Readonly<Record<string, number>> = {}): Record<string, number> {
  const [, ring, count] = /^(canary|early|general)=([1-9]\d{0,4})$/.exec(text) ?? [];
  if (ring === undefined) {
    throw new InvalidArgumentError('It must be a ring and a number of practices, such as general=100.');
  }
  return { ...before, [ring]: Number(count) };
}
