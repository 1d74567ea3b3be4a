import type { Check } from './checks.ts';
import { dayNumber, dayText } from './civil-days.ts';
import type { Fact, Notice, Plan, Shown, Transaction } from './record.ts';

// What a record would be if the control plane had done one thing wrong: the check has to find each of these.

type Forge = (record: Shown) => Shown;

export const at = (day: string): Date => new Date(`${day}T18:00:00Z`);
/** The day of the record that is forged. */
const today = dayNumber('2027-06-30');

const facts =
  (forged: (fact: Fact) => Fact) =>
  (record: Shown): Shown => ({
    ...record,
    facts: record.facts.map((recorded) => ({ ...recorded, fact: forged(recorded.fact) })),
  });
const posted =
  (forged: (transaction: Transaction) => Transaction) =>
  (record: Shown): Shown => ({ ...record, transactions: record.transactions.map((one) => forged(one)) });

/** One more transaction, like one that is there; the balance is what it comes to. */
const more =
  (of: Transaction['kind'], ...forged: ((transaction: Transaction) => Partial<Transaction>)[]) =>
  (record: Shown): Shown => {
    const pattern = record.transactions.find(({ kind }) => kind === of);
    if (pattern === undefined) throw new Error(`there is no ${of}`);
    const added = forged.map((change, place) => ({ ...pattern, id: `forged ${place}`, ...change(pattern) }));
    return {
      ...record,
      transactions: [...record.transactions, ...added],
      balanceCents: added.reduce((sum, { owedCents }) => sum + owedCents, record.balanceCents),
    };
  };
const mirrored = ({ id, owedCents, entries }: Transaction): Partial<Transaction> => ({
  kind: 'reversal',
  reverses: id,
  owedCents: -owedCents,
  entries: entries.map(({ account, amountCents }) => ({ account, amountCents: -amountCents })),
});
/** The notices before the end of the free period that are so many days before. */
const endings =
  (days: number, forged: (notice: Notice) => Partial<Notice>) =>
  (record: Shown): Shown => ({
    ...record,
    notices: record.notices.map((notice) =>
      notice.daysBefore === days ? { ...notice, ...forged(notice) } : notice,
    ),
  });

