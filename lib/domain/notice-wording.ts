/** A mail's words. */
export interface Words {
  readonly subject: string;
  readonly paragraphs: readonly string[];
}

/** Whom a notice tells of, and when it was written. */
export interface Told {
  /** The practice's display name. */
  readonly name: string;
  readonly timeZone: string;
  readonly createdAt: Date;
}

const date = { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' } as const;

/** `Sunday, November 29, 2026 at 2:00 AM CST`. */
export function localTime(at: Date, timeZone: string): string {
  return new Intl.DateTimeFormat('en-US', {
    ...date,
    hour: 'numeric',
    minute: '2-digit',
    timeZoneName: 'short',
    timeZone,
  })
    .format(at)
    .replace(/\u202f/g, ' ');
}

/** `Sunday, November 29, 2026` of a day (ISO date). */
export function dayInWords(day: string): string {
  return new Intl.DateTimeFormat('en-US', { ...date, timeZone: 'UTC' }).format(new Date(`${day}T00:00:00Z`));
}

/** `$1,149.00` of integer cents. */
export function moneyInWords(cents: number, currency: string): string {
  return new Intl.NumberFormat('en-US', { style: 'currency', currency }).format(cents / 100);
}
