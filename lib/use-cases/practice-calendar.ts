import { appendAudit } from '../db/audit-store.ts';
import { findCalendar, putCalendar } from '../db/practice-calendar-store.ts';
import { lockPractice } from '../db/practice-store.ts';
import type { Actor } from '../domain/access.ts';
import { DomainError } from '../domain/errors.ts';
import { addressKeyHash, newAddressKey } from './address-key.ts';
import type { Core } from './core.ts';
import { readPractice } from './read-practices.ts';
import { notFound } from './refusals.ts';
import { readUpcomingWindows, type UpcomingWindow } from './schedules.ts';

const shownDays = 90;

/** The windows of the coming 90 days. */
export interface Calendar {
  readonly practiceId: string;
  readonly displayName: string;
  readonly inWords: string;
  readonly windows: readonly UpcomingWindow[];
}

/**
 * Gives a practice's calendar a new address; an older one stops at once. Whoever has the key can read the calendar, so it is answered
 * this once and kept as its SHA-256.
 * @throws DomainError `not_found`
 */
export function renewCalendar(
  core: Core,
  practiceId: string,
  actor: Actor,
): Promise<{ readonly key: string }> {
  const { key, keySha256 } = newAddressKey();
  return core.db.transaction().execute(async (trx) => {
    const practice = await lockPractice(trx, practiceId);
    if (practice === undefined) throw notFound('practice');
    const at = core.clock.now();
    const calendar = { practiceId, keySha256, createdBy: actor.name, createdAt: at };
    const replaced = await putCalendar(trx, calendar);
    const subject = { type: 'practice', id: practiceId };
    await appendAudit(trx, { actor, action: 'practice.calendar_made', subject, details: { replaced }, at });
    return { key };
  });
}

/** @throws DomainError `not_found`, the same for whatever is no key */
export async function readCalendar(core: Core, key: string): Promise<Calendar> {
  const practiceId = await findCalendar(core.db, addressKeyHash(key));
  if (practiceId === undefined) throw new DomainError('not_found', 'There is no such calendar.');
  const { display_name: displayName } = await readPractice(core, practiceId);
  const { inWords, windows } = await readUpcomingWindows(core, practiceId, shownDays + 1);
  const until = new Date(core.clock.now().getTime() + shownDays * 86_400_000);
  return { practiceId, displayName, inWords, windows: windows.filter(({ startsAt }) => startsAt < until) };
}
