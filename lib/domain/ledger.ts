import { DomainError } from './errors.ts';
import { type Day, laterOf } from './plan/day.ts';

export const ledgerAccounts = ['receivable', 'revenue', 'credits_given', 'adjustments', 'cash'] as const;
/** `receivable` is what the practice owes; the others say why it came to owe it, or no longer does. */
export type LedgerAccount = (typeof ledgerAccounts)[number];

export const ledgerKinds = ['charge', 'credit', 'adjustment', 'payment', 'reversal'] as const;
export type LedgerKind = (typeof ledgerKinds)[number];

/** One line of a ledger transaction, in cents: a debit above 0, a credit below. */
export interface LedgerEntry {
  readonly account: LedgerAccount;
  readonly amountCents: number;
}

/** What each kind is booked against, and whether the practice owes more by it (1) or less (-1). */
const bookings = {
  charge: { against: 'revenue', sign: 1 },
  credit: { against: 'credits_given', sign: -1 },
  adjustment: { against: 'adjustments', sign: 1 },
  payment: { against: 'cash', sign: -1 },
} as const satisfies Record<Exclude<LedgerKind, 'reversal'>, { against: LedgerAccount; sign: 1 | -1 }>;

/**
 * Both sides of a charge, a credit or a payment of so many cents, above 0, or of an adjustment: above 0 when the practice owes more by it,
 * below 0 when less.
 * @throws DomainError `invalid_input` for an amount of the wrong sign, or one that a number does not hold exactly.
 */
export function entriesOf(kind: keyof typeof bookings, amountCents: number): LedgerEntry[] {
  const { against, sign } = bookings[kind];
  if (amountCents === 0) throw wrongAmount('must not be 0');
  if (amountCents < 0 && kind !== 'adjustment') throw wrongAmount('must be above 0');
  const owed = sign * exactCents(amountCents);
  return [
    { account: 'receivable', amountCents: owed },
    { account: against, amountCents: -owed },
  ];
}

/** Entries that undo those of another transaction. */
export const mirrorOf = (entries: readonly LedgerEntry[]): LedgerEntry[] =>
  entries.map(({ account, amountCents }) => ({ account, amountCents: -amountCents }));

/** By how much the practice owes more (above 0) or less (below 0) because of these entries, in cents. */
export const owedBy = (entries: readonly LedgerEntry[]): number =>
  entries.reduce((sum, { account, amountCents }) => (account === 'receivable' ? sum + amountCents : sum), 0);

/** @throws DomainError `invalid_input` for what is not a whole number of cents, or more than a number holds exactly (2^53 - 1). */
export function exactCents(amountCents: number): number {
  if (Number.isSafeInteger(amountCents)) return amountCents;
  throw wrongAmount(`must be a whole number of cents, and at most ${Number.MAX_SAFE_INTEGER}`);
}

function wrongAmount(message: string): DomainError {
  return new DomainError('invalid_input', `The amount ${message}.`, {
    fields: [{ pointer: '/amountCents', message }],
  });
}

/**
 * The day on which something is posted that a person asks for: today unless another is named.
 * @param calendar.since the first day of the subscription
 * @param calendar.closedUntil the first day that is in no closed period any more; null before any is closed
 * @throws DomainError `invalid_input` for a day to come or before the subscription; `conflict` for one of a closed period, whose
 * statement stands
 */
export function postingDay(
  asked: Day | undefined,
  calendar: { readonly today: Day; readonly since: Day; readonly closedUntil: Day | null },
): Day {
  const { today, since, closedUntil } = calendar;
  // The period of today may be closed already, by a process whose clock was first to say that midnight has passed.
  if (asked === undefined) return laterOf(today, closedUntil ?? today);
  if (asked > today) throw wrongDay(`must not be after today, ${today} at the practice`);
  if (asked < since) throw wrongDay(`must not be before ${since}, when the subscription was made`);
  if (closedUntil === null || asked >= closedUntil) return asked;
  throw new DomainError(
    'conflict',
    `The period with ${asked} is closed and its statement stands: name a day from ${closedUntil} on, or none for today.`,
  );
}

function wrongDay(message: string): DomainError {
  return new DomainError('invalid_input', `The day ${message}.`, { fields: [{ pointer: '/day', message }] });
}
