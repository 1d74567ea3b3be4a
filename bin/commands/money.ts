import { InvalidArgumentError } from 'commander';

/** A commander argument parser: `159.00` as 15900 cents. Digit by digit, because a cent is no binary fraction. */
export function parseMoney(text: string): number {
  const [, whole, cents] = /^(\d{1,13})\.(\d{2})$/.exec(text) ?? [];
  if (whole === undefined || cents === undefined) {
    throw new InvalidArgumentError('It must be an amount with two decimals, such as 159.00.');
  }
  return Number(`${whole}${cents}`);
}

/** The same with a minus sign before it, or without: `-19.00` as -1900 cents. */
export const parseSignedMoney = (text: string): number =>
  text.startsWith('-') ? -parseMoney(text.slice(1)) : parseMoney(text);

/** `159.00 USD`, `-31.50 USD`. */
export const money = (cents: number, currency: string): string => `${amount(cents)} ${currency}`;

/** `159.00`, `-31.50`. */
export function amount(cents: number): string {
  const digits = String(Math.abs(cents)).padStart(3, '0');
  return `${cents < 0 ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}
