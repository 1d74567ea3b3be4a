import { appendAudit } from '../db/audit-store.ts';
import { cancelDeliveries } from '../db/notice-delivery-store.ts';
import {
  type PracticeContact,
  type PracticeContacts,
  putContacts,
  readContacts as readRows,
} from '../db/practice-contact-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import type { Core } from './core.ts';
import { notFound, requireRevision } from './refusals.ts';

export type { PracticeContact, PracticeContacts };

/** Who of a practice is told what. @throws DomainError `not_found` */
export async function readContacts(core: Core, practiceId: string): Promise<PracticeContacts> {
  const contacts = await readRows(core.db, practiceId);
  if (contacts === undefined) throw notFound('practice');
  return contacts;
}

/**
 * Replaces a practice's contacts. Whoever is no contact any more gets none of the mails that are still to be sent.
 * @throws DomainError `not_found`; `precondition_failed`; `invalid_input` for an address that is there twice.
 */
export function changeContacts(
  core: Core,
  change: {
    readonly practiceId: string;
    readonly contacts: readonly PracticeContact[];
    readonly revision?: readonly number[] | undefined;
  },
  actor: Actor,
): Promise<PracticeContacts> {
  const { practiceId, contacts } = change;
  requireDifferentAddresses(contacts);
  return core.db.transaction().execute(async (trx) => {
    // Two who change contacts at once, the first time too, take turns.
    if ((await lockPractice(trx, practiceId)) === undefined) throw notFound('practice');
    const before = await readRows(trx, practiceId);
    if (before === undefined) throw notFound('practice');
    requireRevision(before.revision, change.revision);
    const at = core.clock.now();
    const after = { contacts, revision: before.revision + 1 };
    await putContacts(trx, practiceId, after, at);
    const left = before.contacts.filter(({ email }) => !contacts.some((contact) => contact.email === email));
    if (left.length > 0) {
      const addresses = left.map(({ email }) => email);
      await cancelDeliveries(trx, { practiceId, addresses }, at);
    }
    await appendAudit(trx, {
      actor,
      action: 'practice.contacts_changed',
      subject: { type: 'practice', id: practiceId },
      details: { from: before.contacts, to: contacts },
      at,
    });
    return after;
  });
}

/** Nobody is told everything twice. */
function requireDifferentAddresses(contacts: readonly PracticeContact[]): void {
  const fields = contacts.flatMap(({ email }, place) =>
    contacts.findIndex((other) => other.email === email) === place
      ? []
      : [{ pointer: `/contacts/${place}/email`, message: 'is there twice' }],
  );
  if (fields.length === 0) return;
  throw new DomainError('invalid_input', 'Each address may be there once.', { fields });
}
