import { createHash } from 'node:crypto';
import ical, { ICalEventTransparency } from 'ical-generator';
import type { Calendar } from '../lib/use-cases/practice-calendar.ts';

/** How often calendar programs may come back, in seconds. */
export const calendarMaxAge = 3_600;

/**
 * A practice's windows as an iCalendar document (RFC 5545). An event's UID is made of practice and time, so a window that stays is the
 * same event in every edition.
 */
export function toICalendar({ practiceId, displayName, inWords, windows }: Calendar, now: Date): string {
  const calendar = ical({
    name: escaped(`Lumenality updates of ${displayName}`),
    description: escaped(`When ${displayName} may be updated: ${inWords}.`),
    prodId: { company: 'Lumenality', product: 'control plane', language: 'EN' },
    ttl: calendarMaxAge,
  });
  for (const { startsAt, endsAt, heldBy } of windows) {
    calendar.createEvent({
      id: `${startsAt.toISOString()}.${practiceId}@lumenality`,
      stamp: now,
      start: startsAt,
      end: endsAt,
      summary: heldBy.length === 0 ? 'Updates may be installed' : `No updates planned (${heldBy.join(', ')})`,
      description:
        heldBy.length === 0
          ? 'An update, if there is one, starts and ends in this window. The app may restart briefly.'
          : 'Only an urgent security update would start in this window.',
      // It takes nobody's time: it is no appointment.
      transparency: ICalEventTransparency.TRANSPARENT,
    });
  }
  return calendar.toString();
}

/** TEXT (RFC 5545, section 3.3.11): the library escapes what it writes of events, and not what it writes of the calendar. */
const escaped = (text: string): string => text.replace(/[\\;,]/g, String.raw`\$&`);

/** Changes when the windows do, and not with the time at which somebody asks: hence a weak one (RFC 9110, section 8.8.1). */
export function calendarTag(calendar: Calendar): string {
  return `W/"${createHash('sha256').update(JSON.stringify(calendar)).digest('base64url')}"`;
}

/** Whether If-None-Match names this tag, by weak comparison (RFC 9110, section 13.1.2). */
export function isKnownTag(header: string | undefined, tag: string): boolean {
  if (header === undefined) return false;
  return (
    header.trim() === '*' || header.split(',').some((each) => each.trim().replace(/^(?!W\/)/, 'W/') === tag)
  );
}
