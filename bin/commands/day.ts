import { InvalidArgumentError } from 'commander';
import { z } from 'zod';

const millisecondsOfDay = 86_400_000;

/** The day before one of the form `2027-03-01`. Intervals of days are half open; people read their last day. */
export const dayBefore = (day: string): string =>
  new Date(Date.parse(day) - millisecondsOfDay).toISOString().slice(0, 10);

export const daysBetween = (from: string, until: string): number =>
  (Date.parse(until) - Date.parse(from)) / millisecondsOfDay;

/** Date itself takes the 31st of February for the 3rd of March. */
export const isDay = (text: string): boolean => z.iso.date().safeParse(text).success;

/** A commander argument parser for a day that goes into an address, where a wrong one would only not be found. */
export function parseDay(text: string): string {
  if (isDay(text)) return text;
  throw new InvalidArgumentError('It must be a day, such as 2027-03-01.');
}
