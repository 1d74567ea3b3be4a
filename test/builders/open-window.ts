/** A window in which an update may start at any time of the coming eleven hours: it is open all day, and the next one opens far from now. */
export function windowOpenAllDay() {
  const hour = (new Date().getUTCHours() + 12) % 24;
  return { rule: `FREQ=DAILY;BYHOUR=${hour};BYMINUTE=0`, durationMinutes: 1_440, timeZone: 'Etc/UTC' };
}
