import { type Command, Option } from 'commander';
import { practiceSchema } from '../../control-api/contracts/practices.ts';
import {
  approvalSchema,
  type SignUp,
  signUpPageSchema,
  signUpReceiptSchema,
  signUpSchema,
} from '../../control-api/contracts/sign-ups.ts';
import { commandError } from './command-error.ts';
import { findSignUp } from './find.ts';
import { type Change, follow } from './follow.ts';
import { overlaid, readJsonObject } from './json-input.ts';
import { type ListingOptions, listing, pageRequest, sayMore, shownIds, wholeNumber } from './listing.ts';
import { newOwnerToken, ownerLink, showingLinkAtEnd, tellOwnerLink } from './owner-link.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields, table } from './table.ts';
import { clean, relative } from './text.ts';
import { watched, watchRun } from './watch.ts';

interface SubmitOptions {
  readonly file?: string;
  readonly legalName?: string;
  readonly displayName?: string;
  readonly disciplines?: string[];
  readonly npi?: string;
  readonly contactName?: string;
  readonly contactEmail?: string;
  readonly contactPhone?: string;
  readonly usState?: string;
  readonly timeZone?: string;
  readonly clinicianCount?: number;
  readonly plan?: string;
  readonly agreementAcceptedBy?: string;
  readonly agreementAcceptedAt?: string;
  readonly agreementVersion?: string;
}

interface Approve extends Change {
  readonly plan?: string;
  readonly locations?: number;
  readonly invitation: boolean;
}

const which = 'id or name, or a unique start of either';

export function signUpCommands(group: Command, invocation: Invocation): void {
  const submit = group
    .command('submit')
    .description('Sign a practice up: from a file, from flags, or a file with flags on top')
    .option('--file <path>', 'JSON as POST /v1/signups takes it; - for stdin')
    .option('--legal-name <name>')
    .option('--display-name <name>', 'what people call the practice; its id is made from it')
    .option('--disciplines <list>', 'aba, speech, occupational, physical, behavioral_health', (list) =>
      list.split(',').map((each) => each.trim()),
    )
    .option('--npi <number>', 'National Provider Identifier, 10 digits')
    .option('--contact-name <name>')
    .option('--contact-email <address>')
    .option('--contact-phone <number>', 'in E.164 form, such as +13125550143')
    .option('--us-state <code>', 'two letters')
    .option('--time-zone <zone>', 'IANA name, such as America/Chicago')
    .option('--clinician-count <number>', '', wholeNumber(0, 1_000_000))
    .option('--plan <id>', 'see `lumenality plan list`')
    .option('--agreement-accepted-by <name>', 'who accepted the business associate agreement')
    .option('--agreement-accepted-at <time>', 'RFC 3339 (default: now, when accepted by is given)')
    .option('--agreement-version <version>', 'such as 2026-01');
  act<SubmitOptions>(submit, invocation, submitSignUp);

  const list = listing(group.command('list').description('List sign-ups, newest first')).addOption(
    new Option('--state <state>').choices(signUpSchema.shape.state.options),
  );
  act<ListingOptions & { state?: SignUp['state'] }>(list, invocation, listSignUps);

  const show = group.command('show').argument('<sign-up>', which).description('Show one sign-up');
  act(show, invocation, async (session, _options, [text = '']) => {
    const { body } = await findSignUp(session.api, text);
    showSignUp(session, body);
    return undefined;
  });

  const agree = group
    .command('agree')
    .argument('<sign-up>', which)
    .description('Record that the practice accepted the business associate agreement')
    .requiredOption('--accepted-by <name>')
    .requiredOption('--agreement-version <version>', 'such as 2026-01')
    .option('--accepted-at <time>', 'RFC 3339 (default: now)');
  act<{ acceptedBy: string; agreementVersion: string; acceptedAt?: string }>(
    agree,
    invocation,
    async ({ api, output }, { acceptedBy, agreementVersion, acceptedAt }, [text = '']) => {
      const { body: signUp, etag } = await findSignUp(api, text);
      const changed = await api.put(`/v1/signups/${signUp.id}/agreement`, signUpSchema, {
        etag,
        body: { acceptedBy, acceptedAt: acceptedAt ?? new Date().toISOString(), version: agreementVersion },
      });
      output.document(changed);
      output.line(`Recorded: ${acceptedBy} accepted agreement ${agreementVersion}.`);
      output.line(`Next: npx lumenality signup approve ${signUp.id} --reason "…" --wait`);
      return undefined;
    },
  );

  const approve = watched(
    group
      .command('approve')
      .argument('<sign-up>', which)
      .description('Approve a sign-up, which starts provisioning')
      .requiredOption('--reason <text>', 'kept in the audit trail')
      .option('--plan <id>', "another plan than the sign-up's, where that is full")
      .option('--locations <number>', 'how many the practice has (default: 1)', wholeNumber(1, 1_000))
      .option('--no-invitation', "do not invite the sign-up's contact to be the practice's first owner")
      .option('--wait', 'follow the run to its end'),
  );
  act<Approve>(approve, invocation, approveSignUp);

  const reject = group
    .command('reject')
    .argument('<sign-up>', which)
    .description('Reject a sign-up')
    .requiredOption('--reason <text>', 'kept in the audit trail');
  act<{ reason: string }>(reject, invocation, async ({ api, output, confirm }, { reason }, [text = '']) => {
    const { body: signUp, etag } = await findSignUp(api, text);
    await confirm(`Reject the sign-up of ${clean(signUp.displayName)} for good?`);
    const rejected = await api.post(`/v1/signups/${signUp.id}/reject`, signUpSchema, {
      etag,
      body: { reason },
    });
    output.document(rejected);
    output.line(`Rejected ${clean(signUp.displayName)}. Its NPI may sign up again.`);
    return undefined;
  });
}

