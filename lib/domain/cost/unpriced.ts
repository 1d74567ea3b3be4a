import { DomainError } from '../errors.ts';

/** A cost that leaves something out is no cost: whatever cannot be priced ends the calculation. */
export function unpriced(message: string): DomainError {
  return new DomainError('configuration', message);
}
