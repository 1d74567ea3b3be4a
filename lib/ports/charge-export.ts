import type { ExportedStatement } from '../domain/charge-export.ts';

/** Where statements go to be paid or booked. Payments stay outside: nothing here knows how anybody pays. */
export interface ChargeExport {
  readonly name: 'files' | 'stripe';
  /**
   * Hands over one statement. To do it again, at any time and after any failure, leaves what the first time left.
   * @returns what the other side calls it; null when it has nothing to keep, for a statement without lines
   * @throws DomainError `unavailable`, retryable when the same may work later; `configuration`
   */
  send(statement: ExportedStatement, signal?: AbortSignal): Promise<{ readonly externalId: string | null }>;
}

/** The first takes statements that nobody has begun with; those that another began with stay with it. */
export type ChargeExports = readonly [ChargeExport, ...ChargeExport[]];

/** An owner of a practice, as one that pays. */
export type Payer = Pick<ExportedStatement, 'practice' | 'owner'>;

/** Which customer of Stripe each owner of a practice is. */
export interface StripeCustomers {
  find(payer: Payer): Promise<string | undefined>;
  /** Keeps the first one that is told. */
  keep(payer: Payer, customerId: string): Promise<void>;
}
