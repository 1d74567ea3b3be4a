import { checkWindow } from '../../lib/domain/maintenance-window.ts';
import { windowInWords } from '../../lib/domain/maintenance-window-words.ts';

test.each<[string, number, string]>([
  ['FREQ=WEEKLY;BYDAY=SU;BYHOUR=2', 240, 'Sundays 02:00 for 4 h'],
  ['FREQ=WEEKLY;BYDAY=SU,SA;BYHOUR=1;BYMINUTE=30', 45, 'Saturdays and Sundays 01:30 for 45 min'],
  ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR;BYHOUR=22', 90, 'Mondays to Fridays 22:00 for 1 h 30 min'],
  ['FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=2', 60, 'every day 02:00 for 1 h'],
  ['FREQ=WEEKLY;INTERVAL=2;BYDAY=SU;BYHOUR=2', 60, 'Sundays of every second week 02:00 for 1 h'],
  ['FREQ=DAILY;BYHOUR=2', 60, 'every day 02:00 for 1 h'],
  ['FREQ=DAILY;INTERVAL=11;BYHOUR=2', 60, 'every 11th day 02:00 for 1 h'],
  ['FREQ=MONTHLY;BYDAY=1SU;BYHOUR=2', 60, 'first Sunday of the month 02:00 for 1 h'],
  ['FREQ=MONTHLY;BYDAY=2SU,-1SA;BYHOUR=2', 60, 'second Sunday and last Saturday of the month 02:00 for 1 h'],
  ['FREQ=MONTHLY;BYDAY=SU;BYHOUR=2', 60, 'Sundays 02:00 for 1 h'],
  ['FREQ=MONTHLY;INTERVAL=2;BYDAY=SU;BYHOUR=2', 60, 'Sundays of every second month 02:00 for 1 h'],
  [
    'FREQ=MONTHLY;BYMONTHDAY=15,1,-1,-2;BYHOUR=2',
    60,
    'day 1 and 15, the last day and the second to last day of the month 02:00 for 1 h',
  ],
  [
    'FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;BYHOUR=2',
    60,
    'the last of Mondays to Fridays in the month 02:00 for 1 h',
  ],
  [
    'FREQ=MONTHLY;BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14;BYHOUR=2',
    60,
    'Sundays on day 8, 9, 10, 11, 12, 13 and 14 of the month 02:00 for 1 h',
  ],
  [
    'FREQ=WEEKLY;BYDAY=SU;BYMONTH=1,2,3,5,6,7,8,9,10,11;BYHOUR=2',
    60,
    'Sundays, not in April and December, 02:00 for 1 h',
  ],
  [
    'FREQ=WEEKLY;BYDAY=SU;BYMONTH=1,3,5,7,9,11;BYHOUR=2',
    60,
    'Sundays, in January, March, May, July, September and November only, 02:00 for 1 h',
  ],
  ['FREQ=WEEKLY;BYDAY=SU;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYHOUR=2', 60, 'Sundays 02:00 for 1 h'],
])('%s for %i minutes is "%s"', (rule, durationMinutes, words) => {
  const window = { rule, durationMinutes, timeZone: 'America/Chicago' };
  checkWindow(window);
  expect(windowInWords(window)).toBe(`${words}, America/Chicago`);
});
