import { type Command, Option } from 'commander';
import {
  calendarAddressSchema,
  type Schedule,
  scheduleSchema,
  type UpcomingWindows,
  upcomingWindowsSchema,
} from '../../control-api/contracts/schedules.ts';
import { commandError } from './command-error.ts';
import { findPractice } from './find.ts';
import { wholeNumber } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';
import { clean, relative } from './text.ts';
import { localTime, minutesOf, momentOf, ruleOf } from './window-text.ts';

const which = 'id or name, or a unique start of either';

/** When a practice may be updated. */
export function scheduleCommands(group: Command, invocation: Invocation): void {
  windowCommand(group, invocation);

  const pin = holding(group, 'pin', 180, 'Keep a practice on a release until a date').requiredOption(
    '--release <id>',
    'a published release, as `release list` shows them',
  );
  act<Pin>(pin, invocation, async (session, { release: releaseId, until, reason }, [text = '']) =>
    change(session, text, 'pin', { releaseId, until, reason }),
  );
  const defer = holding(group, 'defer', 60, 'Keep updates from a practice until a date');
  act<Ending>(defer, invocation, async (session, { until, reason }, [text = '']) =>
    change(session, text, 'deferral', { until, reason }),
  );
  for (const [verb, what] of [
    ['unpin', 'pin'],
    ['undefer', 'deferral'],
  ] as const) {
    const takeBack = group
      .command(verb)
      .argument('<practice>', which)
      .description(`Take a practice's ${what} back`);
    act(takeBack, invocation, async (session, _options, [text = '']) => change(session, text, what));
  }

  const calendar = group
    .command('calendar')
    .argument('<practice>', which)
    .description("Make a new address for the calendar of a practice's windows; an older one stops");
  act(calendar, invocation, makeCalendar);
}

/** A verb that keeps updates away for so many days at most. */
function holding(group: Command, verb: string, days: number, description: string): Command {
  return group
    .command(verb)
    .argument('<practice>', which)
    .description(`${description}; a security deadline goes over it`)
    .requiredOption('--until <time>', `at most ${days} days off, such as 14d or 2027-01-04`, momentOf)
    .requiredOption('--reason <text>', 'kept in the audit trail');
}

interface Ending {
  readonly until: string;
  readonly reason: string;
}
interface Pin extends Ending {
  readonly release: string;
}

interface WindowOptions {
  readonly set?: string;
  readonly default?: true;
  readonly duration?: number;
  readonly zone?: string;
  readonly ring?: Schedule['ring'];
  readonly reason?: string;
  readonly limit: number;
}

function windowCommand(group: Command, invocation: Invocation): void {
  const window = group
    .command('window')
    .argument('<practice>', which)
    .description('Show when a practice may be updated, or set it')
    .addOption(
      new Option(
        '--set <window>',
        '"Sundays 02:00", "first Sunday 02:00", "daily 03:00", or an RFC 5545 rule',
      )
        .argParser(ruleOf)
        .conflicts('default'),
    )
    .option('--default', "back to Sundays 02:00 for 4 h in the practice's zone")
    .addOption(
      new Option('--duration <time>', 'such as 4h or 90m (default: as it is)')
        .argParser(minutesOf)
        .conflicts('default'),
    )
    .addOption(new Option('--zone <name>', 'IANA time zone (default: as it is)').conflicts('default'))
    .addOption(
      new Option('--ring <ring>', 'who gets releases before whom').choices(scheduleSchema.shape.ring.options),
    )
    .option('--reason <text>', 'kept in the audit trail')
    .option('--limit <windows>', 'how many windows to come to show', wholeNumber(1, 100), 5)
    .addHelpText(
      'after',
      `
Examples:
  lumenality practice window sunrise-aba
  lumenality practice window sunrise-aba --set "Saturdays and Sundays 01:30" --duration 3h --ring early`,
    );
  act<WindowOptions>(window, invocation, showOrSetWindow);
}

