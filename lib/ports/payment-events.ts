/** What a payment provider tells of an invoice that came from here. */
export interface PaymentEvent {
  /** The same whenever it is told. */
  readonly id: string;
  /** As the provider calls it. */
  readonly type: string;
  /** Null for what is of no concern here. */
  readonly about: {
    readonly what: 'paid' | 'payment_failed';
    readonly invoiceId: string;
    readonly practiceId: string;
    /** Number of the statement. */
    readonly statement: string;
    /** What was paid, in cents; 0 when credit settled all of it. */
    readonly paidCents: number;
    /** ISO 4217. */
    readonly currency: string;
  } | null;
}

export interface PaymentEvents {
  /**
   * Reads an event whose signature is good and not old.
   * @param body as it was received, byte for byte
   * @throws DomainError `invalid_input`
   */
  read(body: Buffer, signature: string, now: Date): PaymentEvent;
}
