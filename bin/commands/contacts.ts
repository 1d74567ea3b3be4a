import type { Command } from 'commander';
import { type Contacts, contactsSchema } from '../../control-api/contracts/notices.ts';
import { commandError } from './command-error.ts';
import { findPractice } from './find.ts';
import { act, type Invocation, type Session } from './session.ts';
import { table } from './table.ts';

interface ContactOptions {
  readonly add?: string;
  readonly notices?: readonly string[];
  readonly remove?: string;
}

/** `lumenality practice contacts`. */
export function practiceContactsCommand(group: Command, invocation: Invocation): void {
  const command = group
    .command('contacts')
    .argument('<practice>', 'id or name, or a unique start of either')
    .description('Show or change who of a practice gets mails about what')
    .option('--add <contact>', '"Name <address>", added or put in the place of the one with this address')
    .option('--notices <list>', 'with --add: kinds, comma-separated (default: all)', (text: string) =>
      text.split(',').map((each) => each.trim()),
    )
    .option('--remove <address>', 'told nothing more')
    .addHelpText(
      'after',
      '\nExample:\n  lumenality practice contacts sunrise-aba --add "Dana Reyes <dana@example.com>" --notices update_scheduled,update_failed',
    );
  act<ContactOptions>(command, invocation, async (session, options, [text = '']) => {
    const { api } = session;
    const { id } = await findPractice(api, text);
    const path = `/v1/practices/${id}/contacts`;
    const { body: before, etag } = await api.getTagged(path, contactsSchema);
    const contacts = changed(before, options);
    show(
      session,
      contacts === undefined ? before : await api.put(path, contactsSchema, { body: { contacts }, etag }),
    );
    return undefined;
  });
}

/** The list as it is to be; undefined when nothing was asked for. */
function changed({ contacts }: Contacts, { add, remove, notices }: ContactOptions) {
  if (notices !== undefined && add === undefined) {
    throw commandError('usage', '--notices says what a contact is told that --add names.');
  }
  if (add === undefined && remove === undefined) return undefined;
  if (remove !== undefined && !contacts.some(({ email }) => email === remove)) {
    throw commandError('not_found', `${remove} is no contact of this practice.`);
  }
  const added = add === undefined ? undefined : { ...contactOf(add), notices: notices ?? everything };
  const gone = new Set([remove, added?.email]);
  const kept = contacts.filter(({ email }) => !gone.has(email));
  return added === undefined ? kept : [...kept, added];
}

const everything = contactsSchema.shape.contacts.element.shape.notices.element.options;

function contactOf(text: string): { name: string; email: string } {
  const [, name = '', email = ''] = /^\s*([^<>]+?)\s*<([^<>\s]+)>\s*$/.exec(text) ?? [];
  if (name !== '') return { name, email };
  throw commandError('usage', `--add takes "Name <address>", not ${text}.`);
}

function show({ output }: Session, answer: Contacts): void {
  output.document(answer);
  if (answer.contacts.length === 0) {
    output.line(`Nobody of ${answer.practiceId} is told anything.`);
    return;
  }
  output.line(
    table(
      output,
      ['NAME', 'ADDRESS', 'IS TOLD'],
      answer.contacts.map(({ name, email, notices }) => [name, email, notices.join(', ') || 'nothing']),
    ),
  );
  if (!answer.chosen) output.line("\nNobody has chosen contacts: this is the sign-up's.");
}
