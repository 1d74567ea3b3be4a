const millisecondsOfDay = 86_400_000;

/** The day before one of the form `2027-03-01`. Intervals of days are half open; people read their last day. */
export const dayBefore = (day: string): string =>
  new Date(Date.parse(day) - millisecondsOfDay).toISOString().slice(0, 10);

export const daysBetween = (from: string, until: string): number =>
  (Date.parse(until) - Date.parse(from)) / millisecondsOfDay;