/** Of a practice that was first charged on 22 February 2027, with a payment and a credit in its last period but one. */
export const forgeries: readonly [what: string, check: Check, forge: Forge][] = [
  [
    'its terms have another notice of cancellation',
    'terms',
    facts((fact) =>
      fact.kind === 'enrolled'
        ? { ...fact, terms: { ...fact.terms, cancellation: { noticeDays: 31 } } }
        : fact,
    ),
  ],
  [
    'its lock is shown a day too short',
    'standing',
    (record) => ({
      ...record,
      overview: { ...record.overview, lockedUntil: (record.overview.lockedUntil ?? 0) - 1 },
    }),
  ],
  [
    'it is shown as trialing',
    'standing',
    (record) => ({ ...record, overview: { ...record.overview, state: 'trialing' } }),
  ],
  [
    'its silo is active, and the subscription never was, so that nothing is charged',
    'standing',
    (record) => ({
      ...record,
      facts: record.facts.filter(({ fact }) => fact.kind !== 'activated' && fact.kind !== 'trial_extended'),
      transactions: [],
      balanceCents: 0,
      statements: [],
      notices: [],
      overview: {
        ...record.overview,
        state: 'pending',
        activatedOn: null,
        chargedFrom: null,
        locked: false,
        lockedUntil: null,
        period: null,
        closedUntil: null,
      },
    }),
  ],
  [
    'the subscription goes on, and its silo is gone',
    'standing',
    (record) => ({ ...record, practice: { ...record.practice, state: 'deprovisioned' } }),
  ],
  [
    'a charge was posted on the last day of its period',
    'charges',
    posted((one) => (one.kind === 'charge' ? { ...one, at: at(dayText(one.day)) } : one)),
  ],
  ['a charge is there twice', 'charges', more('charge', () => ({}))],
  ['a charge is not for anything', 'charges', more('charge', () => ({ charge: null, day: today }))],
  [
    'a charge goes against cash',
    'ledger',
    posted((one) => ({
      ...one,
      entries: one.entries.map((entry) =>
        entry.account === 'revenue' ? { ...entry, account: 'cash' } : entry,
      ),
    })),
  ],
  ['a credit is in another currency', 'ledger', more('credit', () => ({ currency: 'CAD', day: today }))],
  [
    'a payment makes the practice owe more',
    'ledger',
    more('payment', ({ owedCents, entries }) => ({
      owedCents: -owedCents,
      day: today,
      entries: entries.map(({ account, amountCents }) => ({ account, amountCents: -amountCents })),
    })),
  ],
  [
    'one was reversed twice',
    'ledger',
    more(
      'credit',
      (credit) => ({ ...mirrored(credit), day: today }),
      (credit) => ({ ...mirrored(credit), day: today }),
    ),
  ],
  [
    'a credit counts in days to come',
    'ledger',
    more('credit', ({ at: time }) => ({ day: today + 2, at: time })),
  ],
  [
    'the balance is another by a cent',
    'ledger',
    (record) => ({ ...record, balanceCents: record.balanceCents + 1 }),
  ],
  [
    'a statement is gone',
    'statements',
    (record) => ({ ...record, statements: record.statements.slice(0, -1) }),
  ],
  [
    'a statement was made before its period was over',
    'statements',
    (record) => ({
      ...record,
      statements: record.statements.map((one) => ({
        ...one,
        closedAt: at(dayText(one.until - 1)),
      })),
    }),
  ],
  [
    'the practice was not told of a statement',
    'statements',
    (record) => ({ ...record, notices: record.notices.filter(({ kind }) => kind !== 'statement_ready') }),
  ],
  [
    'a notice was written when the next one was due',
    'notices',
    endings(30, () => ({ writtenAt: at('2027-02-10') })),
  ],
  ['a notice was written before its day', 'notices', endings(14, () => ({ writtenAt: at('2027-02-01') }))],
  ['a notice was sent when it had ended', 'notices', endings(3, () => ({ sentAt: at('2027-02-23') }))],
  [
    'a notice was written twice',
    'notices',
    (record) => ({ ...record, notices: [...record.notices, ...record.notices] }),
  ],
  [
    'there is a notice of a day on which nothing ends',
    'notices',
    (record) => ({
      ...record,
      notices: record.notices.flatMap((notice) =>
        notice.daysBefore === 3 ? [notice, { ...notice, about: (notice.about ?? 0) + 1 }] : [notice],
      ),
    }),
  ],
  [
    'whoever leaves before was told of the end',
    'notices',
    (record) => ({
      ...record,
      facts: [
        ...record.facts,
        { at: at('2027-01-29'), fact: { kind: 'ends' as const, from: dayNumber('2027-02-15') } },
      ].toSorted((one, other) => one.at.getTime() - other.at.getTime()),
    }),
  ],
  [
    'a rate of the terms is another by a cent',
    'charges',
    facts((fact) => {
      if (fact.kind !== 'enrolled') return fact;
      const rates = { ...fact.terms.rates, perClinician: fact.terms.rates.perClinician + 1 };
      return { ...fact, terms: { ...fact.terms, rates } };
    }),
  ],
  [
    'the practice was active a day earlier',
    'charges',
    facts((fact) => (fact.kind === 'activated' ? { ...fact, on: fact.on - 1 } : fact)),
  ],
  [
    'there was a clinician more',
    'charges',
    facts((fact) => (fact.kind === 'quantities' ? { ...fact, clinicians: fact.clinicians + 1 } : fact)),
  ],
  [
    'a charge is gone',
    'charges',
    (record) => ({ ...record, transactions: record.transactions.filter((_, place) => place > 0) }),
  ],
  [
    'a charge has another amount',
    'ledger',
    posted((one) => (one.kind === 'charge' ? { ...one, owedCents: one.owedCents - 1 } : one)),
  ],
  [
    'a locked rate is higher',
    'locks',
    posted((one) =>
      one.charge === null ? one : { ...one, charge: { ...one.charge, rateCents: one.charge.rateCents + 1 } },
    ),
  ],
  [
    'a statement closes with another sum',
    'statements',
    (record) => ({
      ...record,
      statements: record.statements.map((one) => ({ ...one, closingCents: one.closingCents + 1 })),
    }),
  ],
  [
    'a notice was not written',
    'notices',
    (record) => ({ ...record, notices: record.notices.filter(({ daysBefore }) => daysBefore !== 3) }),
  ],
  [
    'a notice was not sent',
    'notices',
    (record) => ({ ...record, notices: record.notices.map((notice) => ({ ...notice, sentAt: null })) }),
  ],
];

