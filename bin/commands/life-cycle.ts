import type { Command } from 'commander';
import {
  accessChangeSchema,
  type Offboarding,
  offboardingSchema,
} from '../../control-api/contracts/life-cycle.ts';
import { findPractice } from './find.ts';
import { type Change, changing, follow } from './follow.ts';
import { wholeNumber } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { type Cell, fields, table } from './table.ts';
import { clean, relative } from './text.ts';

const which = 'id or name, or a unique start of either';

interface Terms {
  readonly confirm?: string;
  readonly graceDays?: number;
  readonly retentionDays?: number;
  readonly exception?: string;
}

/** A practice's access, and its exit (docs/life-cycle.md). */
export function lifeCycleCommands(group: Command, invocation: Invocation): void {
  const suspend = changing(
    group
      .command('suspend')
      .argument('<practice>', which)
      .description('Block access to a practice; everything it has is kept, and charges go on')
      .addHelpText(
        'after',
        `
Charges stop only where access is blocked for an overdue payment: lumenality subscription suspend
For days without access for another reason, give a credit: lumenality subscription credit`,
      ),
  );
  act<Change>(suspend, invocation, suspendPractice);

  const resume = changing(
    group
      .command('resume')
      .argument('<practice>', which)
      .description('Let a suspended practice in again, verified as at its activation')
      .option('--release <id>', 'bring it to this release first (default: the one that it has)'),
  );
  act<Change & { release?: string }>(resume, invocation, resumePractice);

  const offboard = changing(
    group
      .command('offboard')
      .argument('<practice>', which)
      .description("Begin a practice's exit: access is closed, and the clock of the grace period starts")
      .option('--confirm <id>', 'the id of the practice once more, where there is no terminal to ask on')
      .option('--grace-days <days>', 'before the infrastructure is removed (default: 30)', days)
      .option('--retention-days <days>', 'how long the final snapshot is kept (default: 2557, 7 years)', days)
      .option('--exception <text>', 'why less than 7 days of grace or 2190 of retention are enough'),
  );
  act<Change & Terms>(offboard, invocation, offboardPractice);

  const show = group
    .command('offboarding')
    .argument('<practice>', which)
    .description("Show the stages of a practice's exit and until when each can be taken back");
  act(show, invocation, async (session, _options, [text = '']) => {
    const { id } = await findPractice(session.api, text);
    const offboarding = await session.api.get(`/v1/practices/${id}/offboarding`, offboardingSchema);
    session.output.document(offboarding);
    showOffboarding(session, offboarding);
    return undefined;
  });

  const cancel = changing(
    group
      .command('cancel-offboarding')
      .argument('<practice>', which)
      .description("Take a practice's exit back, as far as that is possible")
      .option(
        '--retention-days <days>',
        "while its key's deletion is pending: how long to keep it (default: 365)",
        days,
      ),
  );
  act<Change & { retentionDays?: number }>(cancel, invocation, cancelOffboarding);
}

const days = wholeNumber(0, 36_525);

async function suspendPractice(session: Session, change: Change, [text = '']: readonly string[]) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const body = { reason: change.reason };
  const answer = await api.post(`/v1/practices/${id}/suspend`, accessChangeSchema, { body });
  output.line(`The access to ${id} is being closed. It is suspended once its entrance was read as closed.`);
  return follow(session, answer.runId, answer, change);
}

async function resumePractice(
  session: Session,
  { release, ...change }: Change & { readonly release?: string },
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const body = { reason: change.reason, ...(release === undefined ? {} : { releaseId: release }) };
  const answer = await api.post(`/v1/practices/${id}/resume`, accessChangeSchema, { body });
  output.line(`Practice ${id} is being brought back. It is active once its silo was verified.`);
  return follow(session, answer.runId, answer, change);
}

async function offboardPractice(
  session: Session,
  { confirm, graceDays, retentionDays, exception, ...change }: Change & Terms,
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const { id, displayName } = await findPractice(api, text);
  const question = `Offboard ${clean(displayName)} (${id})? It ends with the loss of all its data.`;
  await session.confirmById(question, id, confirm);
  const body = {
    reason: change.reason,
    confirm: id,
    ...(graceDays === undefined ? {} : { graceDays }),
    ...(retentionDays === undefined ? {} : { retentionDays }),
    ...(exception === undefined ? {} : { exception }),
  };
  const offboarding = await api.post(`/v1/practices/${id}/offboard`, offboardingSchema, { body });
  output.line(
    `The exit of ${id} has begun: its access is being closed, then ${offboarding.graceDays} days of grace begin.`,
  );
  output.line(`Take it back with: npx lumenality practice cancel-offboarding ${id} --reason "…"`);
  return follow(session, offboarding.runId, offboarding, change);
}

