/** Backup and maintenance windows, in UTC ("Backup window" and "The Amazon RDS maintenance window", Amazon RDS User Guide). */
import { AwsError } from '../../model.ts';

const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'];
const dayMinutes = 24 * 60;
const weekMinutes = 7 * dayMinutes;
const shortestMinutes = 30;

/** Minutes of the week; an end before its start is of the week after. */
interface Interval {
  readonly start: number;
  readonly length: number;
}

const invalid = (message: string): AwsError => new AwsError('InvalidParameterValue', message);

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

/** `hh24:mi-hh24:mi`, every day. */
function backupMinutes(window: string): Interval {
  const parts = /^((?:[01]\d|2[0-3]):[0-5]\d)-((?:[01]\d|2[0-3]):[0-5]\d)$/.exec(window);
  if (parts === null) throw invalid(`Invalid backup window format: ${window}. Use hh24:mi-hh24:mi.`);
  const start = minutesOf(parts[1] ?? '');
  const length = (minutesOf(parts[2] ?? '') - start + dayMinutes) % dayMinutes;
  if (length < shortestMinutes) throw invalid('The backup window must be at least 30 minutes.');
  return { start, length };
}

/** `ddd:hh24:mi-ddd:hh24:mi`. */
function maintenanceMinutes(window: string): Interval {
  const moment = '(mon|tue|wed|thu|fri|sat|sun):((?:[01]\\d|2[0-3]):[0-5]\\d)';
  const parts = new RegExp(`^${moment}-${moment}$`, 'i').exec(window);
  if (parts === null)
    throw invalid(`Invalid maintenance window format: ${window}. Use ddd:hh24:mi-ddd:hh24:mi.`);
  const at = (day = '', time = '') => days.indexOf(day.toLowerCase()) * dayMinutes + minutesOf(time);
  const start = at(parts[1], parts[2]);
  const length = (at(parts[3], parts[4]) - start + weekMinutes) % weekMinutes;
  if (length < shortestMinutes) throw invalid('The maintenance window must be at least 30 minutes.');
  return { start, length };
}

function overlap(backup: Interval, maintenance: Interval): boolean {
  return days.some((_day, at) => {
    // Where the day's backup begins, seen from the begin of the maintenance, and the other way round.
    const ahead = (at * dayMinutes + backup.start - maintenance.start + weekMinutes) % weekMinutes;
    return ahead < maintenance.length || weekMinutes - ahead < backup.length;
  });
}

export interface Windows {
  readonly backupWindow: string;
  readonly maintenanceWindow: string;
}

/** Where RDS chooses: the first of these that is clear of what the request names. */
const backupChoices = ['06:00-06:30', '03:00-03:30'];
const maintenanceChoices = ['sun:07:00-sun:07:30', 'sun:04:00-sun:04:30'];

/**
 * The windows of an instance; one that is not given is chosen.
 * @throws AwsError InvalidParameterValue for a window of another form, or when the two overlap.
 */
export function windowsFrom(backup: string | undefined, maintenance: string | undefined): Windows {
  const backups = backup === undefined ? backupChoices : [backup];
  const maintenances = maintenance === undefined ? maintenanceChoices : [maintenance];
  for (const backupWindow of backups) {
    for (const maintenanceWindow of maintenances) {
      if (!overlap(backupMinutes(backupWindow), maintenanceMinutes(maintenanceWindow)))
        return { backupWindow, maintenanceWindow: maintenanceWindow.toLowerCase() };
    }
  }
  throw invalid('The backup window and maintenance window must not overlap.');
}