export interface Rise {
  readonly from?: string;
  readonly sentAt?: Date | null;
  readonly offeredFrom?: string;
  readonly before?: number;
  readonly outcome?: string | null;
  readonly isFact?: boolean;
}

/** The same practice without a lock, whose price rose with its period of 22 June; 60 days before it was told so. */
export function risen(
  { record, plans }: { readonly record: Shown; readonly plans: readonly Plan[] },
  change: Rise,
): { readonly record: Shown; readonly plans: readonly Plan[] } {
  const { from = '2027-06-22', sentAt = at('2027-04-23'), offeredFrom = from } = change;
  const { before = 14_900, outcome = 'taken', isFact = true } = change;
  const rates = { base: 15_900, perClinician: 2_900, perLocation: 1_900 };
  const withoutLock = <T extends { readonly lock: { readonly months: number } }>(terms: T): T => ({
    ...terms,
    lock: { ...terms.lock, months: 0 },
  });
  const forgeFacts = facts((fact) =>
    fact.kind === 'enrolled' ? { ...fact, terms: withoutLock(fact.terms) } : fact,
  );
  const risesOn = { kind: 'rates', from: dayNumber(from), planVersion: 2, rates } as const;
  const notice = {
    kind: 'price_change',
    about: dayNumber(from),
    daysBefore: null,
    data: { planId: 'founding', planVersion: 2, before: { ...rates, base: before }, after: rates },
    writtenAt: at('2027-04-13'),
    sentAt,
    outcome,
  };
  const forged = forgeFacts(record);
  return {
    record: {
      ...forged,
      facts: isFact ? [...forged.facts, { at: at(from), fact: risesOn }] : forged.facts,
      notices: [...forged.notices, notice],
    },
    plans: plans.map((plan) => {
      const [first] = plan.versions;
      if (first === undefined || plan.id !== 'founding') return plan;
      const terms = withoutLock(first.terms);
      const second = { version: 2, effectiveFrom: dayNumber(offeredFrom), offeredUntil: null };
      return {
        ...plan,
        promise: { freeDays: 0, lockMonths: 0 },
        versions: [
          { ...first, terms },
          { ...second, terms: { ...terms, rates } },
        ],
      };
    }),
  };
}

export interface CutOff {
  readonly from?: string;
  readonly toldOn?: string | null;
  readonly resumedFrom?: string;
  readonly isForPayment?: boolean;
}

/** The same practice, cut off on 20 May because of a payment, and resumed on 1 June. */
export function cutOff(record: Shown, change: CutOff): Shown {
  const {
    from = '2027-05-20',
    toldOn = '2027-05-06',
    resumedFrom = '2027-06-02',
    isForPayment = true,
  } = change;
  const notice = { about: null, daysBefore: null, data: {}, outcome: null };
  const overdue = {
    ...notice,
    kind: 'payment_overdue',
    writtenAt: at('2027-05-05'),
    sentAt: toldOn === null ? null : at(toldOn),
  };
  const cut = { ...notice, kind: 'subscription_suspended', writtenAt: at('2027-05-20'), sentAt: null };
  return {
    ...record,
    facts: [
      ...record.facts,
      { at: at('2027-05-20'), fact: { kind: 'suspended', from: dayNumber(from) } },
      { at: at('2027-06-01'), fact: { kind: 'resumed', from: dayNumber(resumedFrom) } },
    ],
    notices: [...record.notices, overdue, ...(isForPayment ? [cut] : [])],
  };
}
