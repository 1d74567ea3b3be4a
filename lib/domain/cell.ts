import { z } from 'zod';
import type { Amounts } from './capacity.ts';

/**
 * `pending → active ⇄ draining`: nothing is placed in a cell that the control plane has not yet been let into, nor in
 * one that is to become empty. Practices that are there already stay in any state.
 */
export const cellStates = ['pending', 'active', 'draining'] as const;
export type CellState = (typeof cellStates)[number];

/** The cell that the control plane's own configuration describes: reached with its own credentials, without a role. */
export const configuredCellId = 'main';

/** One AWS account and Region that holds many silos. */
export interface Cell {
  /** A slug, unique for ever. */
  readonly id: string;
  readonly accountId: string;
  readonly region: string;
  /** The role in that account that the control plane assumes; null for its own credentials. */
  readonly roleArn: string | null;
  /** Sent with each AssumeRole (IAM User Guide, "Access to AWS accounts owned by third parties"); null without a role. */
  readonly externalId: string | null;
  /** Its practices answer at `<id>.<domain>`. */
  readonly domain: string;
  /** The Route 53 zone of `domain`. */
  readonly hostedZoneId: string;
  /** Where `lumenality/practice-app` lies, without the repository's name. */
  readonly imageRegistry: string;
  /** The Region's managed prefix list for S3; null where it is the templates' default. */
  readonly s3PrefixListId: string | null;
  /** Another Region, where the second copy of each backup goes. */
  readonly backupCopyRegion: string;
  /** Who is told about practices' alarms; null: nobody. */
  readonly alarmEmail: string | null;
  /** What silos may use of each quota, in all. */
  readonly limits: Amounts;
  readonly state: CellState;
  /** Grows by one at each change: the ETag. */
  readonly revision: number;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const regionPattern = /^[a-z]{2}(-[a-z]+)+-\d$/;

/** What an administrator tells of a new cell. */
export const newCellSchema = z.strictObject({
  id: z
    .string()
    .regex(
      /^[a-z][a-z0-9-]{1,30}$/,
      'must be 2 to 31 lower-case letters, digits and hyphens, a letter first',
    ),
  accountId: z.string().regex(/^\d{12}$/, 'must be the 12 digits of an AWS account'),
  region: z.string().regex(regionPattern, 'must be a Region such as us-west-2'),
  domain: z
    .string()
    .max(190)
    .regex(/^[a-z0-9-]+(\.[a-z0-9-]+)+$/, 'must be a domain name in lower case'),
  hostedZoneId: z.string().regex(/^Z[A-Z0-9]{1,31}$/, 'must be the id of a Route 53 hosted zone, Z…'),
  imageRegistry: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9.:/-]{3,254}$/,
      'must be a registry such as 111122223333.dkr.ecr.us-west-2.amazonaws.com',
    ),
  s3PrefixListId: z
    .string()
    .regex(/^pl-[0-9a-f]{8,17}$/, 'must be the id of a prefix list, pl-…')
    .nullable(),
  backupCopyRegion: z.string().regex(regionPattern, 'must be a Region such as us-east-2'),
  alarmEmail: z.email('must be an e-mail address').nullable(),
});
export type NewCell = z.infer<typeof newCellSchema>;

/** ARN of the role of a cell that the control plane assumes (stacks/cell/cell-stack.ts). */
export function controlPlaneRoleArn({ accountId, region }: Pick<Cell, 'accountId' | 'region'>): string {
  return `arn:${partitionOf(region)}:iam::${accountId}:role/lumenality-cell/control-plane`;
}

/** AWS General Reference, "Amazon Resource Names". */
function partitionOf(region: string): string {
  if (region.startsWith('us-gov-')) return 'aws-us-gov';
  return region.startsWith('cn-') ? 'aws-cn' : 'aws';
}
