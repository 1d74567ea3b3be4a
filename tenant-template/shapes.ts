import { z } from 'zod';

/** How large a plan's silo is. */
const shapeSchema = z.enum(['solo', 'group', 'enterprise']);
type Shape = z.infer<typeof shapeSchema>;

/** Parameters of the data and service stacks that a plan decides, as CloudFormation takes them: strings. */
export type ShapeParameters = {
  /** RDS instance class. */
  readonly InstanceClass: string;
  /** GiB. */
  readonly AllocatedStorageGib: string;
  readonly MultiAz: 'true' | 'false';
  readonly BackupRetentionDays: string;
  /** CPU units; 1024 is one vCPU. */
  readonly TaskCpu: string;
  /** MiB, in a pair with the CPU that Fargate offers ("Task CPU and memory"). */
  readonly TaskMemoryMib: string;
  readonly DesiredCount: string;
};

const shapes: Readonly<Record<Shape, ShapeParameters>> = {
  solo: {
    InstanceClass: 'db.t4g.micro',
    AllocatedStorageGib: '20',
    MultiAz: 'false',
    BackupRetentionDays: '14',
    TaskCpu: '256',
    TaskMemoryMib: '512',
    DesiredCount: '1',
  },
  group: {
    InstanceClass: 'db.t4g.medium',
    AllocatedStorageGib: '50',
    MultiAz: 'true',
    BackupRetentionDays: '30',
    TaskCpu: '512',
    TaskMemoryMib: '1024',
    DesiredCount: '2',
  },
  enterprise: {
    InstanceClass: 'db.m7g.large',
    AllocatedStorageGib: '200',
    MultiAz: 'true',
    BackupRetentionDays: '35',
    TaskCpu: '1024',
    TaskMemoryMib: '2048',
    DesiredCount: '3',
  },
};

/** @throws Error for a shape that is not known, with the names of those that are. */
export function parametersForShape(shape: string): ShapeParameters {
  const known = shapeSchema.safeParse(shape);
  if (!known.success)
    throw new Error(`There is no silo shape "${shape}". The shapes are ${shapeSchema.options.join(', ')}.`);
  return shapes[known.data];
}
