import type { NoticeData, NoticeKind, PracticeNoticeKind } from './notice.ts';
import { localTime, type Told, type Words } from './notice-wording.ts';
import { planWordings } from './plan/notice-words.ts';

/** A notice with what a person needs to understand it. */
export interface NoticeToRead {
  readonly kind: NoticeKind;
  readonly data: NoticeData;
  readonly createdAt: Date;
  readonly practice: { readonly id: string; readonly displayName: string; readonly timeZone: string };
}

const wordings: {
  readonly [Kind in PracticeNoticeKind]: (data: NoticeData<Kind>, told: Told) => Words;
} = {
  update_scheduled: ({ startsAt, latestStartAt }, { name, timeZone }) => ({
    subject: `${name}: update on ${localTime(new Date(startsAt), timeZone)}`,
    paragraphs: [
      `An update of the app of ${name} is planned.`,
      `It starts on ${localTime(new Date(startsAt), timeZone)}, and not later than ${localTime(new Date(latestStartAt), timeZone)}.`,
      'The app may be away for a few minutes meanwhile. You do not have to do anything.',
    ],
  }),
  update_started: (_data, { name, timeZone, createdAt }) => ({
    subject: `${name}: update has started`,
    paragraphs: [
      `An update of the app of ${name} started on ${localTime(createdAt, timeZone)}.`,
      'The app may be away for a few minutes. We write again when the update has ended.',
    ],
  }),
  update_finished: (_data, { name, timeZone, createdAt }) => ({
    subject: `${name}: update is done`,
    paragraphs: [
      `An update of the app of ${name} is done. Every check of it was passed, the last on ${localTime(createdAt, timeZone)}.`,
      'You do not have to do anything.',
    ],
  }),
  update_failed: ({ rolledBackTo }, { name, timeZone, createdAt }) => ({
    subject: `${name}: update did not succeed`,
    paragraphs: [
      `The update of the app of ${name} did not succeed. This was seen on ${localTime(createdAt, timeZone)}.`,
      rolledBackTo === null
        ? 'We are looking into it. If the app does not work for you, tell us.'
        : 'The app runs in the version of before again. We write again when another update is planned.',
    ],
  }),
  security_override: ({ startsAt, deadline, yielded }, { name, timeZone }) => ({
    subject: `${name}: security update on ${localTime(new Date(startsAt), timeZone)}`,
    paragraphs: [
      `A security update of the app of ${name} has to be in place by ${localTime(new Date(deadline), timeZone)}.`,
      `It starts on ${localTime(new Date(startsAt), timeZone)}, although ${listed(yielded)} would have kept it away until later: the deadline of a security update goes before.`,
      'The app may be away for a few minutes meanwhile. You do not have to do anything.',
    ],
  }),
  pinned_release_halted: ({ until }, { name, timeZone, createdAt }) => ({
    subject: `${name}: the version that you asked to keep was withdrawn`,
    paragraphs: [
      `The version of the app that ${name} asked to keep was withdrawn on ${localTime(createdAt, timeZone)}. It goes to nobody any more.`,
      `As you asked, ${name} keeps it until ${localTime(new Date(until), timeZone)}. We advise you against it: tell us, and you get the newest version in your next maintenance window.`,
    ],
  }),
  ...planWordings,
};

/**
 * A mail about a practice's notice, in plain text and in the practice's own time.
 * @param askAt where questions go to, an e-mail address
 */
export function noticeMail(notice: NoticeToRead, askAt: string): { subject: string; text: string } {
  const { practice, createdAt } = notice;
  const told: Told = { name: practice.displayName, timeZone: practice.timeZone, createdAt };
  const { subject, paragraphs } = wordsOf(notice, told);
  const text = [
    ...paragraphs,
    `All times and days are those of ${practice.timeZone}.`,
    `Questions? Answer this mail or write to ${askAt}. Our reference: ${referenceOf(notice)}`,
  ].join('\n\n');
  return { subject, text: `${text}\n` };
}

function wordsOf({ kind, data }: NoticeToRead, told: Told): Words {
  const wording = (wordings as Partial<Record<NoticeKind, (data: NoticeData, told: Told) => Words>>)[kind];
  if (wording === undefined) throw new Error(`There are no words for a practice about ${kind}.`);
  return wording(data, told);
}

const yieldedNames = {
  pin: 'the release that you asked to stay on',
  deferral: 'the later date that you asked for',
  freeze: 'a freeze',
} as const;

const listed = (yielded: readonly (keyof typeof yieldedNames)[]): string =>
  yielded.map((each) => yieldedNames[each]).join(' and ');

function referenceOf({ practice, data }: NoticeToRead): string {
  const release = 'releaseId' in data ? `, release ${data.releaseId}` : '';
  return `${practice.id}${release}`;
}
