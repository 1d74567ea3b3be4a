import { addDays, type Day } from '../../../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../../../lib/domain/plan/facts.ts';
import { type Member, memberOn, type SubscriptionRecord } from '../../../lib/domain/plan/reports.ts';

export const at = (day: Day): Date => new Date(`${day}T12:00:00Z`);
const endOf = (day: Day): Date => at(addDays(day, 1));

/** On record since its enrolment; each later fact with the day on which it was recorded. */
export function record(
  practiceId: string,
  facts: readonly SubscriptionFact[],
  later: readonly (readonly [recordedOn: Day, fact: SubscriptionFact])[] = [],
  decisions: SubscriptionRecord['decisions'] = [],
): SubscriptionRecord {
  return {
    practiceId,
    displayName: practiceId,
    timeZone: 'America/Chicago',
    facts: [
      ...facts.map((fact) => ({ fact, at: at('2026-11-20') })),
      ...later.map(([day, fact]) => ({ fact, at: at(day) })),
    ],
    decisions,
    announcements: [],
  };
}

export const membersOn = (records: readonly SubscriptionRecord[], on: Day): Member[] =>
  records.flatMap((each) => memberOn(each, on, endOf(on)) ?? []);