async function showOrSetWindow(session: Session, options: WindowOptions, [text = '']: readonly string[]) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const path = `/v1/practices/${id}/schedule`;
  const { body: before, etag } = await api.getTagged(path, scheduleSchema);
  const body = changeOf(before, options);
  const schedule = body === undefined ? before : await api.put(path, scheduleSchema, { body, etag });
  const { windows } = await api.get(`/v1/practices/${id}/maintenance-windows`, upcomingWindowsSchema, {
    query: { limit: options.limit },
  });
  output.document({ ...schedule, windows });
  showSchedule(session, schedule);
  showWindows(session, schedule, windows);
  return undefined;
}

/** What the options make of the schedule; undefined when they change nothing of it. */
function changeOf({ window, ring }: Schedule, options: WindowOptions) {
  const { set, default: toDefault, duration, zone, ring: newRing, reason } = options;
  const changesWindow = (set ?? duration ?? zone) !== undefined;
  if (!changesWindow && toDefault === undefined && newRing === undefined) {
    if (reason === undefined) return undefined;
    throw commandError('usage', 'There is a --reason and nothing that it is for.', {
      hint: 'Give --set, --duration, --zone, --ring or --default.',
    });
  }
  const kept = {
    rule: set ?? window.rule,
    durationMinutes: duration ?? window.durationMinutes,
    timeZone: zone ?? window.timeZone,
  };
  return {
    window: toDefault === true ? null : kept,
    ring: newRing ?? ring,
    ...(reason === undefined ? {} : { reason }),
  };
}

/** Puts a pin or a deferral, or without a body takes it back. */
async function change(session: Session, text: string, what: 'pin' | 'deferral', body?: object) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const path = `/v1/practices/${id}/${what}`;
  const schedule =
    body === undefined
      ? await api.takeBack(path, scheduleSchema)
      : await api.put(path, scheduleSchema, { body });
  output.document(schedule);
  showSchedule(session, schedule);
  return undefined;
}

async function makeCalendar(
  { api, output, confirm, url }: Session,
  _options: object,
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(api, text);
  await confirm(`Make a new calendar address for ${id}? An older one stops at once.`);
  const { path, practiceId } = await api.post(`/v1/practices/${id}/calendar`, calendarAddressSchema, {});
  const address = `${url}${path}`;
  output.document({ practiceId, url: address });
  output.line(address);
  output.line('Whoever has this address can read the calendar; it is shown this once.');
  return undefined;
}

function showSchedule({ output }: Session, schedule: Schedule): void {
  const { practiceId, window, ring, pin, deferral, freezes, next } = schedule;
  const now = new Date();
  const local = (time: string) => `${localTime(time, window.timeZone)} (${relative(time, now)})`;
  output.line(
    fields(output, [
      ['Practice', practiceId],
      ['Window', `${window.inWords}; ${opens(next, now, local)}`],
      ['Rule', window.rule],
      ['Ring', ring],
      ['Pin', pin === null ? 'none' : `${pin.releaseId} until ${local(pin.until)}: ${clean(pin.reason)}`],
      ['Deferral', deferral === null ? 'none' : `until ${local(deferral.until)}: ${clean(deferral.reason)}`],
      ...freezes.map(
        (freeze) =>
          [
            'Freeze',
            `${freeze.practiceId === null ? 'of the fleet' : 'of the practice'} from ${local(freeze.from)} until ${local(freeze.until)}: ${clean(freeze.reason)}`,
          ] as const,
      ),
    ]),
  );
}

function opens(next: Schedule['next'], now: Date, local: (time: string) => string): string {
  if (next === null) return 'never: the practice is gone';
  const isOpen = Date.parse(next.startsAt) <= now.getTime();
  return isOpen ? `open until ${local(next.endsAt)}` : `next: ${local(next.startsAt)}`;
}

function showWindows({ output }: Session, { window }: Schedule, windows: UpcomingWindows['windows']): void {
  if (windows.length === 0) return;
  const rows = windows.map(({ startsAt, endsAt, heldBy }) => [
    localTime(startsAt, window.timeZone),
    localTime(endsAt, window.timeZone),
    startsAt,
    heldBy.join(', ') || '-',
  ]);
  output.line();
  output.line(table(output, ['OPENS', 'CLOSES', 'OPENS (UTC)', 'HELD BY'], rows));
}
