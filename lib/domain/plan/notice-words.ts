import { dayInWords, moneyInWords, type Told, type Words } from '../notice-wording.ts';
import { addDays, type Day } from './day.ts';
import type { PlanNoticeData, PlanNoticeKind, SubscriptionChange } from './notices.ts';

/** What mails say about a subscription. */
export const planWordings: {
  readonly [Kind in PlanNoticeKind]: (data: PlanNoticeData<Kind>, told: Told) => Words;
} = {
  trial_ending: ({ until, daysLeft }, { name }) => ({
    subject: `${name}: the free period ends in ${days(daysLeft)}`,
    paragraphs: [
      `${lastDay(until)} is the last free day of ${name}.`,
      `From ${dayInWords(until)} on your subscription is charged, at the rate of your plan.`,
      'You do not have to do anything.',
    ],
  }),
  lock_ending: ({ until, daysLeft }, { name }) => ({
    subject: `${name}: the locked rate ends in ${days(daysLeft)}`,
    paragraphs: [
      `The rate of ${name} is locked up to and including ${lastDay(until)}.`,
      'After that it stays as it is, unless we have told you of another one as long before as your terms say.',
    ],
  }),
  price_change: ({ from, currency, before, after }, { name }) => ({
    subject: `${name}: new rate from ${dayInWords(from)}`,
    paragraphs: [
      `From ${dayInWords(from)} on the subscription of ${name} has a new rate.`,
      [
        rateLine('Base', before.base, after.base, currency),
        rateLine('Each clinician', before.perClinician, after.perClinician, currency),
        rateLine('Each location', before.perLocation, after.perLocation, currency),
      ].join('\n'),
      'Every day before is charged at the rate that you have now.',
    ],
  }),
  subscription_changed: (data, { name }) => ({
    subject: `${name}: ${changeNames[data.change]}`,
    paragraphs: [
      data.from === null
        ? `The subscription of ${name} was changed: ${changeNames[data.change]}.`
        : `The subscription of ${name} is changed from ${dayInWords(data.from)} on: ${changeNames[data.change]}.`,
      [
        `Plan: ${data.planId}, version ${data.planVersion}`,
        `Clinicians: ${data.clinicians}`,
        `Locations: ${data.locations}`,
        `Charged from: ${data.chargedFrom === null ? notYetKnown : dayInWords(data.chargedFrom)}`,
        `Rate locked: ${lockInWords(data)}`,
      ].join('\n'),
    ],
  }),
  payment_overdue: ({ since }, { name }) => ({
    subject: `${name}: a payment is overdue`,
    paragraphs: [
      `A payment for ${name} has been overdue since ${dayInWords(since)}.`,
      'If it is not settled, access to the app can be blocked, not before two weeks from this mail and only by a decision of ours. Your data is kept in any case.',
      'If you have paid already, or if something is in the way, please answer this mail.',
    ],
  }),
  subscription_suspended: ({ from }, { name }) => ({
    subject: `${name}: access is being blocked`,
    paragraphs: [
      `Access to the app of ${name} is being blocked, because a payment is still overdue.`,
      `Your data is kept, and days from ${dayInWords(from)} until you have access again are not charged.`,
      'To settle the payment, please answer this mail.',
    ],
  }),
  subscription_cancelled: ({ until }, { name }) => ({
    subject: `${name}: the subscription ends`,
    paragraphs: [
      `${lastDay(until)} is the last day of the subscription of ${name}. Nothing is charged for later days.`,
      'What becomes of your data we agree on with you before anything is removed.',
    ],
  }),
  statement_ready: ({ from, until, totalCents, currency }, { name }) => ({
    subject: `${name}: statement from ${from}`,
    paragraphs: [
      `The statement of ${name} from ${dayInWords(from)} up to and including ${lastDay(until)} is ready.`,
      `It comes to ${moneyInWords(totalCents, currency)}.`,
    ],
  }),
};

const notYetKnown = 'by your terms, counted from the day on which the app is ready';

function lockInWords({ chargedFrom, lockedUntil }: PlanNoticeData<'subscription_changed'>): string {
  if (lockedUntil !== null) return `up to and including ${lastDay(lockedUntil)}`;
  return chargedFrom === null ? notYetKnown : 'no';
}

/** Of what ends before a day. */
const lastDay = (until: Day): string => dayInWords(addDays(until, -1));

const days = (count: number): string => (count === 1 ? '1 day' : `${count} days`);

const rateLine = (what: string, before: number, after: number, currency: string): string =>
  `${what}: ${moneyInWords(after, currency)} (now ${moneyInWords(before, currency)})`;

const changeNames: Readonly<Record<SubscriptionChange, string>> = {
  quantities: 'another number of clinicians or locations',
  plan: 'another plan',
  plan_withdrawn: 'the plan stays as it is',
  trial_extended: 'a longer free period',
  lock_extended: 'a rate locked for longer',
  settled: 'the overdue payment is settled',
  resumed: 'access is given back',
  cancellation_taken_back: 'the subscription goes on',
  transferred: 'the practice has a new owner; its terms go on as they are',
};
