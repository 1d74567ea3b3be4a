import { DomainError } from '../domain/errors.ts';
import type { Agreement } from '../domain/sign-up.ts';

/** Clocks of other machines may be this far ahead, in milliseconds. */
const clockTolerance = 5 * 60_000;

/** @throws DomainError `invalid_input` when the agreement says it was accepted in the future. */
export function requirePastAcceptance(agreement: Agreement, now: Date, pointer: string): void {
  if (Date.parse(agreement.acceptedAt) <= now.getTime() + clockTolerance) return;
  throw new DomainError('invalid_input', 'The agreement carries a time that has not come yet.', {
    fields: [{ pointer, message: 'must not lie in the future' }],
  });
}