async function submitSignUp({ api, output, world }: Session, options: SubmitOptions) {
  const body = withFlags(
    options.file === undefined ? {} : await readJsonObject(options.file, world),
    options,
  );
  if (Object.keys(body).length === 0) {
    throw commandError(
      'usage',
      'There is nothing to submit: give --file practice.json, or a flag for each field.',
      {
        hint: 'See `npx lumenality signup submit --help`.',
      },
    );
  }
  const receipt = await api.post('/v1/signups', signUpReceiptSchema, { body, authenticate: false });
  output.document(receipt);
  output.line(`Signed up ${clean(receipt.displayName)}: ${receipt.id} is ${receipt.state}.`);
  output.line(
    'agreement' in body
      ? `Next: npx lumenality signup approve ${receipt.id} --reason "…" --wait`
      : `Next: npx lumenality signup agree ${receipt.id} --accepted-by "…" --agreement-version …`,
  );
  return undefined;
}

/** The request with the flags' values put over those of the file; nothing is judged here, the control plane does. */
function withFlags(base: Readonly<Record<string, unknown>>, options: SubmitOptions) {
  const acceptedAt =
    options.agreementAcceptedAt ??
    (options.agreementAcceptedBy === undefined ? undefined : new Date().toISOString());
  return overlaid(base, {
    legalName: options.legalName,
    displayName: options.displayName,
    disciplines: options.disciplines,
    npi: options.npi,
    usState: options.usState,
    timeZone: options.timeZone,
    clinicianCount: options.clinicianCount,
    plan: options.plan,
    contact: { name: options.contactName, email: options.contactEmail, phone: options.contactPhone },
    agreement: { acceptedBy: options.agreementAcceptedBy, acceptedAt, version: options.agreementVersion },
  });
}

