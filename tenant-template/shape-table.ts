import { z } from 'zod';
import { defaultMaintenanceWindow } from './database-windows.ts';

const shapeSchema = z.enum(['solo', 'group', 'enterprise']);
type Shape = z.infer<typeof shapeSchema>;

/** Parameters of the stacks that a plan's shape decides, as CloudFormation takes them: strings. */
export type ShapeParameters = {
  /** Whether the app reaches AWS by endpoints in one availability zone or in both. */
  readonly EndpointZones: 'one' | 'all';
  /** RDS instance class. */
  readonly InstanceClass: string;
  /** GiB. */
  readonly AllocatedStorageGib: string;
  /** Whether the database keeps a standby in a second availability zone. */
  readonly MultiAz: 'true' | 'false';
  /** Days that the backup vault keeps a recovery point; point-in-time recovery is 35 days in every shape. */
  readonly BackupRetentionDays: string;
  /** `ddd:hh:mm-ddd:hh:mm` in UTC. */
  readonly DatabaseMaintenanceWindow: string;
  /** CPU units; 1024 is one vCPU. */
  readonly TaskCpu: string;
  /** MiB, in a pair with the CPU that Fargate offers ("Task CPU and memory"). */
  readonly TaskMemoryMib: string;
  /** Tasks that always run, and the most that autoscaling starts. */
  readonly DesiredCount: string;
  readonly MaxCount: string;
  /** Minutes that a signed-in member of staff may be idle. */
  readonly SessionTimeoutMinutes: string;
};

/**
 * RDS instance classes that a silo may have, by size: Graviton only, current generations, each able to encrypt its storage
 * ("Encrypting Amazon RDS resources", availability) and to run PostgreSQL 18.
 */
export const instanceClasses = [
  'db.t4g.micro',
  'db.t4g.small',
  'db.t4g.medium',
  'db.t4g.large',
  'db.m7g.large',
  'db.m7g.xlarge',
  'db.m7g.2xlarge',
] as const;

/** Days that the vault's lock keeps every recovery point; also RDS's own longest point-in-time recovery. */
export const leastRetentionDays = 35;
/** Seven years: the longest that a state asks for records of adults. */
export const mostRetentionDays = 2555;

/** 45 CFR 164.312(a)(2)(iii), automatic logoff: an idle session ends after half an hour at the latest. */
export const sessionTimeoutBounds = { least: 5, most: 30 } as const;

const everywhere = {
  DatabaseMaintenanceWindow: defaultMaintenanceWindow,
  SessionTimeoutMinutes: '15',
};

const shapes: Readonly<Record<Shape, ShapeParameters>> = {
  solo: {
    ...everywhere,
    EndpointZones: 'one',
    InstanceClass: 'db.t4g.micro',
    AllocatedStorageGib: '20',
    MultiAz: 'false',
    BackupRetentionDays: '35',
    TaskCpu: '256',
    TaskMemoryMib: '512',
    DesiredCount: '1',
    MaxCount: '2',
  },
  group: {
    ...everywhere,
    EndpointZones: 'all',
    InstanceClass: 'db.t4g.medium',
    AllocatedStorageGib: '50',
    MultiAz: 'true',
    BackupRetentionDays: '35',
    TaskCpu: '512',
    TaskMemoryMib: '1024',
    DesiredCount: '2',
    MaxCount: '4',
  },
  enterprise: {
    ...everywhere,
    EndpointZones: 'all',
    InstanceClass: 'db.m7g.large',
    AllocatedStorageGib: '200',
    MultiAz: 'true',
    BackupRetentionDays: '90',
    TaskCpu: '1024',
    TaskMemoryMib: '2048',
    DesiredCount: '3',
    MaxCount: '9',
  },
};

/** @throws Error for a shape that is not known, with the names of those that are. */
export function shapeNamed(name: string): ShapeParameters {
  const known = shapeSchema.safeParse(name);
  if (!known.success)
    throw new Error(`There is no silo shape "${name}". The shapes are ${shapeSchema.options.join(', ')}.`);
  return shapes[known.data];
}
