import type { Command } from 'commander';
import {
  type ShownChange,
  subscriptionChangeSchema,
} from '../../control-api/contracts/subscription-changes.ts';
import { type ShownSubscription, subscriptionSchema } from '../../control-api/contracts/subscriptions.ts';
import { dayBefore } from './day.ts';
import { findPractice } from './find.ts';
import { type Change, changing, follow } from './follow.ts';
import { wholeNumber } from './listing.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields } from './table.ts';

const which = 'id or name, or a unique start of either';
const dayText = 'such as 2027-03-15';

interface Because {
  readonly reason: string;
}

/** What plan administrators change in a subscription's life (docs/plans.md). */
export function subscriptionChangeCommands(group: Command, invocation: Invocation): void {
  termsCommands(group, invocation);
  extensionCommands(group, invocation);
  endCommands(group, invocation);
  paymentCommands(group, invocation);
}

/** A verb for one practice, with its reason. */
function verb(group: Command, name: string, description: string): Command {
  return group
    .command(name)
    .argument('<practice>', which)
    .description(description)
    .requiredOption('--reason <text>', 'kept in the audit trail');
}

function termsCommands(group: Command, invocation: Invocation): void {
  const quantities = verb(group, 'quantities', 'Change the number of clinicians or locations')
    .option('--clinicians <number>', 'how many there are from that day on', wholeNumber(1, 5_000))
    .option('--locations <number>', 'how many there are from that day on', wholeNumber(1, 1_000))
    .option('--from <day>', `${dayText} (default: today at the practice)`)
    .addHelpText(
      'after',
      `
Examples:
  lumenality subscription quantities sunrise-aba --clinicians 7 --from 2027-03-15 --reason "a clinician has joined"`,
    );
  act<Because & { clinicians?: number; locations?: number; from?: string }>(
    quantities,
    invocation,
    (session, options, [text = '']) => change(session, text, { path: 'quantities', body: options }),
  );

  const plan = verb(group, 'change-plan', 'Change the plan from the start of a period on')
    .requiredOption('--plan <id>', 'as `plan list` shows them')
    .option('--from <day>', `first day of a period, ${dayText} (default: of the next one)`)
    .option('--gives-up-lock', 'a lock that would hold on that day is given up for good')
    .addHelpText(
      'after',
      `
Examples:
  lumenality subscription change-plan sunrise-aba --plan standard --gives-up-lock --reason "asked for by the practice"`,
    );
  act<Because & { plan: string; from?: string; givesUpLock?: true }>(
    plan,
    invocation,
    (session, options, [text = '']) =>
      change(session, text, {
        path: 'plan',
        body: options,
        question: ({ practiceId, lockedUntil }) =>
          options.givesUpLock === true && lockedUntil !== null
            ? `Change ${practiceId} to the plan ${options.plan}? Its rate, locked to ${dayBefore(lockedUntil)}, is lost for good.`
            : `Change ${practiceId} to the plan ${options.plan}?`,
      }),
  );

  const keepPlan = group
    .command('keep-plan')
    .argument('<practice>', which)
    .description('Take a change of plan back that is still to come: lock and rates go on');
  act(keepPlan, invocation, (session, _options, [text = '']) => takeBack(session, text, 'plan'));
}

function extensionCommands(group: Command, invocation: Invocation): void {
  const trial = verb(group, 'extend-trial', 'Make the free period longer, while it lasts').requiredOption(
    '--days <number>',
    'more free days',
    wholeNumber(1, 365),
  );
  act<Because & { days: number }>(trial, invocation, (session, options, [text = '']) =>
    change(session, text, { path: 'trial-extension', body: options }),
  );

  const lock = verb(group, 'extend-lock', 'Lock the rate for longer').requiredOption(
    '--months <number>',
    'more calendar months',
    wholeNumber(1, 60),
  );
  act<Because & { months: number }>(lock, invocation, (session, options, [text = '']) =>
    change(session, text, { path: 'lock-extension', body: options }),
  );

  const transfer = verb(
    group,
    'transfer',
    'Hand the subscription to a new owner; a second person approves it',
  )
    .requiredOption('--legal-name <name>')
    .requiredOption('--npi <number>')
    .requiredOption('--contact-name <name>')
    .requiredOption('--contact-email <address>')
    .requiredOption('--contact-phone <number>', 'in E.164 form, such as +13125550143')
    .requiredOption('--accepted-by <name>', 'who accepted the business associate agreement for the new owner')
    .requiredOption('--agreement-version <version>', 'such as 2026-01')
    .option('--accepted-at <time>', 'RFC 3339 (default: now)');
  act<TransferOptions>(transfer, invocation, (session, options, [text = '']) =>
    change(session, text, { path: 'transfer', body: ownerOf(options) }),
  );
}

interface TransferOptions extends Because {
  readonly legalName: string;
  readonly npi: string;
  readonly contactName: string;
  readonly contactEmail: string;
  readonly contactPhone: string;
  readonly acceptedBy: string;
  readonly agreementVersion: string;
  readonly acceptedAt?: string;
}

