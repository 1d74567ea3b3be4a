/** What is held against the record; each is a promise of docs/plans.md. */
export const checks = {
  terms: 'each subscription has the terms of its published plan version, and no less than its plan promises',
  standing: 'each subscription is shown as its facts say, and follows its practice',
  charges: 'every charge is what the terms say, to the cent, after its period, and none is missing',
  locks: 'no locked rate ever rose',
  prices: 'each new price was told in time and came after the lock, with a period',
  ledger: 'the ledger sums to zero, and what is reversed is reversed once',
  statements: 'each statement adds up, opens with what the one before closed with, and was told',
  notices: 'notices 30, 14 and 3 days before the end of trial and lock were sent once each, in time',
  suspensions: 'nobody was cut off within 14 days of being told, and no day of that is charged',
} as const;
export type Check = keyof typeof checks;

export interface Finding {
  readonly check: Check;
  readonly practiceId: string;
  readonly text: string;
}

export type Say = (check: Check, text: string) => void;
