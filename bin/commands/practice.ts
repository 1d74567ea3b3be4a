import { type Command, Option } from 'commander';
import {
  evidencePageSchema,
  type Practice,
  practicePageSchema,
  practiceSchema,
} from '../../control-api/contracts/practices.ts';
import { practiceCostCommand } from './cost.ts';
import { practiceDriftCommand } from './drift.ts';
import { exitCodes } from './exit-codes.ts';
import { findPractice, latestRunOf } from './find.ts';
import { type ListingOptions, listing, pageRequest, sayMore } from './listing.ts';
import type { Output } from './output.ts';
import { ownerInvitationCommands } from './owner-invitation.ts';
import { practiceChangeCommands } from './practice-change.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { brief, relative } from './text.ts';
import { type WatchOptions, watched, watchRun } from './watch.ts';

const which = 'id or name, or a unique start of either';
export function practiceCommands(group: Command, invocation: Invocation): void {
  const list = listing(group.command('list').description('List practices, newest first')).addOption(
    new Option('--state <state>').choices(practiceSchema.shape.state.options),
  );
  act<ListingOptions & { state?: Practice['state'] }>(list, invocation, listPractices);

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

  const evidence = listing(
    group
      .command('evidence')
      .argument('<practice>', which)
      .description('Show what the verification read, and what it expected; exit code 1 if a check failed'),
  ).option('--full', 'also the safeguards and the AWS reads behind each check');
  act<ListingOptions & { full?: boolean }>(evidence, invocation, listEvidence);

  practiceChangeCommands(group, invocation);

  practiceCostCommand(group, invocation);
  ownerInvitationCommands(group, invocation);

  practiceDriftCommand(group, invocation);
}

async function listPractices(
  { api, output }: Session,
  options: ListingOptions & { readonly state?: Practice['state'] },
) {
  const page = await api.list('/v1/practices', practicePageSchema, pageRequest(options), {
    state: options.state,
  });
  output.document(page);
  if (page.items.length === 0) {
    output.line(
      options.state === undefined
        ? 'No practices yet. Approve a sign-up to make one: npx lumenality signup list --state requested'
        : `No practice is ${options.state}.`,
    );
    return undefined;
  }
  const now = new Date();
  output.line(
    table(
      output,
      ['PRACTICE', 'STATE', 'HEALTH', 'DISCIPLINES', 'RELEASE', 'CREATED'],
      page.items.map((practice) => [
        practice.id,
        painted(practice.state, output),
        painted(practice.health.status, output),
        practice.disciplines.join(', '),
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
      ['Address', practice.url],
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

function healthWords({ health: { status, checkedAt } }: Practice, now: Date): string {
  return checkedAt === null ? `${status}: not asked yet` : `${status}, asked ${relative(checkedAt, now)}`;
}

function nextStep({ id, state }: Practice): string | undefined {
  if (state === 'provisioning') return `npx lumenality practice watch ${id}`;
  if (state === 'provisioning_failed') return `npx lumenality run show ${id}, then run retry ${id} --wait`;
  return state === 'active' ? `npx lumenality practice evidence ${id}` : undefined;
}

async function listEvidence(
  { api, output }: Session,
  options: ListingOptions & { readonly full?: boolean },
  [text = '']: readonly string[],
) {
  const practice = await findPractice(api, text);
  const page = await api.list(
    `/v1/practices/${practice.id}/evidence`,
    evidencePageSchema,
    pageRequest(options),
  );
  output.document(page);
  const failed = page.items.filter(({ passed }) => !passed);
  if (page.items.length === 0) {
    output.line(`Nothing was verified yet. Practice ${practice.id} is ${practice.state}.`);
    output.line(`Next: npx lumenality practice watch ${practice.id}`);
    return undefined;
  }
  const now = new Date();
  const words = (text: string, passed: boolean) => (passed && !output.wide ? brief(text) : text);
  const head = [
    'CHECK',
    'EXPECTED',
    'OBSERVED',
    'OK',
    ...(options.full === true ? ['SAFEGUARDS', 'SOURCE', 'AT'] : []),
  ];
  output.line(
    table(
      output,
      head,
      page.items.map((row) => [
        row.check,
        words(row.expected, row.passed),
        words(row.observed, row.passed),
        verdict(row.passed, output),
        ...(options.full === true
          ? [row.safeguards.join(', '), row.source, relative(row.observedAt, now)]
          : []),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  const newest = page.items[0]?.observedAt ?? null;
  output.line(
    `\n${page.items.length - failed.length} of ${page.items.length} checks passed, ${relative(newest, now)}.`,
  );
  return failed.length > 0 ? exitCodes.failed : undefined;
}

const verdict = (passed: boolean, { colours }: Output): Cell =>
  passed ? { text: 'yes', paint: colours.green } : { text: 'NO', paint: colours.red };

function painted(state: string, { colours }: Output): Cell {
  if (state === 'active' || state === 'healthy') return { text: state, paint: colours.green };
  if (state.endsWith('failed') || state === 'unhealthy') return { text: state, paint: colours.red };
  return state;
}
