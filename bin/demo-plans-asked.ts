import { isDeepStrictEqual } from 'node:util';
import { addDays, type Day } from '../lib/domain/plan/day.ts';
import type { SubscriptionFact } from '../lib/domain/plan/facts.ts';

/** What was asked for a practice, as a person would note it: nothing of it is taken from what the control plane answered. */
export interface Asked {
  /** The number of the practice. */
  readonly index: number;
  /** The day on which it was asked. */
  readonly on: Day;
  readonly verb: string;
  readonly body: Readonly<Record<string, unknown>>;
}

/** Days of notice of both plans of the story. */
const noticeDays = 30;

/** The fact that has to be on record for what was asked; undefined for what makes none. */
function factOf({ verb, body, on }: Asked): Readonly<Record<string, unknown>> | undefined {
  const { from = on, ...rest } = body;
  switch (verb) {
    case 'enrolment':
      return { kind: 'enrolled', on, quantities: rest };
    case 'quantities':
      return { kind: 'quantities', from, ...rest };
    case 'trial-extension':
      return { kind: 'trial_extended', days: rest['days'] };
    case 'lock-extension':
      return { kind: 'lock_extended', months: rest['months'] };
    case 'plan':
      return { kind: 'plan', planId: rest['plan'] };
    case 'cancellation':
      return { kind: 'ends', from: body['from'] ?? addDays(on, noticeDays) };
    case 'cancellation taken back':
      return { kind: 'ends', from: null };
    case 'suspension':
      return { kind: 'suspended', from: on };
    case 'resumption':
      return { kind: 'resumed', from: addDays(on, 1) };
    default:
      return undefined;
  }
}

const signs = { credits: -1, payments: -1, adjustments: 1 } as const;
export type Posting = keyof typeof signs;
const isPosting = (verb: string): verb is Posting => verb in signs;

/** Of the calendar and of the provisioning: nobody asks for these. */
const unasked = ['activated', 'rates'];

/** Whether a practice's record has all that was asked for it, in that order and from those days, and nothing else. */
export function isAllRecorded(
  asked: readonly Asked[],
  { facts, posted }: { readonly facts: readonly SubscriptionFact[]; readonly posted: readonly number[] },
): boolean {
  const expected = asked.map((each) => factOf(each)).filter((fact) => fact !== undefined);
  const recorded = facts.filter(({ kind }) => !unasked.includes(kind));
  const amounts = asked.flatMap(({ verb, body }) =>
    isPosting(verb) ? [signs[verb] * Number(body['amountCents'])] : [],
  );
  return (
    recorded.length === expected.length &&
    expected.every((fact, place) => says(recorded[place], fact)) &&
    isDeepStrictEqual(posted, amounts)
  );
}

/** A fact says more than what was asked: terms, and what stayed as it was. */
const says = (fact: object | undefined, asked: object): boolean =>
  isDeepStrictEqual({ ...fact, ...asked }, { ...fact });