const ownerOf = ({ legalName, npi, reason, ...options }: TransferOptions) => ({
  legalName,
  npi,
  contact: { name: options.contactName, email: options.contactEmail, phone: options.contactPhone },
  agreement: {
    acceptedBy: options.acceptedBy,
    acceptedAt: options.acceptedAt ?? new Date().toISOString(),
    version: options.agreementVersion,
  },
  reason,
});

function endCommands(group: Command, invocation: Invocation): void {
  const cancel = verb(group, 'cancel', 'End a subscription: nothing is charged from a day on; the silo stays')
    .option('--from <day>', `${dayText} (default: as soon as the notice of the terms allows)`)
    .option('--waive-notice', 'take a day before that');
  act<Because & { from?: string; waiveNotice?: true }>(cancel, invocation, (session, options, [text = '']) =>
    change(session, text, {
      path: 'cancellation',
      body: options,
      question: ({ practiceId }) => `Cancel the subscription of ${practiceId}?`,
    }),
  );

  const keep = group
    .command('keep')
    .argument('<practice>', which)
    .description('Take a cancellation back, until its day');
  act(keep, invocation, (session, _options, [text = '']) => takeBack(session, text, 'cancellation'));
}

async function takeBack(session: Session, text: string, what: 'plan' | 'cancellation'): Promise<undefined> {
  const { api, output } = session;
  const { id } = await findPractice(api, text);
  const answer = await api.takeBack(`/v1/practices/${id}/subscription/${what}`, subscriptionChangeSchema);
  output.document(answer);
  tell(session, answer);
  return undefined;
}

function paymentCommands(group: Command, invocation: Invocation): void {
  const pastDue = verb(group, 'past-due', 'Record that a payment is overdue; the practice is told').option(
    '--since <day>',
    `when it was due, ${dayText} (default: today at the practice)`,
  );
  act<Because & { since?: string }>(pastDue, invocation, (session, options, [text = '']) =>
    change(session, text, { path: 'past-due', body: options }),
  );

  const settled = verb(group, 'settled', 'Record that an overdue payment is settled');
  act<Because>(settled, invocation, (session, options, [text = '']) =>
    change(session, text, { path: 'settlement', body: options }),
  );

  const suspend = changing(
    group
      .command('suspend')
      .argument('<practice>', which)
      .description('Block access because a payment is overdue, 14 days after the practice was told')
      .option('--confirm <id>', 'the id of the practice once more, where there is no terminal to ask on'),
  );
  act<Change & { confirm?: string }>(suspend, invocation, suspendSubscription);

  const resume = changing(
    group
      .command('resume')
      .argument('<practice>', which)
      .description('Give access back; the payment stays overdue until it is `settled`'),
  );
  act<Change>(resume, invocation, async (session, { reason, ...watching }, [text = '']) => {
    const { id } = await findPractice(session.api, text);
    return runChange(session, id, { path: 'resumption', body: { reason } }, { reason, ...watching });
  });
}

async function suspendSubscription(
  session: Session,
  { confirm, ...options }: Change & { readonly confirm?: string },
  [text = '']: readonly string[],
) {
  const { id } = await findPractice(session.api, text);
  const question = `Suspend ${id}? Nobody there can read or write its health records until it is resumed.`;
  await session.confirmById(question, id, confirm);
  const { reason } = options;
  return runChange(session, id, { path: 'suspension', body: { reason, confirm: id } }, options);
}

interface Asked {
  readonly path: string;
  readonly body: object;
  /** What to ask before, by how the subscription stands. */
  readonly question?: (before: ShownSubscription) => string;
}

async function change(session: Session, text: string, asked: Asked): Promise<undefined> {
  const { id } = await findPractice(session.api, text);
  const answer = await sendChange(session, id, asked);
  session.output.document(answer);
  tell(session, answer);
  return undefined;
}

async function runChange(session: Session, id: string, asked: Asked, options: Change) {
  const answer = await sendChange(session, id, asked);
  tell(session, answer);
  return follow(session, answer.runId, answer, options);
}

/** Held to the revision that was read: whoever is asked decides on what is shown. */
async function sendChange(
  { api, confirm }: Session,
  id: string,
  { path, body, question }: Asked,
): Promise<ShownChange> {
  const url = `/v1/practices/${id}/subscription`;
  const { body: before, etag } = await api.getTagged(url, subscriptionSchema);
  if (question !== undefined) await confirm(question(before));
  return api.post(`${url}/${path}`, subscriptionChangeSchema, { body, etag });
}

function tell({ output }: Session, answer: ShownChange): void {
  const { practiceId, state, plan, chargedFrom, lockedUntil, endsOn, approvalId } = answer;
  if (approvalId !== null) {
    output.line('Nothing is changed yet: another plan administrator has to approve it within 14 days, by');
    output.line(`npx lumenality subscription approve ${approvalId}`);
    return;
  }
  const noLock = chargedFrom === null ? 'by its terms, from the activation on' : 'none';
  output.line(
    fields(output, [
      ['Practice', practiceId],
      ['State', state],
      ['Plan', `${plan.id} version ${plan.version}`],
      ['Charged from', chargedFrom ?? 'after the activation and its free period'],
      ['Lock', lockedUntil === null ? noLock : `to ${dayBefore(lockedUntil)}`],
      ['Ends', endsOn === null ? 'no' : `after ${dayBefore(endsOn)}`],
    ]),
  );
}
