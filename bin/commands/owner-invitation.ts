import type { Command } from 'commander';
import {
  changedOwnerInvitationSchema,
  type OwnerInvitation,
  ownerInvitationSchema,
} from '../../control-api/contracts/owner-invitation.ts';
import { findPractice } from './find.ts';
import { type Change, type FollowOptions, follow } from './follow.ts';
import { newOwnerToken, ownerLink, showingLinkAtEnd, tellOwnerLink } from './owner-link.ts';
import { act, type Invocation, type Session } from './session.ts';
import { fields } from './table.ts';
import { clean, relative } from './text.ts';
import { watched, watchRun } from './watch.ts';

const which = 'id or name, or a unique start of either';

interface Invite extends Change {
  readonly email?: string;
}

/** Who may become a practice's first owner. */
export function ownerInvitationCommands(group: Command, invocation: Invocation): void {
  const invite = watched(
    group
      .command('invite')
      .argument('<practice>', which)
      .description(
        "Invite the practice's first owner, or let an owner in again who lost access, by a new link in place of an earlier one",
      )
      .requiredOption('--reason <text>', 'kept in the audit trail')
      .option('--email <address>', "whom (default: the sign-up's contact)")
      .option('--wait', 'follow the run that takes the invitation to the app'),
  );
  act<Invite>(invite, invocation, inviteOwner);

  const show = group
    .command('invitation')
    .argument('<practice>', which)
    .description("Show who is invited to be the practice's first owner");
  act(show, invocation, async ({ api, output }, _options, [text = '']) => {
    const { id } = await findPractice(api, text);
    const invitation = await api.get(`/v1/practices/${id}/owner-invitation`, ownerInvitationSchema);
    output.document(invitation);
    showInvitation({ output }, invitation);
    return undefined;
  });

  const revoke = watched(
    group
      .command('revoke-invitation')
      .argument('<practice>', which)
      .description("Take the link of the practice's first owner back")
      .option('--wait', 'follow the run that tells the app'),
  );
  act<FollowOptions>(revoke, invocation, revokeInvitation);
}

async function inviteOwner(
  session: Session,
  { reason, email, wait, ...watching }: Invite,
  [text = '']: readonly string[],
) {
  const { api, output } = session;
  const practice = await findPractice(api, text);
  const token = newOwnerToken();
  const invitation = await api.post(
    `/v1/practices/${practice.id}/owner-invitation`,
    changedOwnerInvitationSchema,
    { body: { tokenSha256: token.tokenSha256, reason, ...(email === undefined ? {} : { email }) } },
  );
  const { runId } = invitation;
  const ownerInvitation = ownerLink(practice.url, invitation, token);
  const since = 'as soon as the run has succeeded';
  if (wait === true) {
    return showingLinkAtEnd(output, ownerInvitation, since, (beside) =>
      watchRun(session, runId, { ...watching, beside }),
    );
  }
  output.document({ ...invitation, ...ownerInvitation });
  output.line(`Invited ${clean(invitation.email)}. Follow the run with: npx lumenality run watch ${runId}`);
  tellOwnerLink(output, ownerInvitation, since);
  return undefined;
}

async function revokeInvitation(session: Session, options: FollowOptions, [text = '']: readonly string[]) {
  const { api, output, confirm } = session;
  const { id } = await findPractice(api, text);
  const path = `/v1/practices/${id}/owner-invitation`;
  const { email } = await api.get(path, ownerInvitationSchema);
  await confirm(`Take back the link with which ${clean(email)} may become the owner of ${id}?`);
  const answer = await api.takeBack(path, changedOwnerInvitationSchema);
  output.line(`Revoked. The app refuses the link as soon as run ${answer.runId} has succeeded.`);
  return follow(session, answer.runId, answer, options);
}

function showInvitation({ output }: Pick<Session, 'output'>, invitation: OwnerInvitation): void {
  const now = new Date();
  output.line(
    fields(output, [
      ['Practice', invitation.practiceId],
      ['Invited', invitation.email],
      ['State', invitation.state],
      ['Expires', `${invitation.expiresAt} (${relative(invitation.expiresAt, now)})`],
      ['By', `${clean(invitation.createdBy)}, ${relative(invitation.createdAt, now)}`],
    ]),
  );
  output.line(`\nNext, for a new link: npx lumenality practice invite ${invitation.practiceId} --reason "…"`);
}