async function listSignUps(
  { api, output }: Session,
  options: ListingOptions & { readonly state?: SignUp['state'] },
) {
  const page = await api.list('/v1/signups', signUpPageSchema, pageRequest(options), {
    state: options.state,
  });
  output.document(page);
  if (page.items.length === 0) {
    output.line(
      options.state === undefined
        ? 'No sign-ups yet. Submit one with: npx lumenality signup submit --file practice.json'
        : `No sign-up is ${options.state}.`,
    );
    return undefined;
  }
  const shown = shownIds(output, page.items);
  const now = new Date();
  output.line(
    table(
      output,
      ['ID', 'NAME', 'DISCIPLINES', 'STATE', 'AGREEMENT', 'SIGNED UP'],
      page.items.map((signUp) => [
        shown(signUp.id),
        signUp.displayName,
        signUp.disciplines.join(', '),
        signUp.state,
        signUp.agreement === null ? 'missing' : signUp.agreement.version,
        relative(signUp.createdAt, now),
      ]),
    ),
  );
  sayMore(output, page.nextCursor);
  return undefined;
}

function showSignUp({ output }: Session, signUp: SignUp): void {
  const { agreement, contact, decision } = signUp;
  output.document(signUp);
  output.line(
    fields(output, [
      ['Sign-up', signUp.id],
      ['State', signUp.state],
      ['Display name', signUp.displayName],
      ['Legal name', signUp.legalName],
      ['Disciplines', signUp.disciplines.join(', ')],
      ['NPI', signUp.npi],
      ['Contact', `${contact.name}, ${contact.email}, ${contact.phone}`],
      ['Where', `${signUp.usState}, ${signUp.timeZone}`],
      ['Clinicians', String(signUp.clinicianCount)],
      ['Plan', signUp.plan],
      [
        'Agreement',
        agreement === null
          ? 'not accepted yet'
          : `${agreement.version}, accepted by ${agreement.acceptedBy} at ${agreement.acceptedAt}`,
      ],
      ['Decision', decision === null ? '-' : `by ${decision.by} at ${decision.at}: ${decision.reason}`],
      ['Practice', signUp.practiceId ?? '-'],
      ['Signed up', signUp.createdAt],
    ]),
  );
  if (signUp.state !== 'requested') return;
  output.line(
    agreement === null
      ? `\nNext: npx lumenality signup agree ${signUp.id} --accepted-by "…" --agreement-version …`
      : `\nNext: npx lumenality signup approve ${signUp.id} --reason "…" --wait`,
  );
}

async function approveSignUp(
  session: Session,
  { reason, plan, locations, invitation, wait, ...watching }: Approve,
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const { body: signUp, etag } = await findSignUp(api, text);
  const token = invitation ? newOwnerToken() : undefined;
  const approval = await api.post(`/v1/signups/${signUp.id}/approve`, approvalSchema, {
    etag,
    body: {
      reason,
      ...(plan === undefined ? {} : { plan }),
      ...(locations === undefined ? {} : { locations }),
      ...(token === undefined ? {} : { ownerInvitation: { tokenSha256: token.tokenSha256 } }),
    },
  });
  const { practiceId, runId, cellId, waitingFor } = approval;
  if (waitingFor === null) {
    output.line(
      `Approved ${clean(signUp.displayName)}: it is being provisioned as practice ${practiceId} in cell ${cellId}.`,
    );
  } else {
    output.line(
      `Approved ${clean(signUp.displayName)} as practice ${practiceId}, which waits: ${clean(waitingFor)}`,
    );
    output.line('It goes on by itself when a cell has room, in the order of approvals.');
  }
  if (token === undefined || approval.ownerInvitation === null) {
    return follow(session, runId, approval, { ...watching, wait });
  }
  const practice = await api.get(`/v1/practices/${practiceId}`, practiceSchema);
  const ownerInvitation = ownerLink(practice.url, approval.ownerInvitation, token);
  const since = 'once the practice is active';
  if (wait === true) {
    return showingLinkAtEnd(output, ownerInvitation, since, (beside) =>
      watchRun(session, runId, { ...watching, beside }),
    );
  }
  output.document({ ...approval, ownerInvitation: { ...approval.ownerInvitation, ...ownerInvitation } });
  output.line(`Follow it with: npx lumenality run watch ${runId}`);
  tellOwnerLink(output, ownerInvitation, since);
  return undefined;
}