async function cancelOffboarding(
  session: Session,
  { retentionDays, ...change }: Change & { readonly retentionDays?: number },
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const body = { reason: change.reason, ...(retentionDays === undefined ? {} : { retentionDays }) };
  const path = `/v1/practices/${id}/offboarding/cancel`;
  const offboarding = await api.post(path, offboardingSchema, { body });
  output.line(takenBack(offboarding));
  return follow(session, offboarding.runId, offboarding, change);
}

function takenBack({ practiceId: id, runId, stage, cameFrom }: Offboarding): string {
  if (runId === null) return `The exit of ${id} was taken back: it is ${cameFrom} again.`;
  return stage === 'cancelling'
    ? `The exit of ${id} is being taken back: its access is opened and verified.`
    : `The key of ${id} is being kept.`;
}

/** What is waited for, or was done, in each stage. */
const doings: Readonly<Record<string, string>> = {
  grace: 'access is closed; nothing else happens',
  deprovisioning: 'final snapshot, then the infrastructure is removed',
  retention: 'final snapshot and key are kept',
  key_deletion_pending: 'the key is about to be destroyed',
  shredded: 'the key is destroyed; what is left is unreadable and deleted',
};

function showOffboarding({ output }: Session, offboarding: Offboarding): void {
  const now = new Date();
  const { colours } = output;
  output.line(
    fields(output, [
      ['Practice', offboarding.practiceId],
      ['Stage', offboarding.stage],
      ['Was', offboarding.cameFrom],
      ['Asked for', `by ${offboarding.requestedBy}, ${offboarding.requestedAt}`],
      ['Reason', offboarding.reason],
      ['Terms', `${offboarding.graceDays} days of grace, ${offboarding.retentionDays} days of retention`],
      ...(offboarding.exception === null ? [] : [['Exception', offboarding.exception] as const]),
      ...(offboarding.runId === null ? [] : [['Run', offboarding.runId] as const]),
      ...snapshotFields(offboarding),
    ]),
  );
  if (offboarding.stage === 'cancelled') {
    const why = offboarding.cancelReason === null ? '' : `: ${clean(offboarding.cancelReason)}`;
    const by = offboarding.cancelledBy === null ? '' : ` by ${clean(offboarding.cancelledBy)}`;
    output.line(`\nTaken back${by}, ${offboarding.cancelledAt}${why}`);
    return;
  }
  output.line();
  output.line(
    table(
      output,
      ['STAGE', 'STATE', 'BEGINS', 'CAN BE TAKEN BACK UNTIL', 'WHAT HAPPENS'],
      offboarding.stages.map(({ stage, state, beginsAt, canBeTakenBackUntil }): Cell[] => [
        stage,
        state === 'current' ? { text: state, paint: colours.bold } : state,
        beginsAt === null ? '-' : `${minute(beginsAt)} (${relative(beginsAt, now)})`,
        canBeTakenBackUntil === null ? '-' : minute(canBeTakenBackUntil),
        doings[stage] ?? '',
      ]),
    ),
  );
  for (const { type, id } of offboarding.kept) output.line(`kept: ${clean(type)} ${clean(id)}`);
  const next = nextStep(offboarding);
  if (next !== undefined) output.line(`\nNext: ${next}`);
}

function snapshotFields({ finalSnapshot, keyArn }: Offboarding): (readonly [string, string])[] {
  return [
    ...(finalSnapshot === null
      ? []
      : [
          ['Final snapshot', finalSnapshot.arn] as const,
          [
            'Holds',
            `${finalSnapshot.allocatedGib} GiB, PostgreSQL ${finalSnapshot.engineVersion}, taken ${finalSnapshot.createdAt}`,
          ] as const,
        ]),
    ...(keyArn === null ? [] : [['Key', keyArn] as const]),
  ];
}

const minute = (time: string): string => `${time.slice(0, 16).replace('T', ' ')}Z`;

function nextStep({ practiceId, runId, canBeTakenBack }: Offboarding): string | undefined {
  if (runId !== null) return `npx lumenality run watch ${runId}`;
  return canBeTakenBack
    ? `npx lumenality practice cancel-offboarding ${practiceId} --reason "…", to take it back`
    : undefined;
}
