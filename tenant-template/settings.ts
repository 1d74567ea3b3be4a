import { z } from 'zod';
import {
  maintenanceWindowPattern,
  shortestMaintenanceWindowMinutes,
  windowMinutes,
} from './database-windows.ts';
import {
  instanceClasses,
  mostRetentionDays,
  type ShapeParameters,
  sessionTimeoutBounds,
  shapeNamed,
} from './shape-table.ts';

/** What a practice may choose for itself. Whatever is left out is as its plan's shape has it. */
export type Settings = {
  readonly databaseMaintenanceWindow?: string | undefined;
  readonly backupRetentionDays?: number | undefined;
  readonly instanceClass?: string | undefined;
  readonly sessionTimeoutMinutes?: number | undefined;
};

export type SettingName = keyof Settings;

/** One setting, for people who read or change it. */
export interface SettingDescription {
  readonly name: SettingName;
  readonly type: 'integer' | 'text';
  readonly description: string;
  readonly default: string | number;
  /** What is allowed, in words. */
  readonly bounds: string;
}

/** The parameter that carries a setting to the stacks. */
export const parameterOfSetting = {
  databaseMaintenanceWindow: 'DatabaseMaintenanceWindow',
  backupRetentionDays: 'BackupRetentionDays',
  instanceClass: 'InstanceClass',
  sessionTimeoutMinutes: 'SessionTimeoutMinutes',
} as const satisfies Record<SettingName, keyof ShapeParameters>;

/**
 * The settings of a practice whose plan has this shape. No value that passes is weaker than the shape's safeguards: backups are kept at least as
 * long, the database is at least as large, and no session may be idle for longer than 30 minutes.
 * @throws Error for a shape that is not known.
 */
export function settingsSchemaFor(shape: string): z.ZodType<Settings> {
  const defaults = shapeNamed(shape);
  const days = retentionBounds(defaults);
  const { least, most } = sessionTimeoutBounds;
  const classes = classesFrom(defaults.InstanceClass);
  return z
    .strictObject({
      databaseMaintenanceWindow: z
        .string()
        .regex(new RegExp(maintenanceWindowPattern), {
          error: `databaseMaintenanceWindow is ${windowBounds}`,
        })
        .refine((window) => windowMinutes(window) >= shortestMaintenanceWindowMinutes, {
          error: `databaseMaintenanceWindow lasts at least ${shortestMaintenanceWindowMinutes} minutes and ends on the day it begins.`,
        }),
      backupRetentionDays: z
        .int({ error: 'backupRetentionDays is a whole number of days.' })
        .min(days.least, { error: `backupRetentionDays may only be raised: it is at least ${days.least}.` })
        .max(days.most, { error: `backupRetentionDays is at most ${days.most}.` }),
      instanceClass: z.enum(classes, {
        error: `instanceClass is one of ${classes.join(', ')}: never smaller than the plan's.`,
      }),
      sessionTimeoutMinutes: z
        .int({ error: 'sessionTimeoutMinutes is a whole number of minutes.' })
        .min(least, { error: `sessionTimeoutMinutes is at least ${least}.` })
        .max(most, { error: `sessionTimeoutMinutes is at most ${most}: staff who leave are signed out.` }),
    })
    .partial();
}

/**
 * What a practice whose plan has this shape may set, with today's default and what is allowed.
 * @throws Error for a shape that is not known.
 */
export function settingDescriptions(shape: string): readonly SettingDescription[] {
  const defaults = shapeNamed(shape);
  const days = retentionBounds(defaults);
  return [
    {
      name: 'databaseMaintenanceWindow',
      type: 'text',
      description: 'When RDS may patch and restart the database, weekly, in UTC.',
      default: defaults.DatabaseMaintenanceWindow,
      bounds: windowBounds,
    },
    {
      name: 'backupRetentionDays',
      type: 'integer',
      description: 'Days that each daily backup is kept, here and in the second Region.',
      default: days.least,
      bounds: `${days.least} to ${days.most}`,
    },
    {
      name: 'instanceClass',
      type: 'text',
      description: 'Size of the database. A change restarts it for about a minute.',
      default: defaults.InstanceClass,
      bounds: classesFrom(defaults.InstanceClass).join(', '),
    },
    {
      name: 'sessionTimeoutMinutes',
      type: 'integer',
      description: 'Minutes after which the app signs out a member of staff who does nothing.',
      default: Number(defaults.SessionTimeoutMinutes),
      bounds: `${sessionTimeoutBounds.least} to ${sessionTimeoutBounds.most}`,
    },
  ];
}

const windowBounds =
  'ddd:hh:mm-ddd:hh:mm in UTC, on one day, at least 30 minutes, outside 10:00 to 13:00, when backups run; for example sun:07:00-sun:08:00.';

const retentionBounds = ({ BackupRetentionDays }: ShapeParameters) => ({
  least: Number(BackupRetentionDays),
  most: mostRetentionDays,
});

function classesFrom(smallest: string): readonly string[] {
  return instanceClasses.slice(instanceClasses.findIndex((each) => each === smallest));
}
