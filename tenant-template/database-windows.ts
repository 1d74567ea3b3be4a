/**
 * When a database is backed up and maintained, in UTC. The hours from 10:00 to 13:00 belong to the backups: it is night from Hawaii to
 * Chicago and early morning in New York.
 *
 * RDS refuses a maintenance window that overlaps its backup window ("DBInstance", PreferredBackupWindow), and AWS Backup fails a job
 * that starts within RDS's own backup window or within the hour before it or before the maintenance window ("Working with Amazon RDS
 * backups in AWS Backup").
 */
export const databaseBackupWindow = '10:00-10:30';

/** AWS Backup starts a job within the hour after this time, "cron expressions for rules" of Amazon EventBridge. */
export const backupSchedule = 'cron(0 11 ? * * *)';
export const backupStartWindowMinutes = 60;

const day = '(sun|mon|tue|wed|thu|fri|sat)';
const beforeBackups = '0[0-9]:[0-5][0-9]-\\1:(?:0[0-9]:[0-5][0-9]|10:00)';
const afterBackups = '(?:1[3-9]|2[0-3]):[0-5][0-9]-\\1:(?:1[3-9]|2[0-3]):[0-5][0-9]';

/** `ddd:hh:mm-ddd:hh:mm` within one day, outside the hours of the backups. What CloudFormation checks as well. */
export const maintenanceWindowPattern = `^${day}:(?:${beforeBackups}|${afterBackups})$`;

/** Early Sunday between New York and Los Angeles. */
export const defaultMaintenanceWindow = 'sun:07:00-sun:08:00';

/** RDS takes no shorter one ("Maintaining a DB instance"). */
export const shortestMaintenanceWindowMinutes = 30;

/** Minutes of a window that has the pattern; negative when it ends before it begins. */
export function windowMinutes(window: string): number {
  const [from = '', to = ''] = window.split('-').map((end) => end.slice('ddd:'.length));
  const minutes = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3));
  return minutes(to) - minutes(from);
}
