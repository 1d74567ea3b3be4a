import { type Command, Option } from 'commander';
import { type Practice, practicePageSchema, practiceSchema } from '../../control-api/contracts/practices.ts';
import { practiceContactsCommand } from './contacts.ts';
import { practiceCostCommand } from './cost.ts';
import { practiceDriftCommand } from './drift.ts';
import { practiceEvidenceCommand } from './evidence.ts';
import { findPractice, latestRunOf } from './find.ts';
import { lifeCycleCommands } from './life-cycle.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import type { Output } from './output.ts';
import { ownerInvitationCommands } from './owner-invitation.ts';
import { practiceChangeCommands } from './practice-change.ts';
import { scheduleCommands } from './schedule.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { relative } from './text.ts';
import { type WatchOptions, watched, watchRun } from './watch.ts';

const which = 'id or name, or a unique start of either';

type PracticeListing = ListingOptions & { readonly state?: Practice['state']; readonly cell?: string };

export function practiceCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List practices, newest first'))
    .addOption(new Option('--state <state>').choices(practiceSchema.shape.state.options))
    .option('--cell <cell>', 'only those in this cell');
  act<PracticeListing>(list, invocation, listPractices);

  const show = group
    .command('show')
    .argument('<practice>', which)
    .description('Show one practice and its silo');
  act(show, invocation, async (session, _options, [text = '']) => {
    showPractice(session, await findPractice(session.api, text));
    return undefined;
  });

  const watch = watched(
    group
      .command('watch')
      .argument('<practice>', which)
      .description("Follow a practice's newest run to its end"),
  );
  act<WatchOptions>(watch, invocation, async (session, watching, [text = '']) =>
    watchRun(session, latestRunOf(await findPractice(session.api, text)), watching),
  );

  practiceEvidenceCommand(group, invocation);

  practiceChangeCommands(group, invocation);
  lifeCycleCommands(group, invocation);
  scheduleCommands(group, invocation);

  practiceCostCommand(group, invocation);
  ownerInvitationCommands(group, invocation);
  practiceContactsCommand(group, invocation);

  practiceDriftCommand(group, invocation);
}

async function listPractices({ api, output }: Session, options: PracticeListing) {
  const page = await api.list('/v1/practices', practicePageSchema, pageRequest(options), {
    state: options.state,
    cell: options.cell,
  });
  output.document(page);
  if (page.items.length === 0) {
    output.line(
      options.state === undefined && options.cell === undefined
        ? 'No practices yet. Approve a sign-up to make one: npx lumenality signup list --state requested'
        : `No practice is ${[options.state, options.cell && `in cell ${options.cell}`].filter(Boolean).join(' and ')}.`,
    );
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['PRACTICE', 'STATE', 'HEALTH', 'CELL', 'RELEASE', 'CREATED'],
      page.items.map((practice) => [
        practice.id,
        painted(practice.state, output),
        painted(practice.health.status, output),
        practice.cell ?? '-',
        practice.releaseId ?? '-',
        relative(practice.createdAt, now),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function showPractice({ output }: Session, practice: Practice): void {
  const now = new Date();
  output.document(practice);
  output.line(
    fields(output, [
      ['Practice', practice.id],
      ['Display name', practice.displayName],
      ['State', painted(practice.state, output)],
      ['Health', healthWords(practice, now)],
      ['Cell', practice.cell ?? '-'],
      ...(practice.waitingFor === null ? [] : [['Waits because', practice.waitingFor] as const]),
      ['Address', practice.url ?? '-'],
      ['Disciplines', practice.disciplines.join(', ')],
      ['Where', `${practice.usState}, ${practice.timeZone}`],
      ['Plan', `${practice.plan.id}, version ${practice.plan.version} (${practice.shape})`],
      ['Release', practice.releaseId ?? 'none verified yet'],
      ['Newest run', practice.latestRunId ?? '-'],
      ['Created', practice.createdAt],
      ['Activated', practice.activatedAt ?? '-'],
    ]),
  );
  if (practice.observed.length > 0) {
    output.line();
    output.line(
      table(
        output,
        ['STACK', 'OBSERVED STATUS', 'OBSERVED'],
        practice.observed.map((stack) => [stack.stackName, stack.status, relative(stack.observedAt, now)]),
      ),
    );
  }
  const next = nextStep(practice);
  if (next !== undefined) output.line(`\nNext: ${next}`);
}

function healthWords({ state, health: { status, checkedAt } }: Practice, now: Date): string {
  if (isClosed(state)) return `${status}: not asked while its access is closed`;
  return checkedAt === null ? `${status}: not asked yet` : `${status}, asked ${relative(checkedAt, now)}`;
}

const isClosed = (state: Practice['state']): boolean =>
  state === 'suspended' || state === 'offboarding' || state === 'deprovisioned';

function nextStep({ id, state }: Practice): string | undefined {
  if (state === 'waiting') return 'npx lumenality cell list';
  if (state === 'provisioning') return `npx lumenality practice watch ${id}`;
  if (state === 'provisioning_failed') return `npx lumenality run show ${id}, then run retry ${id} --wait`;
  if (state === 'suspended') return `npx lumenality practice resume ${id} --reason "…" --wait`;
  if (state === 'offboarding' || state === 'deprovisioned')
    return `npx lumenality practice offboarding ${id}`;
  return state === 'active' ? `npx lumenality practice evidence ${id}` : undefined;
}

function painted(state: string, { colours }: Output): Cell {
  if (state === 'active' || state === 'healthy') return { text: state, paint: colours.green };
  if (state.endsWith('failed') || state === 'unhealthy') return { text: state, paint: colours.red };
  return state;
}
